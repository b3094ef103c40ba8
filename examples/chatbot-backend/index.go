package main

import (
	"context"
	"errors"
	"math"

	"github.com/sashabaranov/go-openai"
)

// index finds a document by its meaning. A real one is a vector database.
type index []entry

type entry struct {
	text   string
	vector []float32
}

func newIndex(texts []string, vectors [][]float32) index {
	var i index
	for n, text := range texts {
		i = append(i, entry{text, vectors[n]})
	}
	return i
}

// nearest is the text with the smallest angle to a vector.
func (i index) nearest(to []float32) string {
	best, text := math.Inf(-1), ""
	for _, e := range i {
		if c := cosine(e.vector, to); c > best {
			best, text = c, e.text
		}
	}
	return text
}

func cosine(a, b []float32) float64 {
	var dot, aa, bb float64
	for i := range min(len(a), len(b)) {
		x, y := float64(a[i]), float64(b[i])
		dot, aa, bb = dot+x*y, aa+x*x, bb+y*y
	}
	return dot / math.Sqrt(aa*bb)
}

// embed gives each text its vector.
func embed(ctx context.Context, client *openai.Client, texts []string) ([][]float32, error) {
	answer, err := patiently(ctx, func() (openai.EmbeddingResponse, error) {
		return client.CreateEmbeddings(ctx, openai.EmbeddingRequest{Model: openai.SmallEmbedding3, Input: texts})
	})
	if err != nil {
		return nil, err
	}
	if len(answer.Data) != len(texts) {
		return nil, errors.New("not as many vectors as texts")
	}
	vectors := make([][]float32, len(texts))
	for i, e := range answer.Data {
		vectors[i] = e.Embedding
	}
	return vectors, nil
}
