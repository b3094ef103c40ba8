package proxytest_test

import (
	"strings"
	"testing"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

func TestOllamaAnswers(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{})
	resp, body := exchange(t, p, "/api/chat", `{"model":"llama3.2","stream":false,"options":{"num_predict":2},"messages":[{"role":"user","content":"one two"}]}`)
	if got := resp.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		t.Errorf("got Content-Type %q", got)
	}
	reads(t, body, map[string]any{
		"model": "llama3.2", "message.role": "assistant", "message.content": "The quick", "done": true, "done_reason": "length",
		"prompt_eval_count": 2, "eval_count": 2, "response": nil,
	})
	_, body = exchange(t, p, "/api/generate", `{"model":"llama3.2","stream":false,"system":"Be brief.","prompt":"one two","options":{"num_predict":-1}}`)
	reads(t, body, map[string]any{"response": proxytest.Plain(""), "done_reason": "stop", "prompt_eval_count": 4, "eval_count": 9, "message": nil})
	witnessed(t, p,
		proxytest.Answer{API: "chat", Model: "llama3.2", Input: 2, Output: 2, Method: "POST", Path: "/api/chat", Status: 200, Whole: true},
		proxytest.Answer{API: "generate", Model: "llama3.2", Input: 4, Output: 9, Method: "POST", Path: "/api/generate", Status: 200, Whole: true},
	)
}

func TestOllamaStreamsUnlessToldNotTo(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{})
	for path, prompt := range map[string]string{"/api/chat": `"messages":[{"role":"user","content":"one"}]`, "/api/generate": `"prompt":"one"`} {
		resp, body := exchange(t, p, path, `{"model":"m",`+prompt+`,"proxytest":{"text":"yes no"}}`)
		if got := resp.Header.Get("Content-Type"); got != "application/x-ndjson" {
			t.Errorf("%s: got Content-Type %q", path, got)
		}
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%s: got %d lines, want 3: %s", path, len(lines), body)
		}
		reads(t, lines[0], map[string]any{"done": false, "eval_count": nil})
		reads(t, lines[2], map[string]any{"done": true, "prompt_eval_count": 1, "eval_count": 2})
		if path == "/api/chat" {
			reads(t, lines[1], map[string]any{"message.content": " no"})
		} else {
			reads(t, lines[1], map[string]any{"response": " no"})
		}
	}
	for _, a := range p.Answered() {
		if !a.Stream || a.Input != 1 || a.Output != 2 {
			t.Errorf("the witness saw %+v", a)
		}
	}
}

func TestOllamaCountsAsTold(t *testing.T) {
	tests := []struct {
		script        string
		input, output any
		seen          [2]int64
	}{
		{`{"cached":5}`, nil, 9, [2]int64{0, 9}},
		{`{"no_usage":true}`, nil, nil, [2]int64{}},
		{`{"usage":{"eval_count":"many"}}`, nil, "many", [2]int64{}},
		{`{"usage":null}`, nil, nil, [2]int64{}},
		{`{"usage":7}`, nil, nil, [2]int64{}},
	}
	p := proxytest.NewOllama(proxytest.Options{})
	for i, test := range tests {
		_, body := exchange(t, p, "/api/generate", `{"model":"m","stream":false,"prompt":"one","proxytest":`+test.script+`}`)
		reads(t, body, map[string]any{"prompt_eval_count": test.input, "eval_count": test.output, "done": true})
		if a := p.Answered()[i]; a.Input != test.seen[0] || a.Output != test.seen[1] {
			t.Errorf("%s: the witness saw %+v", test.script, a)
		}
	}
}

func TestOllamaLoadsAModel(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{})
	_, body := exchange(t, p, "/api/generate", `{"model":"m"}`)
	reads(t, body, map[string]any{"done": true, "done_reason": "load", "response": "", "eval_count": nil})
	witnessed(t, p, proxytest.Answer{API: "generate", Model: "m", Method: "POST", Path: "/api/generate", Status: 200, Whole: true})
}

func TestOllamaEmbeddings(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{})
	_, body := exchange(t, p, "/api/embed", `{"model":"m","input":["one two","three"],"dimensions":3}`)
	reads(t, body, map[string]any{"model": "m", "prompt_eval_count": 3})
	if got := fields(t, body, "embeddings.1")[0].([]any); len(got) != 3 {
		t.Errorf("got %d dimensions, want 3", len(got))
	}
	_, body = exchange(t, p, "/api/embeddings", `{"model":"m","prompt":"one two"}`)
	reads(t, body, map[string]any{"prompt_eval_count": nil})
	if seen := p.Answered(); seen[0].Input != 3 || seen[1].Input != 0 {
		t.Errorf("the witness saw %+v", seen)
	}
}

func TestOllamaStreamBreaksOffWithAnError(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{})
	resp, body := exchange(t, p, "/api/chat", `{"model":"m","messages":[{"content":"one"}],"proxytest":{"error_after":1}}`)
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if resp.StatusCode != 200 || len(lines) != 2 {
		t.Fatalf("got status %d and %q", resp.StatusCode, body)
	}
	if said, ok := fields(t, lines[1], "error")[0].(string); !ok || said == "" {
		t.Errorf("got no error in %s", lines[1])
	}
}

func TestOllamaRefusesAndLists(t *testing.T) {
	p := proxytest.NewOllama(proxytest.Options{APIKey: "k"})
	resp, body := exchange(t, p, "/api/tags", "", "Authorization", "Bearer wrong")
	if resp.StatusCode != 401 {
		t.Errorf("got status %d, want 401", resp.StatusCode)
	}
	reads(t, body, map[string]any{"error": "unauthorized"})
	_, body = exchange(t, p, "/api/tags", "", "Authorization", "Bearer k")
	reads(t, body, map[string]any{"models.0.name": "llama3.2:latest", "models.0.details.format": "gguf"})
	resp, _ = exchange(t, p, "/api/pull", "{}", "Authorization", "Bearer k")
	if resp.StatusCode != 404 {
		t.Errorf("got status %d for a path that the provider does not have, want 404", resp.StatusCode)
	}
}
