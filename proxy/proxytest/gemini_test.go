package proxytest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

const (
	geminiModel = "/v1beta/models/gemini-2.5-flash:"
	vertexModel = "/v1/projects/p/locations/europe-west1/publishers/google/models/"
)

func TestGeminiAnswer(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	resp, body := exchange(t, p, geminiModel+"generateContent", `{"systemInstruction":{"parts":[{"text":"Be brief."}]},
		"contents":[{"role":"user","parts":[{"text":"one two"}]}],"generationConfig":{"candidateCount":2},
		"proxytest":{"id":"r1","input":40,"cached":30,"reasoning":5}}`)
	if got := resp.Header.Get("Content-Type"); got != "application/json; charset=UTF-8" {
		t.Errorf("got Content-Type %q", got)
	}
	reads(t, body, map[string]any{
		"candidates.0.content.parts.0.text": proxytest.Plain(""), "candidates.0.content.role": "model", "candidates.1.finishReason": "STOP",
		"candidates.1.index": 1, "modelVersion": "gemini-2.5-flash", "responseId": "r1",
		"usageMetadata.promptTokenCount": 40, "usageMetadata.cachedContentTokenCount": 30, "usageMetadata.candidatesTokenCount": 18,
		"usageMetadata.thoughtsTokenCount": 5, "usageMetadata.totalTokenCount": 63, "usageMetadata.promptTokensDetails.0.modality": "TEXT",
		"usageMetadata.trafficType": nil,
	})
	witnessed(t, p, proxytest.Answer{
		API: "generateContent", Model: "gemini-2.5-flash", Input: 40, Cached: 30, Output: 23, Reasoning: 5,
		Method: "POST", Path: geminiModel + "generateContent", Status: 200, Whole: true,
	})
}

func TestGeminiLimitInBothSpellings(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	for _, config := range []string{`"generationConfig":{"maxOutputTokens":3}`, `"generation_config":{"max_output_tokens":3}`} {
		_, body := exchange(t, p, geminiModel+"generateContent", `{"contents":[{"parts":[{"text":"one"}]}],`+config+`}`)
		reads(t, body, map[string]any{"candidates.0.finishReason": "MAX_TOKENS", "usageMetadata.candidatesTokenCount": 3})
	}
	_, body := exchange(t, p, geminiModel+"generateContent", `{"contents":[],"generationConfig":{"maxOutputTokens":3},"proxytest":{"reasoning":3,"output":9}}`)
	reads(t, body, map[string]any{"usageMetadata.candidatesTokenCount": nil, "usageMetadata.thoughtsTokenCount": 3})
}

func TestGeminiStreamOfEvents(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	resp, body := exchange(t, p, geminiModel+"streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"one two"}]}],"proxytest":{"text":"yes no","reasoning":4}}`)
	if got := resp.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Errorf("got Content-Type %q", got)
	}
	if n := strings.Count(body, "\r\n\r\n"); n != 3 || strings.Count(body, "\n") != 6 {
		t.Errorf("got %d events with CRLF of 3 in %q", n, body)
	}
	_, data := events(body)
	reads(t, data[0], map[string]any{
		"candidates.0.content.parts.0.text": "yes", "candidates.0.finishReason": nil,
		"usageMetadata.promptTokenCount": 2, "usageMetadata.candidatesTokenCount": 1, "usageMetadata.totalTokenCount": 7,
	})
	reads(t, data[2], map[string]any{"candidates.0.finishReason": "STOP", "usageMetadata.candidatesTokenCount": 2, "usageMetadata.totalTokenCount": 8})
	witnessed(t, p, proxytest.Answer{
		API: "generateContent", Model: "gemini-2.5-flash", Input: 2, Output: 6, Reasoning: 4, Stream: true,
		Method: "POST", Path: geminiModel + "streamGenerateContent?alt=sse", Status: 200, Whole: true,
	})
}

func TestGeminiStreamAsAnArray(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	tests := []struct {
		script   string
		elements int
		last     map[string]any
	}{
		{`{"text":"yes no"}`, 3, map[string]any{"candidates.0.finishReason": "STOP", "usageMetadata.totalTokenCount": 4}},
		{`{"text":"yes no","error_after":1}`, 2, map[string]any{"error.status": "UNAVAILABLE"}},
		{`{"text":"yes no","error_after":0}`, 1, map[string]any{"error.code": 503}},
	}
	for _, test := range tests {
		_, body := exchange(t, p, geminiModel+"streamGenerateContent", `{"contents":[{"parts":[{"text":"one two"}]}],"proxytest":`+test.script+`}`)
		var elements []json.RawMessage
		if err := json.Unmarshal([]byte(body), &elements); err != nil {
			t.Fatalf("%s: %v in %s", test.script, err, body)
		}
		if len(elements) != test.elements {
			t.Fatalf("%s: got %d elements, want %d", test.script, len(elements), test.elements)
		}
		reads(t, string(elements[len(elements)-1]), test.last)
	}
}

func TestGeminiEmbeddings(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	const two = `{"requests":[{"model":"models/m","content":{"parts":[{"text":"one two"}]},"outputDimensionality":4},{"content":{"parts":[{"text":"three"}]}}]}`
	_, body := exchange(t, p, "/v1beta/models/gemini-embedding-2:batchEmbedContents", two)
	reads(t, body, map[string]any{"usageMetadata.promptTokenCount": 3, "usageMetadata.promptTokenDetails.0.tokenCount": 3})
	if got := fields(t, body, "embeddings.1.values")[0].([]any); len(got) != 4 {
		t.Errorf("got %d dimensions, want 4", len(got))
	}
	_, body = exchange(t, p, "/v1beta/models/gemini-embedding-001:batchEmbedContents", two)
	reads(t, body, map[string]any{"usageMetadata": nil})
	_, body = exchange(t, p, "/v1beta/models/gemini-embedding-2:embedContent", `{"content":{"parts":[{"text":"one two"}]}}`)
	reads(t, body, map[string]any{"usageMetadata.promptTokenCount": 2})
	if got := fields(t, body, "embedding.values")[0].([]any); len(got) != 768 {
		t.Errorf("got %d dimensions, want 768", len(got))
	}
	seen := p.Answered()
	if seen[0].Input != 3 || seen[1].Input != 0 || seen[2].Input != 2 || seen[2].Output != 0 {
		t.Errorf("the witness saw %+v", seen)
	}
}

func TestGeminiRefuses(t *testing.T) {
	const prompt = `{"contents":[]}`
	tests := []struct {
		name, path, body string
		headers          []string
		status           int
		code             string
	}{
		{"a wrong key", geminiModel + "generateContent", prompt, []string{"X-Goog-Api-Key", "wrong"}, 400, "INVALID_ARGUMENT"},
		{"no key", geminiModel + "generateContent", prompt, nil, 403, "PERMISSION_DENIED"},
		{"a wrong key in the query", geminiModel + "generateContent?key=wrong", prompt, nil, 400, "INVALID_ARGUMENT"},
		{"no contents", geminiModel + "generateContent?key=k", `{}`, nil, 400, "INVALID_ARGUMENT"},
		{"no such operation", geminiModel + "generate?key=k", prompt, nil, 404, "NOT_FOUND"},
		{"no such model", "/v1beta/models/none", "", []string{"X-Goog-Api-Key", "k"}, 404, "NOT_FOUND"},
		{"as the script says", geminiModel + "generateContent", `{"contents":[],"proxytest":{"status":429}}`, []string{"X-Goog-Api-Key", "k"}, 429, "RESOURCE_EXHAUSTED"},
	}
	p := proxytest.NewGemini(proxytest.Options{APIKey: "k"})
	for _, test := range tests {
		resp, body := exchange(t, p, test.path, test.body, test.headers...)
		if resp.StatusCode != test.status {
			t.Errorf("%s: got %d %s, want %d", test.name, resp.StatusCode, body, test.status)
			continue
		}
		reads(t, body, map[string]any{"error.code": test.status, "error.status": test.code})
	}
}

func TestGeminiFreeOperations(t *testing.T) {
	p := proxytest.NewGemini(proxytest.Options{})
	_, body := exchange(t, p, geminiModel+"countTokens", `{"generateContentRequest":{"contents":[{"parts":[{"text":"one two three"}]}]}}`)
	reads(t, body, map[string]any{"totalTokens": 3})
	_, body = exchange(t, p, "/v1beta/models?pageSize=50", "")
	reads(t, body, map[string]any{"models.1.name": "models/gemini-2.5-flash"})
	_, body = exchange(t, p, "/v1/models/gemini-2.5-pro", "")
	reads(t, body, map[string]any{"displayName": "gemini-2.5-pro"})
	for _, a := range p.Answered() {
		if a.Input != 0 || a.Output != 0 {
			t.Errorf("%s reports usage: %+v", a.API, a)
		}
	}
}

func TestVertexAnswersAndStreams(t *testing.T) {
	p := proxytest.NewVertex(proxytest.Options{})
	const prompt = `{"contents":[{"role":"user","parts":[{"text":"one two"}]}],"proxytest":{"text":"yes"}}`
	_, body := exchange(t, p, vertexModel+"gemini-2.5-flash:generateContent", prompt)
	reads(t, body, map[string]any{"usageMetadata.trafficType": "ON_DEMAND", "usageMetadata.totalTokenCount": 3})
	_, body = exchange(t, p, vertexModel+"gemini-2.5-flash:streamGenerateContent?alt=sse", prompt)
	_, data := events(body)
	reads(t, data[0], map[string]any{"usageMetadata": map[string]any{"trafficType": "ON_DEMAND"}, "candidates.0.content.parts.0.text": "yes"})
	reads(t, data[1], map[string]any{"usageMetadata.totalTokenCount": 3, "candidates.0.finishReason": "STOP"})
	for _, a := range p.Answered() {
		if a.Input != 2 || a.Output != 1 || a.Model != "gemini-2.5-flash" {
			t.Errorf("the witness saw %+v", a)
		}
	}
}

func TestVertexEmbeddings(t *testing.T) {
	p := proxytest.NewVertex(proxytest.Options{})
	_, body := exchange(t, p, vertexModel+"text-embedding-005:predict", `{"instances":[{"content":"one two","task_type":"RETRIEVAL_QUERY"},{"content":"three"}],
		"parameters":{"outputDimensionality":3},"proxytest":{"input":7}}`)
	reads(t, body, map[string]any{"predictions.0.embeddings.statistics.token_count": 3, "predictions.1.embeddings.statistics.token_count": 4})
	if got := fields(t, body, "predictions.1.embeddings.values")[0].([]any); len(got) != 3 {
		t.Errorf("got %d dimensions, want 3", len(got))
	}
	_, body = exchange(t, p, vertexModel+"gemini-embedding-2:embedContent", `{"content":{"parts":[{"text":"one two"}]}}`)
	reads(t, body, map[string]any{"usageMetadata.promptTokenCount": 2, "usageMetadata.totalTokenCount": 2})
	if seen := p.Answered(); seen[0].Input != 7 || seen[1].Input != 2 {
		t.Errorf("the witness saw %+v", seen)
	}
}

func TestVertexHasAnthropicsModels(t *testing.T) {
	p := proxytest.NewVertex(proxytest.Options{})
	const model = "/v1/projects/p/locations/global/publishers/anthropic/models/claude-sonnet-4-5@20250929:"
	const prompt = `{"anthropic_version":"vertex-2023-10-16","max_tokens":2,"stream":%,"messages":[{"role":"user","content":"one two"}],"proxytest":{"id":"1"}}`
	_, body := exchange(t, p, model+"rawPredict", strings.Replace(prompt, "%", "false", 1))
	reads(t, body, map[string]any{"id": "msg_vrtx_1", "usage.output_tokens": 2, "model": "claude-sonnet-4-5@20250929"})
	_, body = exchange(t, p, model+"streamRawPredict", strings.Replace(prompt, "%", "true", 1))
	names, data := events(body)
	if names[0] != "message_start" || names[len(names)-1] != "message_stop" {
		t.Errorf("got events %v", names)
	}
	reads(t, data[len(data)-2], map[string]any{"usage.output_tokens": 2, "delta.stop_reason": "max_tokens"})
	_, body = exchange(t, p, "/v1/projects/p/locations/global/publishers/anthropic/models/count-tokens:rawPredict",
		`{"model":"claude-sonnet-4-5","anthropic_version":"vertex-2023-10-16","messages":[{"role":"user","content":"one two"}]}`)
	reads(t, body, map[string]any{"input_tokens": 2})
	resp, _ := exchange(t, p, model+"rawPredict", `{"max_tokens":2,"messages":[]}`)
	if resp.StatusCode != 400 {
		t.Errorf("got status %d without anthropic_version, want 400", resp.StatusCode)
	}
}

func TestVertexWantsABearer(t *testing.T) {
	p := proxytest.NewVertex(proxytest.Options{APIKey: "ya29"})
	for authorization, want := range map[string]int{"Bearer ya29": 200, "Bearer wrong": 401, "": 401} {
		resp, body := exchange(t, p, vertexModel+"gemini-2.5-flash:generateContent", `{"contents":[]}`, "Authorization", authorization)
		if resp.StatusCode != want {
			t.Errorf("%q: got %d %s, want %d", authorization, resp.StatusCode, body, want)
		}
	}
}
