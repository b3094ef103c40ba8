package proxytest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// NewAnthropic makes a provider that speaks Anthropic's API: Messages, count_tokens and the list of models. The key is
// shown as x-api-key or as bearer.
func NewAnthropic(o Options) *Provider { return newProvider(o, &anthropic) }

var anthropic = service{
	admit: admitAnthropic, route: routeAnthropic, read: readAnthropic, failed: anthropicError, header: anthropicHeader, fault: anthropicFault,
}

func admitAnthropic(o Options, r *http.Request) *answer {
	key, shown := r.Header.Get("X-Api-Key"), bearer(r)
	switch {
	case !wrongKey(o, key), !wrongKey(o, shown):
		return nil
	case key != "":
		return anthropicError(http.StatusUnauthorized, "invalid x-api-key")
	case shown != "":
		return anthropicError(http.StatusUnauthorized, "Invalid bearer token")
	}
	return anthropicError(http.StatusUnauthorized, "x-api-key header is required")
}

func routeAnthropic(method, path string) *api {
	switch {
	case method == http.MethodPost && path == "/v1/messages":
		return &api{"messages", messages}
	case method == http.MethodPost && path == "/v1/messages/count_tokens":
		return &api{"messages.count_tokens", countMessages}
	case method == http.MethodHead && path == "/api/hello": // Claude Code asks so whether anyone is there
		return &api{"hello", func(q *request) *answer { return free(q, struct{}{}) }}
	case method == http.MethodGet && path == "/v1/models":
		return &api{"models", listAnthropicModels}
	case method == http.MethodGet && strings.HasPrefix(path, "/v1/models/"):
		return &api{"models", describeAnthropicModel}
	}
	return nil
}

// readAnthropic asks for what Anthropic asks for: the version and, of a message, the model and the limit.
func readAnthropic(q *request, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if r.Header.Get("Anthropic-Version") == "" {
		return complaint("anthropic-version: header is required")
	}
	if err := readMessage(q, body); err != nil {
		return err
	}
	if q.Model == "" {
		return complaint("model: Field required")
	}
	if q.MaxTokens <= 0 && q.path == "/v1/messages" {
		return complaint("max_tokens: Field required")
	}
	return nil
}

// readMessage takes the system prompt for the first of the texts.
func readMessage(q *request, body []byte) error {
	var rest struct {
		System json.RawMessage `json:"system"`
	}
	if json.Unmarshal(body, q) != nil || json.Unmarshal(body, &rest) != nil {
		return complaint("The request body is not valid JSON")
	}
	q.Instructions = rest.System
	return nil
}

// anthropicErrors are the types of errors by their status.
var anthropicErrors = map[int]string{
	http.StatusBadRequest:            "invalid_request_error",
	http.StatusUnauthorized:          "authentication_error",
	http.StatusPaymentRequired:       "billing_error",
	http.StatusForbidden:             "permission_error",
	http.StatusNotFound:              "not_found_error",
	http.StatusRequestEntityTooLarge: "request_too_large",
	http.StatusTooManyRequests:       "rate_limit_error",
	529:                              "overloaded_error",
}

type anthropicFailure struct {
	Type  string `json:"type"`
	Error struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	} `json:"error"`
}

func anthropicError(status int, message string) *answer {
	f := anthropicFailure{Type: "error"}
	f.Error.Type, f.Error.Message = anthropicErrors[status], message
	if f.Error.Type == "" {
		f.Error.Type = "api_error"
	}
	if message == "" {
		f.Error.Message = "The request was not answered: " + strings.ReplaceAll(f.Error.Type, "_", " ") + "."
	}
	a := &answer{status: status, contentType: "application/json", parts: [][]byte{marshal(f)}, usageAt: -1, headers: map[string]string{}}
	if status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
		a.headers["X-Should-Retry"] = "false"
	}
	return a
}

func anthropicHeader(h http.Header, a *answer) {
	h.Set("Request-Id", "req_"+a.id)
	h.Set("Anthropic-Organization-Id", "b7a1c3de-0000-4000-8000-5f2d9c6e8a10")
	h.Set("Anthropic-Ratelimit-Requests-Limit", "4000")
	h.Set("Anthropic-Ratelimit-Requests-Remaining", "3999")
	h.Set("Anthropic-Ratelimit-Requests-Reset", "2026-11-24T12:00:00Z")
	if a.stream {
		h.Set("Cache-Control", "no-cache")
	}
}

func anthropicFault() []byte {
	f := anthropicFailure{Type: "error"}
	f.Error.Type, f.Error.Message = "overloaded_error", "Overloaded"
	return event("error", f)
}

// anthropicModels are what /v1/models lists, by the names that people read.
var anthropicModels = []struct{ id, name string }{
	{"claude-opus-4-5", "Claude Opus 4.5"}, {"claude-sonnet-4-5", "Claude Sonnet 4.5"}, {"claude-haiku-4-5", "Claude Haiku 4.5"},
}

type anthropicModel struct {
	Type        string `json:"type"`
	ID          string `json:"id"`
	DisplayName string `json:"display_name"`
	CreatedAt   string `json:"created_at"`
}

func listAnthropicModels(q *request) *answer {
	list := struct {
		Data    []anthropicModel `json:"data"`
		HasMore bool             `json:"has_more"`
		FirstID string           `json:"first_id"`
		LastID  string           `json:"last_id"`
	}{FirstID: anthropicModels[0].id, LastID: anthropicModels[len(anthropicModels)-1].id}
	for _, m := range anthropicModels {
		list.Data = append(list.Data, anthropicModel{"model", m.id, m.name, "2025-09-29T00:00:00Z"})
	}
	return free(q, list)
}

func describeAnthropicModel(q *request) *answer {
	asked := strings.TrimPrefix(q.path, "/v1/models/")
	for _, m := range anthropicModels {
		if m.id == asked {
			return free(q, anthropicModel{"model", m.id, m.name, "2025-09-29T00:00:00Z"})
		}
	}
	return anthropicError(http.StatusNotFound, "model: "+asked)
}
