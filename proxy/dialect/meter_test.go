package dialect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	word   = `{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}`
	finish = `{"id":"c1","model":"m-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	tally  = `{"id":"c1","model":"m-1","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}`
)

var twelveFive = Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5}

func sse(messages ...string) string {
	var b strings.Builder
	for _, m := range messages {
		b.WriteString("data: " + m + "\n\n")
	}
	return b.String()
}

// cuts are the ways in which a body is cut in tests.
var cuts = []int{0, 1, 2, 3, 5, 7, 64}

func TestUsageIsReadWhereItStandsOnly(t *testing.T) {
	jsonAnswer := Response{Status: 200, ContentType: "application/json"}
	tests := []struct {
		name string
		api  *API
		body string
		want Usage
	}{
		{"members in another order", Chat, `{"usage":{"completion_tokens":5,"prompt_tokens":12},"choices":[],"id":"x"}`, twelveFive},
		{"white space everywhere", Chat, " {\n \"usage\" :\t{ \"prompt_tokens\" : 12 ,\r\n\"completion_tokens\":5 } }\n", twelveFive},
		{"blank lines before it", Chat, "\n\n\r\n{\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":5}}", twelveFive},
		{"an escaped key", Chat, `{"us\u0061ge":{"prompt_t\u006fkens":12,"completion_tokens":5}}`, twelveFive},
		{"a key escaped all over", Chat, `{"\u0075\u0073\u0061\u0067\u0065":{"prompt_tokens":12,"completion_tokens":5}}`, twelveFive},
		{"unknown members inside", Chat, `{"usage":{"prompt_tokens":12,"queue_time":0.1,"pydantic_ai_gateway":{"cost":1},"completion_tokens":5,"prompt_tokens_details":null}}`, twelveFive},
		{"look-alikes before and behind", Chat, `{"usage_breakdown":{"models":[{"usage":{"prompt_tokens":99,"completion_tokens":99}}]},"usage":{"prompt_tokens":12,"completion_tokens":5},"x":{"usage":{"prompt_tokens":1}}}`, twelveFive},
		{"a look-alike in a string", Chat, `{"a":"\"usage\":{\"prompt_tokens\":99}","usage":{"prompt_tokens":12,"completion_tokens":5},"b":"\\"}`, twelveFive},
		{"a look-alike alone", Chat, `{"choices":[{"usage":{"prompt_tokens":99,"completion_tokens":9}}]}`, Usage{}},
		{"twice: the last", Chat, `{"usage":{"prompt_tokens":1,"completion_tokens":1},"usage":{"prompt_tokens":12,"completion_tokens":5}}`, twelveFive},
		{"null behind it", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5},"usage":null}`, twelveFive},
		{"nonsense behind it", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5},"usage":{"prompt_tokens":-1}}`, twelveFive},
		{"floats", Chat, `{"usage":{"prompt_tokens":12.0,"completion_tokens":0.5e1}}`, twelveFive},
		{"a fraction is rounded up", Chat, `{"usage":{"prompt_tokens":11.2,"completion_tokens":5}}`, twelveFive},
		{"exponents", Chat, `{"usage":{"prompt_tokens":1e3,"completion_tokens":5}}`, Usage{InputKnown: true, OutputKnown: true, Input: 1000, Output: 5}},
		{"negative input", Chat, `{"usage":{"prompt_tokens":-12,"completion_tokens":5}}`, Usage{}},
		{"negative output", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":-5}}`, Usage{}},
		{"2^53", Chat, `{"usage":{"prompt_tokens":9007199254740992,"completion_tokens":5}}`, Usage{InputKnown: true, OutputKnown: true, Input: 1 << 53, Output: 5}},
		{"more than 2^53", Chat, `{"usage":{"prompt_tokens":9007199254740993,"completion_tokens":5}}`, Usage{}},
		{"more than an int64", Chat, `{"usage":{"prompt_tokens":92233720368547758080,"completion_tokens":5}}`, Usage{}},
		{"1e999", Chat, `{"usage":{"prompt_tokens":1e999,"completion_tokens":5}}`, Usage{}},
		{"a string", Chat, `{"usage":{"prompt_tokens":"12","completion_tokens":5}}`, Usage{}},
		{"no numbers", Chat, `{"usage":{}}`, Usage{}},
		{"a list", Chat, `{"usage":[12,5]}`, Usage{}},
		{"no output", Completions, `{"usage":{"prompt_tokens":12,"total_tokens":12}}`, Usage{InputKnown: true, OutputKnown: true, Input: 12}},
		{"null output", Embeddings, `{"usage":{"prompt_tokens":12,"completion_tokens":null}}`, Usage{InputKnown: true, OutputKnown: true, Input: 12}},
		{"more cached than input", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":157,"cache_write_tokens":3}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, CachedInput: 12}},
		{"cached and written more than input", Chat, `{"usage":{"prompt_tokens":2168,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2161,"cache_write_tokens":2161}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 2168, Output: 5, CachedInput: 2161, CacheWriteInput: 7}},
		{"more reasoning than output", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":11}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 10, ReasoningOutput: 10}},
		{"negative details", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":-1},"completion_tokens_details":{"reasoning_tokens":-1}}}`, twelveFive},
		{"responses", Responses, `{"id":"r","usage":{"input_tokens":12,"input_tokens_details":{"cached_tokens":2},"output_tokens":5},"error":null}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, CachedInput: 2}},
		{"responses don't read a nested response", Responses, `{"response":{"usage":{"input_tokens":12,"output_tokens":5}}}`, Usage{}},
		{"compaction", Compact, `{"object":"response.compaction","usage":{"input_tokens":12,"output_tokens":5}}`, twelveFive},
		{"audio beside the input, told by its length alone", Transcriptions, `{"usage":{"prompt_audio_seconds":1,"prompt_tokens":2,"total_tokens":17,"completion_tokens":5}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, Units: Units{AudioSeconds: 1}}},
		{"audio inside the input", Transcriptions, `{"usage":{"prompt_audio_seconds":1,"prompt_tokens":12,"total_tokens":17,"completion_tokens":5}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, Units: Units{AudioSeconds: 1}}},
		{"no audio: generated", Chat, `{"usage":{"prompt_audio_seconds":0,"prompt_tokens":12,"total_tokens":17,"completion_tokens":1}}`, twelveFive},
		{"cache writes as Anthropic spells them", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"cache_creation_input_tokens":3}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, CachedInput: 4, CacheWriteInput: 3}},
		{"cache writes of Perplexity's agents", Responses, `{"usage":{"input_tokens":12,"output_tokens":5,"input_tokens_details":{"cached_tokens":4,"cache_creation_input_tokens":3}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, CachedInput: 4, CacheWriteInput: 3}},
		{"not closed", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5}`, twelveFive},
		{"closed too often", Chat, `{"usage":{"prompt_tokens":12,"completion_tokens":5}}}}]`, twelveFive},
		{"longer than is copied", Chat, `{"usage":{"pad":"` + strings.Repeat("x", maxRaw) + `","prompt_tokens":12,"completion_tokens":5}}`, Usage{}},
		{"behind an enormous key", Chat, `{"` + strings.Repeat(`\u0075`, 100_000) + `":1,"usage":{"prompt_tokens":12,"completion_tokens":5}}`, twelveFive},
	}
	for _, test := range tests {
		for _, size := range append(cuts, 4096) {
			if size > 0 && size < 64 && len(test.body) > 10_000 {
				continue
			}
			got := meter(test.api, jsonAnswer, []byte(test.body), size)
			if got.usage != test.want {
				t.Errorf("%s, in pieces of %d: %+v, want %+v", test.name, size, got.usage, test.want)
			}
			if all := string(got.early) + string(got.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets %q", test.name, size, all)
			}
		}
	}
}

func TestStreams(t *testing.T) {
	two := Response{Status: 200, ContentType: "text/event-stream", Request: Request{Choices: 2, answers: 2}}
	finishOf := func(index int) string {
		return fmt.Sprintf(`{"choices":[{"index":%d,"delta":{},"finish_reason":"stop"}]}`, index)
	}
	withUsage := strings.Replace(finish, `"choices"`, `"usage":{"prompt_tokens":12,"completion_tokens":5},"choices"`, 1)
	end := func(kind, rest string) string {
		return `{"type":"response.` + kind + `","response":{"id":"r1","model":"m-1",` + rest + `}}`
	}
	type outcome struct {
		Early   string // what the client may have before the settlement
		Usage   Usage
		Ended   bool
		Ready   bool // before the body's end
		Failure string
		Finish  string
	}
	tests := []struct {
		name string
		api  *API
		r    Response
		body string
		want outcome
	}{
		{"usage behind the finish", Chat, streamResponse(false), sse(word, finish, tally, "[DONE]"),
			outcome{sse(word) + "data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"no usage: [DONE] says that none comes", Chat, streamResponse(false), sse(word, finish, "[DONE]"),
			outcome{sse(word) + "data: " + finish, Usage{}, true, true, "", "[stop]"}},
		{"no usage, no [DONE]: it could still come", Chat, streamResponse(false), sse(word, finish),
			outcome{sse(word) + "data: " + finish, Usage{}, true, false, "", "[stop]"}},
		{"usage in the finish chunk", Chat, streamResponse(false), sse(word, withUsage),
			outcome{sse(word) + "data: " + withUsage, twelveFive, true, true, "", "[stop]"}},
		{"null after the real one, as with moderation", Chat, streamResponse(false),
			sse(finish, tally, `{"choices":[],"usage":null,"moderation":{}}`, "[DONE]"),
			outcome{"data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"a further chunk, as LiteLLM sends it", Chat, streamResponse(false),
			sse(finish, `{"choices":[{"index":0,"delta":{}}],"usage":{"prompt_tokens":12,"completion_tokens":5}}`, `{"choices":[{"index":0,"delta":{}}]}`, "[DONE]"),
			outcome{"data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"text behind the end: it was none", Chat, streamResponse(false),
			sse(word, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`, word, withUsage, "[DONE]"),
			outcome{sse(word, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`, word, withUsage) + "data: [DONE]",
				twelveFive, true, true, "", "[stop stop]"}},
		{"usage twice: the last", Chat, streamResponse(false),
			sse(finish, strings.Replace(tally, "12", "11", 1), tally, "[DONE]"),
			outcome{"data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"usage growing in every chunk, no [DONE]", Chat, streamResponse(false),
			sse(`{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":12,"completion_tokens":1}}`, withUsage),
			outcome{sse(`{"choices":[{"index":0,"delta":{"content":"a"}}],"usage":{"prompt_tokens":12,"completion_tokens":1}}`) + "data: " + withUsage, twelveFive, true, true, "", "[stop]"}},
		{"two choices: the last to finish", Chat, two, sse(finishOf(1), word, finishOf(0), tally, "[DONE]"),
			outcome{sse(finishOf(1), word) + "data: " + finishOf(0), twelveFive, true, true, "", "[stop stop]"}},
		{"one choice finishes twice", Chat, two, sse(finishOf(1), finishOf(1), tally),
			outcome{sse(finishOf(1), finishOf(1), tally), twelveFive, false, false, "", "[stop stop]"}},
		{"more choices than were asked for", Chat, streamResponse(false),
			sse(`{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}`, finishOf(0), finishOf(1), tally),
			outcome{sse(`{"choices":[{"index":0,"delta":{}},{"index":1,"delta":{}}]}`, finishOf(0)) + "data: " + finishOf(1), twelveFive, true, true, "", "[stop stop]"}},
		{"fewer choices than were asked for: [DONE] ends", Chat, two, sse(finishOf(0), tally, "[DONE]"),
			outcome{sse(finishOf(0), tally) + "data: [DONE]", twelveFive, true, true, "", "[stop]"}},
		{"an empty finish reason is none", Chat, streamResponse(false), sse(`{"choices":[{"index":0,"finish_reason":""}]}`, finish, "[DONE]"),
			outcome{sse(`{"choices":[{"index":0,"finish_reason":""}]}`) + "data: " + finish, Usage{}, true, true, "", "[stop]"}},
		{"azure's empty choices", Chat, streamResponse(false), sse(`{"choices":[],"id":"","prompt_filter_results":[]}`, finish, "[DONE]"),
			outcome{sse(`{"choices":[],"id":"","prompt_filter_results":[]}`) + "data: " + finish, Usage{}, true, true, "", "[stop]"}},
		{"an error in the middle", Chat, streamResponse(false), sse(word, `{"error":{"message":"no","type":"server_error","code":null}}`),
			outcome{sse(word) + `data: {"error":{"message":"no","type":"server_error","code":null}}`, Usage{}, true, true, "server_error", "[]"}},
		{"an error that carries usage", Chat, streamResponse(false), sse(`{"error":{"message":"no","code":502},"choices":[{"finish_reason":"error"}],"usage":{"prompt_tokens":12,"completion_tokens":5}}`, "[DONE]"),
			outcome{`data: {"error":{"message":"no","code":502},"choices":[{"finish_reason":"error"}],"usage":{"prompt_tokens":12,"completion_tokens":5}}`, twelveFive, true, true, "error", "[error]"}},
		{"comments and other fields", Chat, streamResponse(false), ": keep-alive\n\nid: 1\nevent: x\nretry: 5\n" + sse(finish, tally),
			outcome{": keep-alive\n\nid: 1\nevent: x\nretry: 5\ndata: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"CRLF", Chat, streamResponse(false), strings.ReplaceAll(sse(word, finish, tally, "[DONE]"), "\n", "\r\n"),
			outcome{strings.ReplaceAll(sse(word), "\n", "\r\n") + "data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"CR", Chat, streamResponse(false), strings.ReplaceAll(sse(word, finish, tally, "[DONE]"), "\n", "\r"),
			outcome{strings.ReplaceAll(sse(word), "\n", "\r") + "data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"no space, a byte order mark", Chat, streamResponse(false), "\xef\xbb\xbf" + strings.ReplaceAll(sse(finish, tally), "data: ", "data:"),
			outcome{"\xef\xbb\xbfdata:" + finish, twelveFive, true, true, "", "[stop]"}},
		{"several data lines", Chat, streamResponse(false), "data: {\"choices\":[{\"index\":0,\ndata: \"finish_reason\":\ndata:\"stop\"}]}\n\n" + sse(tally),
			outcome{"data: {\"choices\":[{\"index\":0,\ndata: \"finish_reason\":\ndata:\"stop\"}]}", twelveFive, true, true, "", "[stop]"}},
		{"no blank lines", Chat, streamResponse(false), strings.ReplaceAll(sse(word, finish, tally), "\n\n", "\n"),
			outcome{"data: " + word + "\ndata: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"a last event without an end", Chat, streamResponse(false), strings.TrimSpace(sse(word, finish, tally)),
			outcome{sse(word) + "data: " + finish, twelveFive, true, false, "", "[stop]"}},
		{"not finished", Chat, streamResponse(false), sse(word, tally),
			outcome{sse(word, tally), twelveFive, false, false, "", "[]"}},
		{"not JSON", Chat, streamResponse(false), sse("hello", `{"choices":`, "}", finish, "[DONE]"),
			outcome{sse("hello", `{"choices":`, "}") + "data: " + finish, Usage{}, true, true, "", "[stop]"}},
		{"under application/json", Chat, Response{Status: 200, ContentType: "application/json"}, sse(word, finish, tally),
			outcome{sse(word) + "data: " + finish, twelveFive, true, true, "", "[stop]"}},
		{"JSON under text/event-stream", Chat, streamResponse(false), "\n" + `{"usage":{"prompt_tokens":12,"completion_tokens":5}}` + "\n",
			outcome{"\n" + `{"usage":{"prompt_tokens":12,"completion_tokens":5}`, twelveFive, true, true, "", "[]"}},
		{"an escaped key", Chat, streamResponse(false), sse(`{"choices":[{"index":0,"finish_re\u0061son":"stop"}]}`, strings.Replace(tally, "usage", `\u0075sage`, 1)),
			outcome{`data: {"choices":[{"index":0,"finish_re\u0061son":"stop"}]}`, twelveFive, true, true, "", "[stop]"}},

		{"responses: completed", Responses, streamResponse(false), sse(end("created", `"status":"in_progress","usage":null`), end("completed", `"status":"completed","error":null,"usage":{"input_tokens":12,"output_tokens":5}`)),
			outcome{sse(end("created", `"status":"in_progress","usage":null`)) + "data: " + end("completed", `"status":"completed","error":null,"usage":{"input_tokens":12,"output_tokens":5}`), twelveFive, true, true, "", "[completed]"}},
		{"responses: incomplete", Responses, streamResponse(false), sse(end("incomplete", `"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":12,"output_tokens":5}`)),
			outcome{"data: " + end("incomplete", `"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":12,"output_tokens":5}`), twelveFive, true, true, "", "[max_output_tokens]"}},
		{"responses: failed", Responses, streamResponse(false), sse(end("failed", `"status":"failed","error":{"code":"server_error","message":"x"},"usage":null`)),
			outcome{"data: " + end("failed", `"status":"failed","error":{"code":"server_error","message":"x"},"usage":null`), Usage{}, true, true, "server_error", "[]"}},
		{"responses: error", Responses, streamResponse(false), "event: error\n" + sse(`{"type":"error","code":"rate_limit_exceeded","message":"x","sequence_number":3}`),
			outcome{"event: error\n" + `data: {"type":"error","code":"rate_limit_exceeded","message":"x","sequence_number":3}`, Usage{}, true, false, "rate_limit_exceeded", "[]"}},
		{"responses: an error, and then the response that failed", Responses, streamResponse(false),
			sse(`{"type":"error","error":{"type":"server_error"}}`, end("failed", `"usage":{"input_tokens":12,"output_tokens":5}`)),
			outcome{`data: {"type":"error","error":{"type":"server_error"}}`, twelveFive, true, true, "server_error", "[]"}},
		{"responses: done, as OpenRouter calls it", Responses, streamResponse(false), sse(end("done", `"usage":{"input_tokens":12,"output_tokens":5}`), "[DONE]"),
			outcome{"data: " + end("done", `"usage":{"input_tokens":12,"output_tokens":5}`), twelveFive, true, true, "", "[]"}},
		{"responses: a tool's error is none", Responses, streamResponse(false), sse(`{"type":"response.output_item.done","item":{"error":{"code":1},"usage":{"input_tokens":1}}}`),
			outcome{sse(`{"type":"response.output_item.done","item":{"error":{"code":1},"usage":{"input_tokens":1}}}`), Usage{}, false, false, "", "[]"}},
		{"responses: [DONE] behind it, as OpenRouter sends it", Responses, streamResponse(false), sse(end("completed", `"usage":{"input_tokens":12,"output_tokens":5}`), "[DONE]"),
			outcome{"data: " + end("completed", `"usage":{"input_tokens":12,"output_tokens":5}`), twelveFive, true, true, "", "[]"}},
	}
	for _, test := range tests {
		for _, size := range cuts {
			m := meter(test.api, test.r, []byte(test.body), size)
			got := outcome{string(m.early), m.usage, m.ended, m.readyEarly, m.failure, m.finish}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("%s, in pieces of %d (-want +got):\n%s", test.name, size, diff)
			}
			if all := string(m.early) + string(m.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets %q", test.name, size, all)
			}
		}
	}
}

func TestWhatCantBeReadPassesOneByteBehind(t *testing.T) {
	body := []byte("error ID3\x04 binary {\"usage\":{\"prompt_tokens\":1}}")
	for name, r := range map[string]Response{
		"compressed":   {Status: 200, ContentType: "application/json", ContentEncoding: "gzip"},
		"audio":        {Status: 200, ContentType: "audio/mpeg"},
		"text":         {Status: 200, ContentType: "text/plain; charset=utf-8"},
		"plain error":  {Status: 502, ContentType: "text/plain"},
		"odd encoding": {Status: 200, ContentType: "text/event-stream", ContentEncoding: "Identity, br"},
	} {
		for _, size := range cuts {
			got := meter(Chat, r, body, size)
			if !bytes.Equal(got.early, body[:len(body)-1]) || !bytes.Equal(got.late, body[len(body)-1:]) {
				t.Errorf("%s, in pieces of %d: early %q, late %q", name, size, got.early, got.late)
			}
			if got.usage.Known() || !got.ended || got.readyEarly {
				t.Errorf("%s, in pieces of %d: %+v", name, size, got)
			}
		}
	}
}

func TestAStreamThatWasAskedForIsFoundUnderAnyType(t *testing.T) {
	asked := Request{Stream: true, answers: 1}
	for _, kind := range []string{"", "application/json", "text/plain; charset=utf-8", "application/octet-stream"} {
		events := meter(Chat, Response{Status: 200, ContentType: kind, Request: asked}, []byte(sse(word, finish, tally, "[DONE]")), 3)
		frames := meter(ConverseStream, Response{Status: 200, ContentType: kind, Request: asked}, concat(hello, stopped, metered125), 3)
		for _, got := range []metered{events, frames} {
			if got.usage != twelveFive || !got.readyEarly {
				t.Errorf("%q: %+v", kind, got)
			}
		}
	}
	if got := meter(Chat, Response{Status: 200, ContentType: "text/plain"}, []byte(sse(finish, tally)), 3); got.usage.Known() {
		t.Errorf("text that nobody asked to be a stream: %+v", got)
	}
}

func TestIdentityIsNoEncoding(t *testing.T) {
	r := Response{Status: 200, ContentType: "Application/JSON", ContentEncoding: " Identity "}
	if got := meter(Chat, r, []byte(`{"usage":{"prompt_tokens":12,"completion_tokens":5}}`), 0); got.usage != twelveFive {
		t.Errorf("usage %+v", got.usage)
	}
}

func TestAnEmptyBodyEnds(t *testing.T) {
	for _, body := range []string{"", "\n\n"} {
		got := meter(Chat, Response{Status: 200, ContentType: "application/json"}, []byte(body), 0)
		if string(got.early) != body || !got.ended || got.usage.Known() {
			t.Errorf("%q: %+v", body, got)
		}
	}
}

func TestABrokenAnswerNeverEnds(t *testing.T) {
	got := meter(Chat, Response{Status: 200, ContentType: "application/json"}, []byte(`{"choices":[{"message":{"content":"Hello wor`), 7)
	if got.ended || len(got.late) != 0 {
		t.Errorf("ended %v, withheld %q", got.ended, got.late)
	}
	if want := int64(len("Hello wor")); got.text != want {
		t.Errorf("%d bytes of text seen, want %d", got.text, want)
	}
}

func TestReleaseInTheMiddleLetsAllGo(t *testing.T) {
	body := []byte(sse(word, finish, tally, "[DONE]"))
	for _, r := range []Response{streamResponse(false), {Status: 200, ContentType: "audio/mpeg"}} {
		m := Chat.NewMeter(r)
		var out []byte
		for i, c := range body {
			out = m.Feed(out, []byte{c})
			if i == len(body)-100 {
				out = m.Release(out)
			}
		}
		out = m.Finish(out)
		if !bytes.Equal(out, body) || len(m.Release(nil)) != 0 {
			t.Errorf("%s: %q", r.ContentType, out)
		}
	}
}

func TestWhatIsWithheldIsBounded(t *testing.T) {
	m := Chat.NewMeter(streamResponse(false))
	m.Feed(nil, []byte(sse(finish)))
	for range 200 {
		m.Feed(nil, []byte(sse(strings.Repeat("x", 10_000))))
	}
	if !m.Ready() {
		t.Error("usage is still waited for")
	}
}

func TestTheAnswersNamesAreRead(t *testing.T) {
	got := meter(Chat, streamResponse(false), []byte(sse(`{"id":"","model":"","choices":[]}`, word, finish)), 3)
	if got.id != "c1" || got.model != "m-1" {
		t.Errorf("id %q, model %q", got.id, got.model)
	}
	long := meter(Chat, Response{Status: 200, ContentType: "application/json"}, []byte(`{"model":"`+strings.Repeat("m", maxModel)+`"}`), 0)
	if long.model != "" {
		t.Errorf("a model of %d bytes is kept", len(long.model))
	}
}

func TestSeenText(t *testing.T) {
	tests := []struct {
		name         string
		api          *API
		body         string
		events, text int64
	}{
		{"content", Chat, sse(`{"choices":[{"delta":{"role":"assistant","content":""}}]}`, word, word, finish, tally), 2, 4},
		{"reasoning and refusal", Chat, sse(`{"choices":[{"delta":{"reasoning_content":"abc","refusal":"de","content":null}}]}`), 1, 5},
		{"tool calls", Chat, sse(`{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"call_1","function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}`), 1, 10},
		{"completions", Completions, sse(`{"choices":[{"text":"abc","index":0}]}`), 1, 3},
		{"responses", Responses, sse(`{"type":"response.output_text.delta","delta":"Here"}`, `{"type":"response.output_text.done","text":"Here"}`), 1, 4},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(test.api, streamResponse(false), []byte(test.body), size)
			if got.events != test.events || got.text != test.text {
				t.Errorf("%s, in pieces of %d: %d events, %d bytes, want %d and %d", test.name, size, got.events, got.text, test.events, test.text)
			}
		}
	}
}
