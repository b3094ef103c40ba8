package proxytest

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
)

// NewVoyage makes a provider that speaks Voyage's API: embeddings and rerank, which report a total of tokens and nothing else.
func NewVoyage(o Options) *Provider { return newProvider(o, &voyage) }

var voyage = service{
	admit: bearerOr(voyageError), route: routeVoyage, read: readVoyage, failed: voyageError, header: func(http.Header, *answer) {},
}

func routeVoyage(method, path string) *api {
	switch {
	case method != http.MethodPost:
		return nil
	case path == "/v1/embeddings":
		return &api{"embeddings", voyageEmbeddings}
	case path == "/v1/rerank":
		return &api{"rerank", voyageRerank}
	}
	return nil
}

type rerankBody struct {
	Query           json.RawMessage `json:"query"`
	Documents       []string        `json:"documents"`
	TopK            int             `json:"top_k"`
	ReturnDocuments bool            `json:"return_documents"`
}

// readVoyage counts a query once for each document that it is compared with.
func readVoyage(q *request, r *http.Request, body []byte) error {
	if err := readModel(q, r, body); err != nil {
		return err
	}
	var b rerankBody
	if err := json.Unmarshal(body, &b); err != nil {
		return err
	}
	if b.Query != nil {
		texts := []json.RawMessage{}
		for _, document := range b.Documents {
			texts = append(texts, b.Query, marshal(document))
		}
		q.Input = marshal(texts)
	}
	return nil
}

func voyageError(status int, message string) *answer {
	switch {
	case message != "":
	case status == http.StatusUnauthorized:
		message = "Provided API key is invalid."
	case status == http.StatusTooManyRequests:
		message = "You have exceeded your rate limit of requests per minute."
	default:
		message = http.StatusText(status)
	}
	return fail(status, detail{message})
}

type totalOnly struct {
	TotalTokens int64 `json:"total_tokens"`
}

func voyageEmbeddings(q *request) *answer {
	return voyageAnswer(q, func() any { return q.vectors(1024) })
}

type ranked struct {
	RelevanceScore float64 `json:"relevance_score"`
	Index          int     `json:"index"`
	Document       string  `json:"document,omitempty"`
}

func voyageRerank(q *request) *answer {
	var b rerankBody
	_ = json.Unmarshal(q.body, &b) // as it was read before
	return voyageAnswer(q, func() any {
		list := []ranked{}
		for i, document := range b.Documents {
			one := ranked{RelevanceScore: relevance(b.Query, document), Index: i}
			if b.ReturnDocuments {
				one.Document = document
			}
			list = append(list, one)
		}
		slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.RelevanceScore, a.RelevanceScore) })
		if b.TopK > 0 {
			list = list[:min(b.TopK, len(list))]
		}
		return list
	})
}

func voyageAnswer(q *request, list func() any) *answer {
	q.usage = usage{input: q.usage.input}
	return line(q, "", q.Model, func(string) any {
		return struct {
			Object string          `json:"object"`
			Data   any             `json:"data"`
			Model  string          `json:"model"`
			Usage  json.RawMessage `json:"usage,omitempty"`
		}{"list", list(), q.Model, q.rawUsage(totalOnly{q.usage.input})}
	})
}

// relevance is between 0 and 1 and the same for the same texts.
func relevance(query []byte, document string) float64 {
	var sum float64
	a, b := vector(string(query), 64), vector(document, 64)
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return (1 + sum) / 2
}
