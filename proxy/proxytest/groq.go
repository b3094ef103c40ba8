package proxytest

import (
	"encoding/json"
	"net/http"
)

// NewGroq makes a provider that speaks Groq's API under /openai/v1: chat, whose streams report usage unasked, in x_groq
// of the chunk that finishes the answer and, if they were asked, at its top too.
func NewGroq(o Options) *Provider { return newProvider(o, &groq) }

var groq = service{admit: bearerOr(groqError), route: routeGroq, read: readModel, failed: groqError, header: groqHeader, fault: groqFault}

func routeGroq(method, path string) *api {
	switch {
	case method == http.MethodPost && path == "/openai/v1/chat/completions":
		return &api{"chat.completions", groqChat}
	case method == http.MethodGet && path == "/openai/v1/models":
		return &api{"models", listModels}
	}
	return nil
}

type groqFailure struct {
	Error struct {
		Message    string `json:"message"`
		Type       string `json:"type"`
		Code       string `json:"code,omitempty"`
		StatusCode int    `json:"status_code,omitempty"` // only in a stream
	} `json:"error"`
}

func groqError(status int, message string) *answer {
	var f groqFailure
	f.Error.Message, f.Error.Type = message, "invalid_request_error"
	switch {
	case message != "":
	case status == http.StatusUnauthorized:
		f.Error.Message, f.Error.Code = "Invalid API Key", "invalid_api_key"
	case status == http.StatusTooManyRequests:
		f.Error.Message, f.Error.Type, f.Error.Code = "Rate limit reached for model. Please try again in 2s.", "tokens", "rate_limit_exceeded"
	case status >= 500:
		f.Error.Message, f.Error.Type = "Internal Server Error", "internal_server_error"
	default:
		f.Error.Message = http.StatusText(status)
	}
	return fail(status, f)
}

func groqHeader(h http.Header, a *answer) {
	h.Set("X-Request-Id", "req_"+a.id)
	h.Set("X-Ratelimit-Limit-Tokens", "6000")
	h.Set("X-Ratelimit-Remaining-Tokens", "5991")
}

func groqFault() []byte {
	var f groqFailure
	f.Error.Message, f.Error.Type, f.Error.Code, f.Error.StatusCode = "Failed to call a function.", "invalid_request_error", "tool_use_failed", 400
	return event("error", f)
}

// The members of these types stand in the order in which Groq sends them.

type groqAnswer struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	Created           int64           `json:"created"`
	Model             string          `json:"model"`
	SystemFingerprint string          `json:"system_fingerprint"`
	Choices           []groqChoice    `json:"choices"`
	XGroq             *xGroq          `json:"x_groq,omitempty"`
	Usage             json.RawMessage `json:"usage,omitempty"`
}

type groqChoice struct {
	Index        int64     `json:"index"`
	Message      any       `json:"message,omitempty"`
	Delta        any       `json:"delta,omitempty"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

type xGroq struct {
	ID    string          `json:"id"`
	Usage json.RawMessage `json:"usage,omitempty"`
}

// said is a message, or the first piece of one.
type said struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type groqUsage struct {
	QueueTime               float64              `json:"queue_time"`
	PromptTokens            int64                `json:"prompt_tokens"`
	PromptTime              float64              `json:"prompt_time"`
	CompletionTokens        int64                `json:"completion_tokens"`
	CompletionTime          float64              `json:"completion_time"`
	TotalTokens             int64                `json:"total_tokens"`
	TotalTime               float64              `json:"total_time"`
	PromptTokensDetails     *inputTokensDetails  `json:"prompt_tokens_details,omitempty"`
	CompletionTokensDetails *outputTokensDetails `json:"completion_tokens_details,omitempty"`
}

// groqUsage tells of cache and reasoning only where there were such tokens.
func (q *request) groqUsage() json.RawMessage {
	u := groqUsage{
		QueueTime: 0.011, PromptTokens: q.usage.input, PromptTime: 0.002, CompletionTokens: q.usage.output, CompletionTime: 0.028,
		TotalTokens: q.usage.input + q.usage.output, TotalTime: 0.03,
	}
	if q.usage.cached > 0 {
		u.PromptTokensDetails = &inputTokensDetails{q.usage.cached}
	}
	if q.usage.reasoning > 0 {
		u.CompletionTokensDetails = &outputTokensDetails{q.usage.reasoning}
	}
	return q.rawUsage(u)
}

func groqChat(q *request) *answer {
	id := "chatcmpl-" + q.id
	build := func(object string, choice groqChoice) groqAnswer {
		return groqAnswer{
			ID: id, Object: object, Created: q.created, Model: q.Model, SystemFingerprint: fingerprint,
			Choices: []groqChoice{choice}, XGroq: &xGroq{ID: "req_" + q.id},
		}
	}
	finish := q.finishReason()
	if !q.Stream {
		return line(q, id, q.Model, func(text string) any {
			a := build("chat.completion", groqChoice{Message: said{"assistant", text}, FinishReason: &finish})
			a.Usage = q.groqUsage()
			return a
		})
	}
	const object = "chat.completion.chunk"
	parts := [][]byte{event("", build(object, groqChoice{Delta: said{"assistant", ""}}))}
	for _, word := range q.words {
		chunk := build(object, groqChoice{Delta: contentDelta{word}})
		chunk.XGroq = nil
		parts = append(parts, event("", chunk))
	}
	last := build(object, groqChoice{Delta: struct{}{}, FinishReason: &finish})
	last.XGroq.Usage = q.groqUsage()
	if q.StreamOptions.IncludeUsage {
		last.Usage = q.groqUsage()
	}
	parts = append(parts, event("", last), []byte("data: [DONE]\n\n"))
	return stream(q, id, q.Model, parts, len(parts)-2)
}
