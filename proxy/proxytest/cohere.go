package proxytest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// NewCohere makes a provider that speaks both versions of Cohere's API. The key is shown as bearer.
func NewCohere(o Options) *Provider { return newProvider(o, &cohere) }

var cohere = service{
	admit: bearerOr(cohereError), route: routeCohere, read: readCohere, failed: cohereError, header: cohereHeader, fault: cohereFault,
}

// cohereOperations are the operations by method and path.
var cohereOperations = map[string]*api{
	"POST /v2/chat":     {"chat", cohereChat},
	"POST /v1/chat":     {"chat", cohereChatV1},
	"POST /v1/generate": {"generate", cohereGenerate},
	"POST /v2/embed":    {"embed", cohereEmbed},
	"POST /v1/embed":    {"embed", cohereEmbed},
	"POST /v2/rerank":   {"rerank", cohereRerank},
	"POST /v1/rerank":   {"rerank", cohereRerank},
	"GET /v1/models":    {"models", listCohereModels},
}

func routeCohere(method, path string) *api { return cohereOperations[method+" "+path] }

// cohereVersion is of the API, as a path names it.
func (q *request) cohereVersion() string { return q.path[len("/v"):][:1] }

// cohereBody is what is read of a body beside what all APIs have.
type cohereBody struct {
	Message     string          `json:"message"`
	Preamble    json.RawMessage `json:"preamble"`
	ChatHistory []struct {
		Message string `json:"message"`
	} `json:"chat_history"`
	NumGenerations int64 `json:"num_generations"`

	Texts  []json.RawMessage `json:"texts"`
	Images []json.RawMessage `json:"images"`
	Inputs []struct {
		Content json.RawMessage `json:"content"`
	} `json:"inputs"`
	EmbeddingTypes  []string `json:"embedding_types"`
	OutputDimension int      `json:"output_dimension"`

	Query           json.RawMessage   `json:"query"`
	Documents       []json.RawMessage `json:"documents"`
	TopN            int               `json:"top_n"`
	ReturnDocuments bool              `json:"return_documents"`
}

func (q *request) cohereBody() (b cohereBody, err error) {
	err = json.Unmarshal(q.body, &b)
	return b, err
}

// readCohere frames streams of version 1 as events only for a client that accepts them.
func readCohere(q *request, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost {
		return nil
	}
	var b cohereBody
	if json.Unmarshal(body, q) != nil || json.Unmarshal(body, &b) != nil {
		return complaint("invalid request: the body is not the JSON object that is expected")
	}
	if q.Model == "" && q.cohereVersion() == "2" {
		return complaint("invalid request: model is required")
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		q.alt = "sse"
	}
	q.N, q.Dimensions = b.NumGenerations, b.OutputDimension
	if b.Message != "" {
		var said []string
		for _, turn := range b.ChatHistory {
			said = append(said, turn.Message)
		}
		q.Instructions, q.Messages = b.Preamble, marshal(append(said, b.Message))
	}
	if texts := append(b.Texts, b.Images...); len(texts)+len(b.Inputs) > 0 {
		for _, input := range b.Inputs {
			texts = append(texts, input.Content)
		}
		q.Input = marshal(texts)
	}
	return nil
}

type cohereFailure struct {
	ID      string `json:"id"`
	Message string `json:"message"`
}

func cohereError(status int, message string) *answer {
	switch {
	case message != "":
	case status == http.StatusUnauthorized:
		message = "invalid api token"
	case status == http.StatusTooManyRequests:
		message = "Please wait and try again later"
	default:
		message = "the request was not answered: " + strings.ToLower(http.StatusText(status))
	}
	return fail(status, cohereFailure{"5c1f9a60-0000-4000-8000-3e7b2d84c915", message})
}

func cohereHeader(h http.Header, a *answer) {
	h.Set("X-Debug-Trace-Id", a.id)
	h.Set("Cache-Control", "no-cache, no-store, no-transform, must-revalidate, private, max-age=0")
	if billed := a.usage.billed(); billed.InputTokens > 0 && !a.stream {
		h.Set("Num_tokens", strconv.FormatInt(billed.InputTokens+billed.OutputTokens, 10))
	}
}

func cohereFault() []byte {
	return event("message-end", cohereEvent{Type: "message-end", Delta: cohereDelta{FinishReason: "ERROR", Error: "internal server error"}})
}

func listCohereModels(q *request) *answer {
	type model struct {
		Name          string   `json:"name"`
		Endpoints     []string `json:"endpoints"`
		Finetuned     bool     `json:"finetuned"`
		ContextLength int      `json:"context_length"`
	}
	return free(q, struct {
		Models []model `json:"models"`
	}{[]model{
		{"command-a-03-2025", []string{"chat"}, false, 256000},
		{"embed-v4.0", []string{"embed"}, false, 128000},
		{"rerank-v3.5", []string{"rerank"}, false, 4096},
	}})
}
