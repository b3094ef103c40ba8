package proxytest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

const anthropicVersion = "2023-06-01"

func TestAnthropicMessage(t *testing.T) {
	p := proxytest.NewAnthropic(proxytest.Options{})
	resp, body := exchange(t, p, "/v1/messages?beta=true", `{"model":"claude-haiku-4-5","max_tokens":20,"system":[{"type":"text","text":"Be brief."}],
		"messages":[{"role":"user","content":"one two"}],"proxytest":{"cached":50,"cache_write":7,"reasoning":3}}`, "Anthropic-Version", anthropicVersion)
	if resp.StatusCode != 200 || resp.Header.Get("Request-Id") == "" {
		t.Errorf("got status %d and header %v", resp.StatusCode, resp.Header)
	}
	reads(t, body, map[string]any{
		"type": "message", "role": "assistant", "model": "claude-haiku-4-5", "stop_reason": "end_turn", "stop_sequence": nil,
		"content.0.type": "text", "content.0.text": proxytest.Plain(""),
		"usage.input_tokens": 4, "usage.cache_read_input_tokens": 50, "usage.cache_creation_input_tokens": 7,
		"usage.cache_creation.ephemeral_5m_input_tokens": 7, "usage.output_tokens": 12, "usage.output_tokens_details.thinking_tokens": 3,
	})
	witnessed(t, p, proxytest.Answer{
		API: "messages", Model: "claude-haiku-4-5", Input: 61, Cached: 50, CacheWrite: 7, Output: 12, Reasoning: 3,
		Method: "POST", Path: "/v1/messages?beta=true", Status: 200, Whole: true,
	})
}

func TestAnthropicStream(t *testing.T) {
	p := proxytest.NewAnthropic(proxytest.Options{})
	resp, body := exchange(t, p, "/v1/messages", `{"model":"claude-haiku-4-5","max_tokens":2,"stream":true,
		"messages":[{"role":"user","content":[{"type":"text","text":"one two"}]}],"proxytest":{"usage_twice":true}}`, "Anthropic-Version", anthropicVersion)
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream; charset=utf-8" {
		t.Errorf("got Content-Type %q", got)
	}
	names, data := events(body)
	want := []string{
		"message_start", "content_block_start", "ping", "content_block_delta", "content_block_delta", "content_block_stop",
		"message_delta", "message_delta", "message_stop",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, data[0], map[string]any{"message.usage.input_tokens": 2, "message.usage.output_tokens": 1, "message.stop_reason": nil})
	reads(t, data[4], map[string]any{"delta.type": "text_delta", "delta.text": " quick", "index": 0})
	reads(t, data[6], map[string]any{"delta.stop_reason": nil, "usage.output_tokens": 1})
	reads(t, data[7], map[string]any{"delta.stop_reason": "max_tokens", "usage.input_tokens": 2, "usage.output_tokens": 2})
	witnessed(t, p, proxytest.Answer{
		API: "messages", Model: "claude-haiku-4-5", Input: 2, Output: 2, Stream: true, Method: "POST", Path: "/v1/messages", Status: 200, Whole: true,
	})
}

func TestAnthropicStreamBreaksOffWithAnError(t *testing.T) {
	p := proxytest.NewAnthropic(proxytest.Options{})
	_, body := exchange(t, p, "/v1/messages", `{"model":"m","max_tokens":20,"stream":true,"messages":[],"proxytest":{"error_after":4}}`, "Anthropic-Version", anthropicVersion)
	names, data := events(body)
	if diff := cmp.Diff([]string{"message_start", "content_block_start", "ping", "content_block_delta", "error"}, names); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, data[len(data)-1], map[string]any{"type": "error", "error.type": "overloaded_error"})
}

func TestAnthropicRefuses(t *testing.T) {
	const message = `{"model":"m","max_tokens":9,"messages":[]}`
	tests := []struct {
		name, path, body string
		headers          []string
		status           int
		kind             string
	}{
		{"a wrong key", "/v1/messages", message, []string{"X-Api-Key", "wrong"}, 401, "authentication_error"},
		{"a wrong bearer", "/v1/messages", message, []string{"Authorization", "Bearer wrong"}, 401, "authentication_error"},
		{"no key", "/v1/models", "", nil, 401, "authentication_error"},
		{"no version", "/v1/messages", message, []string{"X-Api-Key", "sk"}, 400, "invalid_request_error"},
		{"no limit", "/v1/messages", `{"model":"m","messages":[]}`, []string{"X-Api-Key", "sk", "Anthropic-Version", anthropicVersion}, 400, "invalid_request_error"},
		{"no model", "/v1/messages", `{"max_tokens":1}`, []string{"X-Api-Key", "sk", "Anthropic-Version", anthropicVersion}, 400, "invalid_request_error"},
		{"no such path", "/v1/message", message, []string{"X-Api-Key", "sk"}, 404, "not_found_error"},
		{"as the script says", "/v1/messages", `{"model":"m","max_tokens":9,"proxytest":{"status":529}}`, []string{"Authorization", "Bearer sk", "Anthropic-Version", anthropicVersion}, 529, "overloaded_error"},
	}
	p := proxytest.NewAnthropic(proxytest.Options{APIKey: "sk"})
	for _, test := range tests {
		resp, body := exchange(t, p, test.path, test.body, test.headers...)
		if resp.StatusCode != test.status {
			t.Errorf("%s: got %d %s, want %d", test.name, resp.StatusCode, body, test.status)
			continue
		}
		reads(t, body, map[string]any{"type": "error", "error.type": test.kind})
	}
	for _, a := range p.Answered() {
		if a.Input != 0 || a.Output != 0 {
			t.Errorf("a refusal reports usage: %+v", a)
		}
	}
}

func TestAnthropicFreeOperations(t *testing.T) {
	p := proxytest.NewAnthropic(proxytest.Options{})
	_, body := exchange(t, p, "/v1/messages/count_tokens", `{"model":"m","messages":[{"role":"user","content":"one two three"}]}`, "Anthropic-Version", anthropicVersion)
	reads(t, body, map[string]any{"input_tokens": 3})
	_, body = exchange(t, p, "/v1/models", "")
	reads(t, body, map[string]any{"data.0.type": "model", "data.1.id": "claude-sonnet-4-5", "has_more": false})
	_, body = exchange(t, p, "/v1/models/claude-opus-4-5", "")
	reads(t, body, map[string]any{"display_name": "Claude Opus 4.5"})
	for _, a := range p.Answered() {
		if a.Input != 0 || a.Output != 0 {
			t.Errorf("%s reports usage: %+v", a.API, a)
		}
	}
}
