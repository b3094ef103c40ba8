package proxytest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// api is one operation of OpenAI's.
type api struct {
	name   string // as the ledger names it; the free ones have names of their own
	answer func(*request) *answer
}

// posts are the operations by path; models are read by GET.
var posts = map[string]*api{
	"/v1/chat/completions":  {"chat.completions", chat},
	"/v1/completions":       {"completions", completions},
	"/v1/responses":         {"responses", responses},
	"/v1/responses/compact": {"responses.compact", compact},
	"/v1/embeddings":        {"embeddings", embeddings},
	"/v1/moderations":       {"moderations", moderations},
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

// scriptedError is the error that a script asks for.
func scriptedError(s Script) *answer {
	var a *answer
	switch s.Status {
	case http.StatusUnauthorized:
		a = refuse(s.Status, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key")
	case http.StatusTooManyRequests:
		a = refuse(s.Status, "Rate limit reached for requests. Please try again in 6ms.", "requests", "rate_limit_exceeded")
	case http.StatusNotFound:
		a = noModel("nonexistent")
	default:
		a = refuse(s.Status, "The server had an error while processing your request. Sorry about that!", "server_error", "")
	}
	if s.Error != nil {
		a.parts = [][]byte{json.RawMessage(s.Error)}
	}
	return a
}
