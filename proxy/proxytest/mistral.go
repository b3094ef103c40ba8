package proxytest

import (
	"encoding/json"
	"net/http"
)

// NewMistral makes a provider that speaks Mistral's API: chat, whose streams report usage unasked and in the chunk that finishes the
// answer, and which refuses to be asked; embeddings; OCR.
func NewMistral(o Options) *Provider { return newProvider(o, &mistral) }

var mistral = service{
	admit: bearerOr(mistralError), route: routeMistral, read: readModel, failed: mistralError, header: mistralHeader, fault: mistralFault,
}

var mistralOperations = map[string]*api{
	"/v1/chat/completions": {"chat.completions", mistralChat},
	"/v1/embeddings":       {"embeddings", mistralEmbeddings},
	"/v1/ocr":              {"ocr", ocr},
}

func routeMistral(method, path string) *api {
	if method == http.MethodGet && path == "/v1/models" {
		return &api{"models", listModels}
	}
	if method != http.MethodPost {
		return nil
	}
	return mistralOperations[path]
}

type mistralFailure struct {
	Object  string  `json:"object"`
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
}

// detail is an error as frameworks of Python write it: a text, or a list of what a body should not have.
type detail struct {
	Detail any `json:"detail"`
}

func mistralError(status int, message string) *answer {
	var body any = mistralFailure{"error", message, "invalid_request_error", nil, "3000"}
	switch {
	case status == http.StatusUnauthorized:
		body = detail{"Invalid API Key"}
	case status == http.StatusTooManyRequests:
		body = mistralFailure{"error", "Rate limit exceeded", "rate_limited", nil, "1300"}
	case message == "":
		body = mistralFailure{"error", "Service unavailable.", "internal_server_error", nil, "3700"}
	}
	return fail(status, body)
}

func mistralHeader(h http.Header, a *answer) {
	h.Set("Mistral-Correlation-Id", a.id)
	h.Set("X-Ratelimit-Tokens-Query-Cost", "13")
}

func mistralFault() []byte {
	return event("", mistralFailure{"error", "Service unavailable.", "internal_server_error", nil, "3700"})
}

// The members of these types stand in the order in which Mistral sends them.

type mistralAnswer struct {
	ID      string          `json:"id"`
	Created int64           `json:"created"`
	Model   string          `json:"model"`
	Usage   json.RawMessage `json:"usage,omitempty"`
	Object  string          `json:"object"`
	Choices []mistralChoice `json:"choices"`
}

type mistralChoice struct {
	Index        int64          `json:"index"`
	FinishReason string         `json:"finish_reason"`
	Message      mistralMessage `json:"message"`
}

type mistralMessage struct {
	Role      string    `json:"role"`
	ToolCalls *struct{} `json:"tool_calls"`
	Content   string    `json:"content"`
}

type mistralChunk struct {
	ID      string               `json:"id"`
	Object  string               `json:"object"`
	Created int64                `json:"created"`
	Model   string               `json:"model"`
	Choices []mistralChunkChoice `json:"choices"`
	Usage   json.RawMessage      `json:"usage,omitempty"`
	P       string               `json:"p,omitempty"`
}

type mistralChunkChoice struct {
	Index        int64   `json:"index"`
	Delta        any     `json:"delta"`
	FinishReason *string `json:"finish_reason"`
}

type mistralUsage struct {
	PromptTokens        int64              `json:"prompt_tokens"`
	TotalTokens         int64              `json:"total_tokens"`
	CompletionTokens    int64              `json:"completion_tokens"`
	PromptTokensDetails inputTokensDetails `json:"prompt_tokens_details"`
	ServiceTier         string             `json:"service_tier"`
}

func (q *request) mistralUsage() json.RawMessage {
	q.usage.reasoning = 0 // not told
	return q.rawUsage(mistralUsage{q.usage.input, q.usage.input + q.usage.output, q.usage.output, inputTokensDetails{q.usage.cached}, "standard"})
}

func mistralChat(q *request) *answer {
	switch {
	case q.StreamOptions.IncludeUsage:
		type extra struct {
			Type string   `json:"type"`
			Loc  []string `json:"loc"`
			Msg  string   `json:"msg"`
		}
		return fail(http.StatusUnprocessableEntity, detail{[]extra{{"extra_forbidden", []string{"body", "stream_options"}, "Extra inputs are not permitted"}}})
	case q.Stream:
		return mistralStream(q)
	}
	return line(q, q.id, q.Model, func(text string) any {
		c := mistralAnswer{ID: q.id, Created: q.created, Model: q.Model, Usage: q.mistralUsage(), Object: "chat.completion"}
		for i := range q.N {
			c.Choices = append(c.Choices, mistralChoice{i, q.finishReason(), mistralMessage{Role: "assistant", Content: text}})
		}
		return c
	})
}

// mistralStream ends each choice in the chunk of its last word, and tells the usage with the last choice's.
func mistralStream(q *request) *answer {
	var parts [][]byte
	say := func(choice mistralChunkChoice, u json.RawMessage) {
		parts = append(parts, event("", mistralChunk{
			ID: q.id, Object: "chat.completion.chunk", Created: q.created, Model: q.Model,
			Choices: []mistralChunkChoice{choice}, Usage: u, P: padding(len(parts)),
		}))
	}
	for i := range q.N {
		say(mistralChunkChoice{Index: i, Delta: said{"assistant", ""}}, nil)
	}
	for at, word := range q.words {
		for i := range q.N {
			choice := mistralChunkChoice{Index: i, Delta: contentDelta{word}}
			var u json.RawMessage
			if at == len(q.words)-1 {
				choice.FinishReason = new(q.finishReason())
				if i == q.N-1 {
					u = q.mistralUsage()
				}
			}
			say(choice, u)
		}
	}
	parts = append(parts, []byte("data: [DONE]\n\n"))
	return stream(q, q.id, q.Model, parts, len(parts)-2)
}

func mistralEmbeddings(q *request) *answer {
	q.usage = usage{input: q.usage.input}
	type counts struct {
		PromptAudioSeconds *int64    `json:"prompt_audio_seconds"`
		PromptTokens       int64     `json:"prompt_tokens"`
		TotalTokens        int64     `json:"total_tokens"`
		CompletionTokens   int64     `json:"completion_tokens"`
		Details            *struct{} `json:"prompt_tokens_details"`
	}
	return line(q, q.id, q.Model, func(string) any {
		return struct {
			ID     string          `json:"id"`
			Object string          `json:"object"`
			Data   []embedding     `json:"data"`
			Model  string          `json:"model"`
			Usage  json.RawMessage `json:"usage,omitempty"`
		}{q.id, "list", q.vectors(1024), q.Model, q.rawUsage(counts{PromptTokens: q.usage.input, TotalTokens: q.usage.input})}
	})
}

type ocrPage struct {
	Index      int      `json:"index"`
	Markdown   string   `json:"markdown"`
	Images     []string `json:"images"`
	Dimensions struct {
		DPI    int `json:"dpi"`
		Height int `json:"height"`
		Width  int `json:"width"`
	} `json:"dimensions"`
}

// ocr reads as many pages as the script says, else those that were asked for, else one.
func ocr(q *request) *answer {
	var asked struct {
		Pages []int `json:"pages"`
	}
	_ = json.Unmarshal(q.body, &asked) // a text ("0-3") leaves it empty
	pages := q.Proxytest.Pages
	if pages == 0 {
		pages = int64(max(1, len(asked.Pages)))
	}
	a := line(q, q.id, q.Model, func(text string) any {
		type usage struct {
			PagesProcessed int64 `json:"pages_processed"`
			DocSizeBytes   int   `json:"doc_size_bytes"`
		}
		read := struct {
			Pages              []ocrPage       `json:"pages"`
			Model              string          `json:"model"`
			DocumentAnnotation *string         `json:"document_annotation"`
			UsageInfo          json.RawMessage `json:"usage_info,omitempty"`
		}{Model: q.Model, UsageInfo: q.rawUsage(usage{pages, len(q.body)})}
		for i := range pages {
			page := ocrPage{Index: int(i), Markdown: "# " + text, Images: []string{}}
			page.Dimensions.DPI, page.Dimensions.Height, page.Dimensions.Width = 200, 2200, 1700
			read.Pages = append(read.Pages, page)
		}
		return read
	})
	a.usage = usage{}
	if !q.Proxytest.NoUsage {
		a.usage.units.Pages = pages
	}
	return a
}
