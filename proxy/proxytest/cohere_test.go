package proxytest_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

func TestCohereAnswers(t *testing.T) {
	p := proxytest.NewCohere(proxytest.Options{})
	_, body := exchange(t, p, "/v2/chat", `{"model":"command-a-03-2025","messages":[{"role":"user","content":[{"type":"text","text":"one two"}]}],
		"proxytest":{"id":"c1","input":500,"output":8,"cached":144,"reasoning":3}}`)
	reads(t, body, map[string]any{
		"id": "c1", "message.role": "assistant", "message.content.0.text": proxytest.Plain(""), "finish_reason": "COMPLETE",
		"usage.billed_units.input_tokens": 250, "usage.billed_units.output_tokens": 4, "usage.cached_tokens": 144,
		"usage.tokens.input_tokens": 500, "usage.tokens.output_tokens": 8, "usage.tokens.reasoning_tokens": 3,
	})
	_, body = exchange(t, p, "/v1/chat", `{"preamble":"Be brief.","chat_history":[{"role":"USER","message":"one"}],"message":"two three","max_tokens":2}`)
	reads(t, body, map[string]any{
		"text": "The quick", "finish_reason": "MAX_TOKENS", "meta.api_version.version": "1",
		"meta.tokens.input_tokens": 5, "meta.tokens.output_tokens": 2, "meta.billed_units.output_tokens": 1,
	})
	_, body = exchange(t, p, "/v1/generate", `{"prompt":"one two","num_generations":2}`)
	reads(t, body, map[string]any{"generations.1.text": proxytest.Plain(""), "meta.tokens.input_tokens": 2, "meta.tokens.output_tokens": 18})
	witnessed(t, p,
		proxytest.Answer{API: "chat", Input: 500, Output: 8, Cached: 144, Reasoning: 3, Method: "POST", Path: "/v2/chat", Status: 200, Whole: true},
		proxytest.Answer{API: "chat", Input: 5, Output: 2, Method: "POST", Path: "/v1/chat", Status: 200, Whole: true},
		proxytest.Answer{API: "generate", Input: 2, Output: 18, Method: "POST", Path: "/v1/generate", Status: 200, Whole: true},
	)
}

func TestCohereStreamsEvents(t *testing.T) {
	p := proxytest.NewCohere(proxytest.Options{})
	const prompt = `{"model":"m","stream":true,"messages":[{"role":"user","content":"one two"}],"proxytest":`
	resp, body := exchange(t, p, "/v2/chat", prompt+`{"text":"yes no"}}`)
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got Content-Type %q", got)
	}
	names, data := events(body)
	if diff := cmp.Diff([]string{"message-start", "content-start", "content-delta", "content-delta", "content-end", "message-end"}, names); diff != "" {
		t.Fatalf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, data[3], map[string]any{"type": "content-delta", "index": 0, "delta.message.content.text": " no"})
	reads(t, data[5], map[string]any{"delta.finish_reason": "COMPLETE", "delta.usage.tokens.input_tokens": 2, "delta.usage.tokens.output_tokens": 2})
	if data[6] != "[DONE]" {
		t.Errorf("got %q behind message-end", data[6])
	}
	_, body = exchange(t, p, "/v2/chat", prompt+`{"error_after":2}}`)
	names, data = events(body)
	if names[2] != "message-end" || len(data) != 3 {
		t.Errorf("got events %v", names)
	}
	reads(t, data[2], map[string]any{"delta.finish_reason": "ERROR", "delta.usage": nil})
}

func TestCohereStreamsLines(t *testing.T) {
	p := proxytest.NewCohere(proxytest.Options{})
	const prompt = `{"stream":true,"message":"one two","proxytest":`
	resp, body := exchange(t, p, "/v1/chat", prompt+`{"text":"yes no"}}`)
	if got := resp.Header.Get("Content-Type"); got != "application/stream+json" {
		t.Errorf("got Content-Type %q", got)
	}
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("got %d lines, want 4: %s", len(lines), body)
	}
	reads(t, lines[0], map[string]any{"event_type": "stream-start", "is_finished": false})
	reads(t, lines[2], map[string]any{"event_type": "text-generation", "text": " no"})
	reads(t, lines[3], map[string]any{
		"event_type": "stream-end", "is_finished": true, "response.text": "yes no",
		"response.meta.tokens.input_tokens": 2, "response.meta.tokens.output_tokens": 2,
	})
	_, body = exchange(t, p, "/v1/chat", prompt+`{"error_after":1}}`)
	reads(t, strings.Split(body, "\n")[1], map[string]any{"event_type": "stream-error", "finish_reason": "ERROR"})

	_, body = exchange(t, p, "/v1/generate", `{"stream":true,"prompt":"one","proxytest":{"text":"yes no"}}`, "Accept", "text/event-stream")
	names, data := events(body)
	if diff := cmp.Diff([]string{"text-generation", "text-generation", "stream-end"}, names); diff != "" {
		t.Fatalf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, data[2], map[string]any{"response.generations.0.text": "yes no", "response.meta.tokens.output_tokens": 2})
	for _, a := range p.Answered() {
		if !a.Stream {
			t.Errorf("the witness saw no stream: %+v", a)
		}
	}
}

func TestCohereEmbeddings(t *testing.T) {
	p := proxytest.NewCohere(proxytest.Options{})
	_, body := exchange(t, p, "/v2/embed", `{"model":"embed-v4.0","texts":["one two","three"],"images":["data:image/png;base64,AA=="],"embedding_types":["float","int8","base64"],"output_dimension":4}`)
	reads(t, body, map[string]any{
		"response_type": "embeddings_by_type", "texts.1": "three", "meta.api_version.version": "2",
		"meta.billed_units.input_tokens": 3, "meta.billed_units.image_tokens": 1,
	})
	for _, kind := range []string{"float", "int8"} {
		if got := fields(t, body, "embeddings."+kind+".2")[0].([]any); len(got) != 4 {
			t.Errorf("%s: got %d dimensions, want 4", kind, len(got))
		}
	}
	_, body = exchange(t, p, "/v2/embed", `{"model":"embed-v4.0","inputs":[{"content":[{"type":"text","text":"one two"}]}]}`)
	reads(t, body, map[string]any{"response_type": "embeddings_by_type", "meta.billed_units.input_tokens": 2})
	_, body = exchange(t, p, "/v1/embed", `{"texts":["one two"]}`)
	reads(t, body, map[string]any{"response_type": "embeddings_floats", "meta.api_version.version": "1"})
	if got := fields(t, body, "embeddings.0")[0].([]any); len(got) != 1024 {
		t.Errorf("got %d dimensions, want 1024", len(got))
	}
	if seen := p.Answered(); seen[0].Input != 4 || seen[1].Input != 2 || seen[2].Output != 0 {
		t.Errorf("the witness saw %+v", seen)
	}
}

func TestCohereRerank(t *testing.T) {
	p := proxytest.NewCohere(proxytest.Options{})
	_, body := exchange(t, p, "/v2/rerank", `{"model":"rerank-v3.5","query":"one","documents":["two","three","four"],"top_n":2}`)
	reads(t, body, map[string]any{"meta.billed_units": map[string]any{"search_units": 1.0}, "results.0.document": nil, "results.2": nil})
	scores := fields(t, body, "results.0.relevance_score", "results.1.relevance_score")
	if scores[0].(float64) < scores[1].(float64) {
		t.Errorf("got scores %v, want the higher one first", scores)
	}
	many := `"x"` + strings.Repeat(`,{"text":"y z"}`, 100)
	_, body = exchange(t, p, "/v1/rerank", `{"query":"one","documents":[`+many+`],"return_documents":true}`)
	reads(t, body, map[string]any{"meta.billed_units.search_units": 2, "meta.api_version.version": "1", "results.1.document.text": "y z"})
	witnessed(t, p,
		proxytest.Answer{API: "rerank", Units: proxytest.Units{Searches: 1}, Method: "POST", Path: "/v2/rerank", Status: 200, Whole: true},
		proxytest.Answer{API: "rerank", Units: proxytest.Units{Searches: 2}, Method: "POST", Path: "/v1/rerank", Status: 200, Whole: true},
	)
}

func TestCohereRefuses(t *testing.T) {
	tests := []struct {
		name, path, body, key string
		status                int
	}{
		{"a wrong key", "/v2/chat", `{"model":"m","messages":[]}`, "wrong", 401},
		{"no model", "/v2/chat", `{"messages":[]}`, "k", 400},
		{"nothing to embed", "/v2/embed", `{"model":"m","texts":[]}`, "k", 400},
		{"no query", "/v2/rerank", `{"model":"m","documents":[]}`, "k", 400},
		{"no such path", "/v3/chat", `{"model":"m"}`, "k", 404},
		{"as the script says", "/v1/chat", `{"message":"m","proxytest":{"status":429}}`, "k", 429},
		{"nothing", "/v1/models", "", "k", 200},
	}
	p := proxytest.NewCohere(proxytest.Options{APIKey: "k"})
	for _, test := range tests {
		resp, body := exchange(t, p, test.path, test.body, "Authorization", "Bearer "+test.key)
		if resp.StatusCode != test.status {
			t.Errorf("%s: got %d %s, want %d", test.name, resp.StatusCode, body, test.status)
		}
		if said, _ := fields(t, body, "message")[0].(string); (said == "") != (test.status == 200) {
			t.Errorf("%s: got no message in %s", test.name, body)
		}
	}
}
