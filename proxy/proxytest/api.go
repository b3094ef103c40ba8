package proxytest

import (
	"mime"
	"net/http"
	"strings"
)

// api is one operation of a provider.
type api struct {
	name   string // as the ledger names it; the free ones have names of their own
	answer func(*request) *answer
}

var openAI = service{admit: admitOpenAI, route: route, read: readOpenAI, failed: openAIError, header: openAIHeader, fault: openAIFault}

func admitOpenAI(o Options, r *http.Request) *answer {
	if shown := bearer(r); wrongKey(o, shown) {
		return refuse(http.StatusUnauthorized, "Incorrect API key provided: "+masked(shown)+
			". You can find your API key at https://platform.openai.com/account/api-keys.", "invalid_request_error", "invalid_api_key")
	}
	return nil
}

// masked shows of a credential what OpenAI shows of it.
func masked(key string) string {
	if len(key) <= 8 {
		return strings.Repeat("*", len(key))
	}
	return key[:4] + strings.Repeat("*", len(key)-8) + key[len(key)-4:]
}

func readOpenAI(q *request, r *http.Request, body []byte) error {
	kind, form, _ := mime.ParseMediaType(r.Header.Get("Content-Type")) // what isn't a form is read as JSON
	if kind == "multipart/form-data" {
		if err := readForm(q, body, form["boundary"]); err != nil {
			return err
		}
	} else if err := readJSON(q, r, body); err != nil {
		return err
	}
	usual := q.path == "/v1/moderations" || strings.HasPrefix(q.path, "/v1/images/") // a model need not be named
	if r.Method == http.MethodPost && q.Model == "" && !usual {
		return complaint("you must provide a model parameter")
	}
	return nil
}

func openAIHeader(h http.Header, a *answer) {
	h.Set("Openai-Version", "2020-10-01")
	h.Set("Openai-Processing-Ms", "7")
	h.Set("X-Request-Id", "req_"+a.id)
	h.Set("X-Ratelimit-Limit-Requests", "10000")
	h.Set("X-Ratelimit-Remaining-Requests", "9999")
	h.Set("X-Ratelimit-Reset-Requests", "6ms")
}

func openAIFault() []byte {
	return []byte(`data: {"error":{"message":"The server had an error while processing your request. Sorry about that!","type":"server_error","param":null,"code":null}}` + "\n\n")
}

// posts are the operations by path; models are read by GET.
var posts = map[string]*api{
	"/v1/chat/completions":     {"chat.completions", chat},
	"/v1/completions":          {"completions", completions},
	"/v1/responses":            {"responses", responses},
	"/v1/responses/compact":    {"responses.compact", compact},
	"/v1/embeddings":           {"embeddings", embeddings},
	"/v1/images/generations":   {"images.generations", draw},
	"/v1/images/edits":         {"images.edits", draw},
	"/v1/audio/transcriptions": {"audio.transcriptions", transcription},
	"/v1/moderations":          {"moderations", moderations},
}

func route(method, path string) *api {
	switch {
	case method == http.MethodPost:
		return posts[path]
	case method != http.MethodGet:
		return nil
	case path == "/v1/models":
		return &api{"models", listModels}
	case strings.HasPrefix(path, "/v1/models/"):
		return &api{"models", describeModel}
	}
	return nil
}

// snapshots are the dated names with which models answer; others answer with the name that was asked for.
var snapshots = map[string]string{
	"gpt-4o":       "gpt-4o-2024-08-06",
	"gpt-4o-mini":  "gpt-4o-mini-2024-07-18",
	"gpt-4.1":      "gpt-4.1-2025-04-14",
	"gpt-4.1-mini": "gpt-4.1-mini-2025-04-14",
	"gpt-5-mini":   "gpt-5-mini-2025-08-07",
}

func snapshot(model string) string {
	if dated, ok := snapshots[model]; ok {
		return dated
	}
	return model
}

// modelIDs are what /v1/models lists.
var modelIDs = []string{"gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small", "text-embedding-3-large"}

type model struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func listModels(q *request) *answer {
	list := struct {
		Object string  `json:"object"`
		Data   []model `json:"data"`
	}{"list", nil}
	for _, id := range modelIDs {
		list.Data = append(list.Data, model{id, "model", 1721172741, "system"})
	}
	return free(q, list)
}

func describeModel(q *request) *answer {
	asked := strings.TrimPrefix(q.path, "/v1/models/")
	for _, id := range modelIDs {
		if id == asked {
			return free(q, model{id, "model", 1721172741, "system"})
		}
	}
	return noModel(asked)
}

func moderations(q *request) *answer {
	type result struct {
		Flagged        bool               `json:"flagged"`
		Categories     map[string]bool    `json:"categories"`
		CategoryScores map[string]float64 `json:"category_scores"`
	}
	return free(q, struct {
		ID      string   `json:"id"`
		Model   string   `json:"model"`
		Results []result `json:"results"`
	}{"modr-" + q.id, "omni-moderation-latest", []result{{
		Categories:     map[string]bool{"harassment": false, "violence": false},
		CategoryScores: map[string]float64{"harassment": 0.000011959857805023158, "violence": 0.0004},
	}}})
}

// free is an answer without tokens.
func free(q *request, v any) *answer {
	a := document(q, "", "", func(string) any { return v })
	a.usage = usage{}
	return a
}

// errorBody is OpenAI's error; Param and Code are null when they are nil.
type errorBody struct {
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    *string `json:"code"`
	} `json:"error"`
}

// refuse is an error answer; code "" is null.
func refuse(status int, message, kind, code string) *answer {
	var b errorBody
	b.Error.Message, b.Error.Type = message, kind
	if code != "" {
		b.Error.Code = &code
	}
	return &answer{status: status, contentType: "application/json; charset=utf-8", parts: [][]byte{marshalIndent(b)}, usageAt: -1}
}

func noModel(name string) *answer {
	return refuse(http.StatusNotFound, "The model `"+name+"` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found")
}

// openAIError is an error by its status; message "" is OpenAI's own.
func openAIError(status int, message string) *answer {
	switch {
	case message != "":
		return refuse(status, message, "invalid_request_error", "")
	case status == http.StatusUnauthorized:
		return refuse(status, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
	case status == http.StatusTooManyRequests:
		return refuse(status, "Rate limit reached for requests. Please try again in 6ms.", "requests", "rate_limit_exceeded")
	case status == http.StatusNotFound:
		return noModel("nonexistent")
	}
	return refuse(status, "The server had an error while processing your request. Sorry about that!", "server_error", "")
}
