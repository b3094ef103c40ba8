package proxytest

import (
	"encoding/json"
	"net/http"
	"strings"
)

type contentVector struct {
	Values []float32 `json:"values"`
}

// contentVectors are one a text of the input.
func (q *request) contentVectors() []contentVector {
	dimensions := q.Dimensions
	if dimensions == 0 {
		dimensions = 768
	}
	var vectors []contentVector
	for _, text := range embeddingInputs(q.Input) {
		vectors = append(vectors, contentVector{vector(text, dimensions)})
	}
	return vectors
}

// embedUsage is the usage that embeddings of newer models have, and all of Vertex's.
func (q *request) embedUsage() json.RawMessage {
	q.usage = usage{input: q.usage.input}
	switch {
	case q.onVertex():
		return q.rawUsage(usageMetadata{PromptTokenCount: q.usage.input, TotalTokenCount: q.usage.input, PromptTokensDetails: ofText(q.usage.input)})
	case strings.HasPrefix(q.Model, "gemini-embedding-2"):
		return q.rawUsage(struct {
			PromptTokenCount   int64            `json:"promptTokenCount"`
			PromptTokenDetails []modalityTokens `json:"promptTokenDetails"`
		}{q.usage.input, ofText(q.usage.input)})
	}
	q.usage = usage{}
	return nil
}

func embedContent(q *request) *answer {
	u := q.embedUsage()
	vectors := q.contentVectors()
	if len(vectors) != 1 {
		return googleError(http.StatusBadRequest, "* EmbedContentRequest.content: content is not specified")
	}
	return q.embedded(struct {
		Embedding     contentVector   `json:"embedding"`
		UsageMetadata json.RawMessage `json:"usageMetadata,omitempty"`
	}{vectors[0], u})
}

func batchEmbedContents(q *request) *answer {
	u := q.embedUsage()
	return q.embedded(struct {
		Embeddings    []contentVector `json:"embeddings"`
		UsageMetadata json.RawMessage `json:"usageMetadata,omitempty"`
	}{q.contentVectors(), u})
}

// prediction is a vector as Vertex's :predict has it.
type prediction struct {
	Embeddings predictedVector `json:"embeddings"`
}

type predictedVector struct {
	Values     []float32             `json:"values"`
	Statistics *predictionStatistics `json:"statistics,omitempty"`
}

type predictionStatistics struct {
	Truncated  bool    `json:"truncated"`
	TokenCount float64 `json:"token_count"`
}

// predict tells of each instance how many tokens it had; the input is their sum.
func predict(q *request) *answer {
	q.usage = usage{input: q.usage.input}
	var said struct {
		Predictions []prediction `json:"predictions"`
		Metadata    struct {
			BillableCharacterCount int64 `json:"billableCharacterCount"`
		} `json:"metadata"`
	}
	said.Metadata.BillableCharacterCount = 5 * q.usage.input
	vectors := q.contentVectors()
	rest := q.usage.input
	for i, v := range vectors {
		p := prediction{predictedVector{Values: v.Values}}
		share := rest / int64(len(vectors)-i)
		rest -= share
		if !q.Proxytest.NoUsage {
			p.Embeddings.Statistics = &predictionStatistics{TokenCount: float64(share)}
		}
		said.Predictions = append(said.Predictions, p)
	}
	return q.embedded(said)
}

func (q *request) embedded(v any) *answer {
	a := document(q, q.id, "", func(string) any { return v })
	a.contentType = googleJSON
	return a
}
