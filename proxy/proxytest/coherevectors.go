package proxytest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// cohereEmbed counts a picture as one token, beside those of the texts.
func cohereEmbed(q *request) *answer {
	b, err := q.cohereBody()
	if err != nil || len(b.Texts)+len(b.Images)+len(b.Inputs) == 0 {
		return cohereError(http.StatusBadRequest, "invalid request: at least one of texts, images and inputs is required")
	}
	q.usage = usage{input: q.usage.input}
	pictures := min(int64(len(b.Images)), q.usage.input)
	said := embedded{ID: q.id, Texts: b.Texts, Meta: q.cohereMeta(struct {
		BilledUnits embeddedUnits `json:"billed_units"`
	}{embeddedUnits{q.usage.input - pictures, pictures}})}
	var vectors [][]float32
	for _, text := range embeddingInputs(q.Input) {
		vectors = append(vectors, vector(text, cmp.Or(q.Dimensions, 1024)))
	}
	kinds := b.EmbeddingTypes
	if len(kinds) == 0 && q.cohereVersion() == "2" {
		kinds = []string{"float"}
	}
	said.Embeddings, said.ResponseType = vectors, "embeddings_floats"
	if len(kinds) > 0 {
		said.Embeddings, said.ResponseType = byType(kinds, vectors), "embeddings_by_type"
	}
	return line(q, q.id, "", func(string) any { return said })
}

type embedded struct {
	ID           string            `json:"id"`
	Texts        []json.RawMessage `json:"texts,omitempty"`
	Embeddings   any               `json:"embeddings"`
	Meta         json.RawMessage   `json:"meta,omitempty"`
	ResponseType string            `json:"response_type"`
}

type embeddedUnits struct {
	InputTokens int64 `json:"input_tokens"`
	ImageTokens int64 `json:"image_tokens"`
}

// byType has the vectors once a type; packed bits are no type of this provider's.
func byType(kinds []string, vectors [][]float32) map[string][]any {
	lists := map[string][]any{}
	for _, kind := range kinds {
		for _, v := range vectors {
			one := encoded(v, kind)
			if kind == "int8" {
				one = bytesOf(v)
			}
			lists[kind] = append(lists[kind], one)
		}
	}
	return lists
}

// bytesOf are the numbers of a vector between -127 and 127.
func bytesOf(v []float32) []int {
	whole := make([]int, len(v))
	for i, x := range v {
		whole[i] = int(127 * x)
	}
	return whole
}

type cohereRank struct {
	Index          int             `json:"index"`
	RelevanceScore float64         `json:"relevance_score"`
	Document       *cohereDocument `json:"document,omitempty"`
}

type cohereDocument struct {
	Text string `json:"text"`
}

// documentsPerSearch is what one search unit pays for.
const documentsPerSearch = 100

// cohereRerank counts searches, no tokens.
func cohereRerank(q *request) *answer {
	b, err := q.cohereBody()
	if err != nil || b.Query == nil {
		return cohereError(http.StatusBadRequest, "invalid request: query is required")
	}
	ranks := []cohereRank{}
	for i, raw := range b.Documents {
		var v any
		_ = json.Unmarshal(raw, &v) // as it was read before
		text := strings.Join(collect(nil, v), " ")
		rank := cohereRank{Index: i, RelevanceScore: relevance(b.Query, text)}
		if b.ReturnDocuments {
			rank.Document = &cohereDocument{text}
		}
		ranks = append(ranks, rank)
	}
	slices.SortStableFunc(ranks, func(a, b cohereRank) int { return cmp.Compare(b.RelevanceScore, a.RelevanceScore) })
	if b.TopN > 0 {
		ranks = ranks[:min(b.TopN, len(ranks))]
	}
	searches := int64(len(b.Documents)+documentsPerSearch-1) / documentsPerSearch
	q.usage = usage{units: Units{Searches: searches}}
	return line(q, q.id, "", func(string) any {
		return struct {
			ID      string          `json:"id"`
			Results []cohereRank    `json:"results"`
			Meta    json.RawMessage `json:"meta,omitempty"`
		}{q.id, ranks, q.cohereMeta(struct {
			BilledUnits rankUnits `json:"billed_units"`
		}{rankUnits{searches}})}
	})
}

type rankUnits struct {
	SearchUnits int64 `json:"search_units"`
}
