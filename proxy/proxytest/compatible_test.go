package proxytest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

const (
	mistralAsked = `{"model":"mistral-small-latest","messages":[{"role":"user","content":"one two"}]`
	groqAsked    = `{"model":"llama-3.1-8b-instant","messages":[{"role":"user","content":"one two"}]`
	groqPath     = "/openai/v1/chat/completions"
)

func TestMistralTellsUsageInTheChunkThatFinishes(t *testing.T) {
	p := proxytest.NewMistral(proxytest.Options{})
	_, body := exchange(t, p, "/v1/chat/completions", mistralAsked+`,"stream":true,"n":2,"max_tokens":2,"proxytest":{"cached":5}}`)
	_, data := events(body)
	if len(data) != 7 || data[6] != "[DONE]" {
		t.Fatalf("got %d events: %s", len(data), body)
	}
	reads(t, data[4], map[string]any{"choices.0.index": 0, "choices.0.finish_reason": "length", "usage": nil})
	reads(t, data[5], map[string]any{
		"choices.0.index": 1, "choices.0.delta.content": " quick", "choices.0.finish_reason": "length",
		"usage.prompt_tokens": 7, "usage.completion_tokens": 4, "usage.total_tokens": 11, "usage.prompt_tokens_details.cached_tokens": 5,
	})
	_, body = exchange(t, p, "/v1/chat/completions", mistralAsked+`}`)
	reads(t, body, map[string]any{"choices.0.message.content": proxytest.Plain(""), "choices.0.finish_reason": "stop", "usage.total_tokens": 11})
	streamed := proxytest.Answer{
		API: "chat.completions", Model: "mistral-small-latest", Input: 7, Cached: 5, Output: 4, Stream: true,
		Method: "POST", Path: "/v1/chat/completions", Status: 200, Whole: true,
	}
	plain := streamed
	plain.Input, plain.Cached, plain.Output, plain.Stream = 2, 0, 9, false
	witnessed(t, p, streamed, plain)
}

func TestMistralRefusesToBeAskedForUsage(t *testing.T) {
	p := proxytest.NewMistral(proxytest.Options{APIKey: "secret"})
	resp, body := exchange(t, p, "/v1/chat/completions", mistralAsked+`,"stream":true,"stream_options":{"include_usage":true}}`, "Authorization", "Bearer secret")
	if resp.StatusCode != 422 {
		t.Errorf("got status %d", resp.StatusCode)
	}
	reads(t, body, map[string]any{"detail.0.loc.1": "stream_options"})
	resp, body = exchange(t, p, "/v1/chat/completions", mistralAsked+`}`, "Authorization", "Bearer other")
	if resp.StatusCode != 401 || body != `{"detail":"Invalid API Key"}` {
		t.Errorf("got status %d: %s", resp.StatusCode, body)
	}
	resp, body = exchange(t, p, "/v1/chat/completions", `{"messages":[]}`, "Authorization", "Bearer secret")
	if resp.StatusCode != 400 {
		t.Errorf("got status %d", resp.StatusCode)
	}
	reads(t, body, map[string]any{"object": "error", "message": "you must provide a model parameter"})
}

func TestMistralEmbedsAndReadsPages(t *testing.T) {
	p := proxytest.NewMistral(proxytest.Options{})
	_, body := exchange(t, p, "/v1/embeddings", `{"model":"mistral-embed","input":["one two","three"],"output_dimension":8}`)
	reads(t, body, map[string]any{"usage.prompt_tokens": 3, "usage.completion_tokens": 0, "usage.total_tokens": 3, "data.1.index": 1})
	if vector := fields(t, body, "data.1.embedding")[0].([]any); len(vector) != 8 {
		t.Errorf("got %d dimensions, want 8", len(vector))
	}
	_, body = exchange(t, p, "/v1/ocr", `{"model":"mistral-ocr-latest","pages":[4,5],"document":{"type":"document_url","document_url":"https://documents.invalid/a"}}`)
	reads(t, body, map[string]any{"usage_info.pages_processed": 2, "pages.1.index": 1, "pages.1.markdown": "# " + proxytest.Plain("")})
	_, body = exchange(t, p, "/v1/ocr", `{"model":"mistral-ocr-latest","document":{},"proxytest":{"pages":7}}`)
	reads(t, body, map[string]any{"usage_info.pages_processed": 7})
	pages := proxytest.Answer{API: "ocr", Model: "mistral-ocr-latest", Method: "POST", Path: "/v1/ocr", Status: 200, Whole: true}
	two, seven := pages, pages
	two.Pages, seven.Pages = 2, 7
	witnessed(t, p, proxytest.Answer{
		API: "embeddings", Model: "mistral-embed", Input: 3, Method: "POST", Path: "/v1/embeddings", Status: 200, Whole: true,
	}, two, seven)
}

func TestGroqTellsUsageInXGroq(t *testing.T) {
	p := proxytest.NewGroq(proxytest.Options{})
	for asked, total := range map[string]any{``: nil, `,"stream_options":{"include_usage":true}`: 6} {
		_, body := exchange(t, p, groqPath, groqAsked+asked+`,"stream":true,"max_tokens":4,"proxytest":{"reasoning":3}}`)
		_, data := events(body)
		if len(data) != 7 || data[6] != "[DONE]" {
			t.Fatalf("got %d events: %s", len(data), body)
		}
		reads(t, data[1], map[string]any{"choices.0.delta.content": "The", "choices.0.finish_reason": nil, "x_groq": nil})
		reads(t, data[5], map[string]any{
			"choices.0.finish_reason": "length", "x_groq.usage.prompt_tokens": 2, "x_groq.usage.completion_tokens": 4,
			"x_groq.usage.completion_tokens_details.reasoning_tokens": 3, "usage.total_tokens": total,
		})
	}
	_, body := exchange(t, p, groqPath, groqAsked+`}`)
	reads(t, body, map[string]any{"choices.0.message.content": proxytest.Plain(""), "usage.total_tokens": 11, "x_groq.usage": nil})
	streamed := proxytest.Answer{
		API: "chat.completions", Model: "llama-3.1-8b-instant", Input: 2, Output: 4, Reasoning: 3, Stream: true,
		Method: "POST", Path: groqPath, Status: 200, Whole: true,
	}
	plain := streamed
	plain.Output, plain.Reasoning, plain.Stream = 9, 0, false
	witnessed(t, p, streamed, streamed, plain)
}

func TestGroqFails(t *testing.T) {
	p := proxytest.NewGroq(proxytest.Options{APIKey: "secret"})
	resp, body := exchange(t, p, groqPath, groqAsked+`}`)
	if resp.StatusCode != 401 {
		t.Errorf("got status %d", resp.StatusCode)
	}
	reads(t, body, map[string]any{"error.message": "Invalid API Key", "error.code": "invalid_api_key"})
	_, body = exchange(t, p, groqPath, groqAsked+`,"stream":true,"proxytest":{"error_after":1}}`, "Authorization", "Bearer secret")
	names, data := events(body)
	if diff := cmp.Diff([]string{"error"}, names); diff != "" || len(data) != 2 {
		t.Fatalf("the stream breaks off otherwise (-want +got):\n%s\nin %s", diff, body)
	}
	reads(t, data[1], map[string]any{"error.code": "tool_use_failed", "error.status_code": 400})
}

func TestVoyageTellsATotalOnly(t *testing.T) {
	p := proxytest.NewVoyage(proxytest.Options{APIKey: "secret"})
	key := []string{"Authorization", "Bearer secret"}
	_, body := exchange(t, p, "/v1/embeddings", `{"model":"voyage-4","input":["one two","three"],"encoding_format":"base64","output_dimension":256}`, key...)
	reads(t, body, map[string]any{"usage": map[string]any{"total_tokens": 3.0}, "model": "voyage-4"})
	if packed := fields(t, body, "data.0.embedding")[0].(string); len(packed) != 1368 { // base64 of 256 times 4 bytes
		t.Errorf("got %d characters", len(packed))
	}
	_, body = exchange(t, p, "/v1/rerank", `{"model":"rerank-2.5","query":"which one","documents":["the first","the last one","neither"],"top_k":2,"return_documents":true}`, key...)
	got := fields(t, body, "usage.total_tokens", "data.0.relevance_score", "data.1.relevance_score", "data.2", "data.0.document")
	if got[0] != 12.0 || got[1].(float64) < got[2].(float64) || got[3] != nil || got[4] == nil {
		t.Errorf("got total, scores, third and document %v", got)
	}
	resp, body := exchange(t, p, "/v1/rerank", `{"model":"rerank-2.5"}`)
	if resp.StatusCode != 401 || body != `{"detail":"Provided API key is invalid."}` {
		t.Errorf("got status %d: %s", resp.StatusCode, body)
	}
	witnessed(t, p,
		proxytest.Answer{API: "embeddings", Model: "voyage-4", Input: 3, Method: "POST", Path: "/v1/embeddings", Status: 200, Whole: true},
		proxytest.Answer{API: "rerank", Model: "rerank-2.5", Input: 12, Method: "POST", Path: "/v1/rerank", Status: 200, Whole: true},
		proxytest.Answer{Method: "POST", Path: "/v1/rerank", Status: 401, Whole: true},
	)
}
