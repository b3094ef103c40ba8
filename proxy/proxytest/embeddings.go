package proxytest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

type embedding struct {
	Object    string `json:"object"`
	Index     int    `json:"index"`
	Embedding any    `json:"embedding"` // []float32, or base64 of them
}

func embeddings(q *request) *answer {
	q.usage = usage{input: q.usage.input}
	a := document(q, "embd-"+q.id, q.Model, func(string) any {
		return struct {
			Object string          `json:"object"`
			Data   []embedding     `json:"data"`
			Model  string          `json:"model"`
			Usage  json.RawMessage `json:"usage,omitempty"`
		}{"list", q.vectors(1536), q.Model, q.embeddingsUsage()}
	})
	return a
}

// vectors are one for each input, of as many numbers as were asked for.
func (q *request) vectors(usual int) []embedding {
	dimensions := max(q.Dimensions, q.OutputDimension)
	if dimensions <= 0 {
		dimensions = usual
	}
	all := []embedding{}
	for i, text := range embeddingInputs(q.Input) {
		all = append(all, embedding{"embedding", i, encoded(vector(text, dimensions), q.EncodingFormat)})
	}
	return all
}

// embeddingInputs are one vector's worth each: a text, or the token ids of one.
func embeddingInputs(raw json.RawMessage) []string {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return []string{string(raw)}
	}
	var ids []int
	if json.Unmarshal(raw, &ids) == nil {
		return []string{string(raw)}
	}
	texts := make([]string, len(list))
	for i, text := range list {
		texts[i] = string(text)
	}
	return texts
}

// vector is of length 1 and the same for the same text.
func vector(text string, dimensions int) []float32 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(text)) // never fails
	random := rand.New(rand.NewPCG(h.Sum64(), 0))
	v := make([]float32, dimensions)
	var square float64
	for i := range v {
		x := random.NormFloat64()
		v[i] = float32(x)
		square += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(square))
	}
	return v
}

func encoded(v []float32, format string) any {
	if format != "base64" {
		return v
	}
	b, _ := binary.Append(nil, binary.LittleEndian, v) // floats always fit
	return base64.StdEncoding.EncodeToString(b)
}
