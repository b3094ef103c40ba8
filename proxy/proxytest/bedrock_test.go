package proxytest_test

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

const (
	claude       = "/model/us.anthropic.claude-haiku-4-5-20251001-v1%3A0/"
	claudeAsked  = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":20,"messages":[{"role":"user","content":"one two"}]`
	converseSaid = `{"system":[{"text":"Be brief."}],"messages":[{"role":"user","content":[{"text":"one two"}]}]`
	cacheScript  = `,"proxytest":{"cached":50,"cache_write":7}}`
)

// frames takes an event stream apart: of each frame the kind and the payload, after both of its checksums.
func frames(t *testing.T, stream string) (kinds, payloads []string) {
	t.Helper()
	for b := []byte(stream); len(b) > 0; {
		length, headers := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
		if int(length) > len(b) || binary.BigEndian.Uint32(b[8:]) != crc32.ChecksumIEEE(b[:8]) {
			t.Fatalf("no frame begins at %q", b[:min(len(b), 40)])
		}
		f := b[:length]
		if binary.BigEndian.Uint32(f[length-4:]) != crc32.ChecksumIEEE(f[:length-4]) {
			t.Fatalf("wrong checksum of %q", f)
		}
		values := map[string]string{}
		for h := f[12 : 12+headers]; len(h) > 0; {
			name := h[1 : 1+h[0]]
			h = h[1+h[0]:]
			if h[0] != 7 {
				t.Fatalf("header %s is of type %d, not a string", name, h[0])
			}
			end := 3 + binary.BigEndian.Uint16(h[1:])
			values[string(name)] = string(h[3:end])
			h = h[end:]
		}
		kind := values[":event-type"]
		if values[":message-type"] != "event" {
			kind = values[":message-type"] + " " + values[":exception-type"]
		}
		kinds, payloads = append(kinds, kind), append(payloads, string(f[12+headers:length-4]))
		b = b[length:]
	}
	return kinds, payloads
}

func TestConverse(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	resp, body := exchange(t, p, claude+"converse", converseSaid+cacheScript)
	if resp.Header.Get("X-Amzn-Requestid") != p.Answered()[0].ID {
		t.Errorf("got header %v", resp.Header)
	}
	reads(t, body, map[string]any{
		"output.message.role": "assistant", "output.message.content.0.text": proxytest.Plain(""), "stopReason": "end_turn",
		"usage.inputTokens": 4, "usage.outputTokens": 9, "usage.totalTokens": 70,
		"usage.cacheReadInputTokens": 50, "usage.cacheReadInputTokenCount": 50, "usage.cacheWriteInputTokens": 7,
	})
	witnessed(t, p, proxytest.Answer{
		API: "Converse", Input: 61, Cached: 50, CacheWrite: 7, Output: 9, Method: "POST", Path: claude + "converse", Status: 200, Whole: true,
	})
}

func TestConverseStream(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	resp, body := exchange(t, p, claude+"converse-stream", converseSaid+`,"inferenceConfig":{"maxTokens":2}}`)
	if got := resp.Header.Get("Content-Type"); got != "application/vnd.amazon.eventstream" {
		t.Errorf("got Content-Type %q", got)
	}
	kinds, payloads := frames(t, body)
	want := []string{"messageStart", "contentBlockDelta", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Fatalf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, payloads[0], map[string]any{"role": "assistant", "usage": nil})
	reads(t, payloads[2], map[string]any{"delta.text": " quick", "contentBlockIndex": 0})
	reads(t, payloads[4], map[string]any{"stopReason": "max_tokens"})
	reads(t, payloads[5], map[string]any{"usage.inputTokens": 4, "usage.outputTokens": 2, "usage.totalTokens": 6, "metrics.latencyMs": 7})
	witnessed(t, p, proxytest.Answer{
		API: "ConverseStream", Input: 4, Output: 2, Stream: true, Method: "POST", Path: claude + "converse-stream", Status: 200, Whole: true,
	})
}

func TestConverseStreamBreaksOffWithAnException(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	_, body := exchange(t, p, claude+"converse-stream", converseSaid+`,"proxytest":{"error_after":2}}`)
	kinds, payloads := frames(t, body)
	if diff := cmp.Diff([]string{"messageStart", "contentBlockDelta", "exception modelStreamErrorException"}, kinds); diff != "" {
		t.Errorf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, payloads[len(payloads)-1], map[string]any{"message": "The model broke off while it answered."})
}

func TestFramesHaveNoLinesToEnd(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	_, body := exchange(t, p, claude+"converse-stream", converseSaid+`,"proxytest":{"chunks":600,"crlf":true}}`)
	if kinds, _ := frames(t, body); len(kinds) != 604 || !strings.Contains(body, "\n") {
		t.Errorf("got %d frames, want 604 with a line feed somewhere in a checksum", len(kinds))
	}
}

func TestInvokeTellsCountsInHeadersAndBody(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	resp, body := exchange(t, p, claude+"invoke", claudeAsked+cacheScript)
	reads(t, body, map[string]any{
		"type": "message", "model": "claude-haiku-4-5-20251001", "content.0.text": proxytest.Plain(""),
		"usage.input_tokens": 2, "usage.output_tokens": 9, "usage.cache_read_input_tokens": 50, "usage.cache_creation_input_tokens": 7,
	})
	for name, want := range map[string]string{"Input": "2", "Output": "9", "Cache-Read-Input": "50", "Cache-Write-Input": "7"} {
		if got := resp.Header.Get("X-Amzn-Bedrock-" + name + "-Token-Count"); got != want {
			t.Errorf("the header tells %q %s tokens, want %s", got, name, want)
		}
	}
	resp, body = exchange(t, p, claude+"invoke", claudeAsked+`,"proxytest":{"no_usage":true}}`)
	if strings.Contains(body, "usage") || resp.Header.Get("X-Amzn-Bedrock-Input-Token-Count") != "" {
		t.Errorf("asked to tell no usage, it tells %v and %s", resp.Header, body)
	}
	answered := proxytest.Answer{API: "Invoke", Model: "claude-haiku-4-5-20251001", Method: "POST", Path: claude + "invoke", Status: 200, Whole: true}
	counted := answered
	counted.Input, counted.Cached, counted.CacheWrite, counted.Output = 59, 50, 7, 9
	witnessed(t, p, counted, answered)
}

func TestInvokeStreamTellsMetricsInItsLastChunk(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	_, body := exchange(t, p, claude+"invoke-with-response-stream", claudeAsked+cacheScript)
	kinds, payloads := frames(t, body)
	chunks := make([]string, len(kinds))
	for i, kind := range kinds {
		packed := fields(t, payloads[i], "bytes")[0].(string)
		chunk, err := base64.StdEncoding.DecodeString(packed)
		if kind != "chunk" || err != nil {
			t.Fatalf("event %d is a %s with %q: %v", i, kind, packed, err)
		}
		chunks[i] = string(chunk)
	}
	last := len(chunks) - 1
	reads(t, chunks[0], map[string]any{"type": "message_start", "message.usage.input_tokens": 2, "message.usage.output_tokens": 1})
	reads(t, chunks[2], map[string]any{"type": "content_block_delta", "delta.text": "The"})
	reads(t, chunks[last-1], map[string]any{"type": "message_delta", "delta.stop_reason": "end_turn", "usage.output_tokens": 9})
	const metrics = "amazon-bedrock-invocationMetrics."
	reads(t, chunks[last], map[string]any{
		"type": "message_stop", metrics + "inputTokenCount": 2, metrics + "outputTokenCount": 9,
		metrics + "cacheReadInputTokenCount": 50, metrics + "cacheWriteInputTokenCount": 7,
	})
	witnessed(t, p, proxytest.Answer{
		API: "InvokeStream", Model: "claude-haiku-4-5-20251001", Input: 59, Cached: 50, CacheWrite: 7, Output: 9, Stream: true,
		Method: "POST", Path: claude + "invoke-with-response-stream", Status: 200, Whole: true,
	})
}

func TestTitanEmbeddingsAndCountedTokens(t *testing.T) {
	p := proxytest.NewBedrock(proxytest.Options{})
	const titan = "/model/amazon.titan-embed-text-v2:0/invoke"
	resp, body := exchange(t, p, titan, `{"inputText":"one two three","dimensions":256}`)
	reads(t, body, map[string]any{"inputTextTokenCount": 3})
	if vector := fields(t, body, "embedding")[0].([]any); len(vector) != 256 {
		t.Errorf("got %d dimensions, want 256", len(vector))
	}
	if h := resp.Header; h.Get("X-Amzn-Bedrock-Input-Token-Count") != "3" || h.Get("X-Amzn-Bedrock-Output-Token-Count") != "" {
		t.Errorf("got header %v", h)
	}
	_, body = exchange(t, p, claude+"count-tokens", `{"input":{"converse":`+converseSaid+`}}}`)
	reads(t, body, map[string]any{"inputTokens": 4})
	packed := base64.StdEncoding.EncodeToString([]byte(claudeAsked + "}"))
	_, body = exchange(t, p, claude+"count-tokens", `{"input":{"invokeModel":{"body":"`+packed+`"}}}`)
	reads(t, body, map[string]any{"inputTokens": 2})
	counted := proxytest.Answer{API: "count-tokens", Method: "POST", Path: claude + "count-tokens", Status: 200, Whole: true}
	witnessed(t, p, proxytest.Answer{API: "Invoke", Input: 3, Method: "POST", Path: titan, Status: 200, Whole: true}, counted, counted)
}

func TestBedrockRefuses(t *testing.T) {
	const signature = "AWS4-HMAC-SHA256 Credential=AKID/20261125/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=00"
	said := converseSaid + "}"
	for name, c := range map[string]struct {
		signed        bool
		path, body    string
		authorization string
		status        int
		kind          string
	}{
		"no key":           {false, claude + "converse", said, "", 403, "MissingAuthenticationTokenException"},
		"wrong key":        {false, claude + "converse", said, "Bearer other", 403, "AccessDeniedException"},
		"right key":        {false, claude + "converse", said, "Bearer secret", 200, ""},
		"signed":           {true, claude + "converse", said, signature, 200, ""},
		"not to be signed": {false, claude + "converse", said, signature, 403, "UnrecognizedClientException"},
		"no such path":     {false, claude + "listen", said, "Bearer secret", 404, "ResourceNotFoundException"},
		"not JSON":         {false, claude + "converse", "{", "Bearer secret", 400, "ValidationException"},
		"no such model":    {false, "/model/other.model/invoke", said, "Bearer secret", 400, "ValidationException"},
		"throttled":        {false, claude + "converse", converseSaid + `,"proxytest":{"status":429}}`, "Bearer secret", 429, "ThrottlingException"},
	} {
		p := proxytest.NewBedrock(proxytest.Options{APIKey: "secret", Signed: c.signed})
		headers := []string{"Authorization", c.authorization}
		if c.authorization == "" {
			headers = nil
		}
		resp, body := exchange(t, p, c.path, c.body, headers...)
		kind, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
		if resp.StatusCode != c.status || kind != c.kind {
			t.Errorf("%s: got status %d, %q: %s", name, resp.StatusCode, kind, body)
		}
		if c.status != http.StatusOK && fields(t, body, "message")[0] == nil {
			t.Errorf("%s: no message in %s", name, body)
		}
	}
}
