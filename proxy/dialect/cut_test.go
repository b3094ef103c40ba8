package dialect

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// unasked is what the provider would have sent without include_usage, worked out line by line with encoding/json.
func unasked(t *testing.T, body []byte) []byte {
	t.Helper()
	var out []byte
	lines := strings.SplitAfter(string(body), "\n")
	for i := 0; i < len(lines); i++ {
		var chunk struct {
			Choices []any
			Usage   any
		}
		text, data := strings.CutPrefix(lines[i], "data: {")
		if !data {
			out = append(out, lines[i]...)
			continue
		}
		if err := json.Unmarshal([]byte("{"+text), &chunk); err != nil {
			t.Fatal(err)
		}
		if len(chunk.Choices) == 0 && chunk.Usage != nil {
			i++ // its blank line
			continue
		}
		out = append(out, strings.Replace(lines[i], `,"usage":null`, "", 1)...)
	}
	return out
}

func TestAskedStreamsBecomeWhatTheyWereUnasked(t *testing.T) {
	asked, silent := 0, 0
	for _, r := range openAIRecordings(t) {
		if !r.api.CanAskUsage || !strings.Contains(r.response.ContentType, "event-stream") {
			continue
		}
		r.response.Cut = true
		want := unasked(t, r.body)
		if r.expected.HasUsage {
			asked++
		} else {
			silent++
		}
		for _, size := range pieces {
			got := meter(r.api, r.response, r.body, size)
			if all := append(bytes.Clone(got.early), got.late...); !bytes.Equal(all, want) {
				t.Errorf("%s in pieces of %d: got\n%s\nwant\n%s", r.name, size, tail(all), tail(want))
			}
			if r.expected.HasUsage && (got.usage != wanted(r) || !got.readyEarly) {
				t.Errorf("%s in pieces of %d: usage %+v, want %+v", r.name, size, got.usage, wanted(r))
			}
			if bytes.Contains(want, []byte(`"usage"`)) {
				t.Errorf("%s: the test left usage in", r.name)
			}
		}
	}
	if asked < 5 || silent < 5 {
		t.Errorf("%d streams with usage and %d without, want 5 of each at least", asked, silent)
	}
}

func tail(b []byte) []byte { return b[max(0, len(b)-600):] }

// The same request was recorded with include_usage (6d197ac8) and without (291a4d7b, e78e6db0).
func TestTheCutStreamEqualsTheRecordedUnaskedOne(t *testing.T) {
	own := regexp.MustCompile(`"id":"[^"]*"|"created":\d+`)
	streams := map[string]string{}
	for _, r := range openAIRecordings(t) {
		r.response.Cut = true
		got := meter(r.api, r.response, r.body, 0)
		streams[r.name] = own.ReplaceAllString(string(got.early)+string(got.late), "")
	}
	asked := streams["openai.openai-chat.sse.6d197ac8"]
	for _, name := range []string{"openai.openai-chat.sse.291a4d7b", "openai.openai-chat.sse.e78e6db0"} {
		if asked == "" || asked != streams[name] {
			t.Errorf("cut stream\n%s\ndiffers from %s\n%s", asked, name, streams[name])
		}
	}
}

func TestCutting(t *testing.T) {
	failed := streamResponse(true)
	failed.Status = 400
	usage := `"usage":{"prompt_tokens":12,"completion_tokens":5}`
	big := strings.Repeat("x", maxHeld)
	tests := []struct {
		name      string
		r         Response
		body, out string
		usage     Usage
	}{
		{"the usage chunk", streamResponse(true), sse(word, finish, tally, "[DONE]"), sse(word, finish, "[DONE]"), twelveFive},
		{"null between others", streamResponse(true), sse(`{"a":1,"usage":null,"b":2}`), sse(`{"a":1,"b":2}`), Usage{}},
		{"null at the end", streamResponse(true), sse(`{"a":1,"usage":null}`), sse(`{"a":1}`), Usage{}},
		{"null first", streamResponse(true), sse(`{"usage":null,"b":2}`), sse(`{"b":2}`), Usage{}},
		{"Groq's null stays", streamResponse(true), sse(`{"a":1,"x_groq":{"usage":null}}`), sse(`{"a":1,"x_groq":{"usage":null}}`), Usage{}},
		{"null alone", streamResponse(true), sse(`{"usage":null}`), sse(`{}`), Usage{}},
		{"white space, between", streamResponse(true), sse(`{"a": 1, "usage": null, "b": 2}`), sse(`{"a": 1, "b": 2}`), Usage{}},
		{"white space, first", streamResponse(true), sse(`{ "usage" : null , "b": 2 }`), sse(`{ "b": 2 }`), Usage{}},
		{"white space, last", streamResponse(true), sse(`{"a": 1, "usage": null }`), sse(`{"a": 1 }`), Usage{}},
		{"an escaped key", streamResponse(true), sse(`{"a":1,"\u0075sage":null}`), sse(`{"a":1}`), Usage{}},
		{"look-alikes stay", streamResponse(true), sse(`{"a":{"usage":null},"s":",\"usage\":null","b":[{"usage":null}]}`), sse(`{"a":{"usage":null},"s":",\"usage\":null","b":[{"usage":null}]}`), Usage{}},
		{"a look-alike before it", streamResponse(true), sse(`{"s":",\"usage\":null","a":{"c":1,"usage":null},"usage":null}`), sse(`{"s":",\"usage\":null","a":{"c":1,"usage":null}}`), Usage{}},
		{"other nulls stay", streamResponse(true), sse(`{"a":null,"usage_x":null,"usage":null,"c":null}`), sse(`{"a":null,"usage_x":null,"c":null}`), Usage{}},
		{"usage in a chunk with choices stays", streamResponse(true), sse(`{"choices":[{"index":0}],` + usage + `}`), sse(`{"choices":[{"index":0}],` + usage + `}`), twelveFive},
		{"empty choices without usage stay", streamResponse(true), sse(`{"choices":[],"prompt_filter_results":[]}`), sse(`{"choices":[],"prompt_filter_results":[]}`), Usage{}},
		{"empty choices with null: only that", streamResponse(true), sse(`{"choices":[],"usage":null,"moderation":{}}`), sse(`{"choices":[],"moderation":{}}`), Usage{}},
		{"choices null", streamResponse(true), sse(`{"choices":null,` + usage + `}`), "", twelveFive},
		{"choices absent", streamResponse(true), sse(`{` + usage + `}`), "", twelveFive},
		{"an error with usage stays", streamResponse(true), sse(`{"error":{"type":"x"},` + usage + `}`), sse(`{"error":{"type":"x"},` + usage + `}`), twelveFive},
		{"the event's other lines go, comments stay", streamResponse(true),
			": a\nevent: x\n: b\nid: 7\ndata: " + tally + "\nretry: 1\n: c\n\n: d\n\n" + sse("[DONE]"), ": a\n: b\n: c\n: d\n\n" + sse("[DONE]"), twelveFive},
		{"the event's lines stay", streamResponse(true),
			"event: x\n: b\nid: 7\ndata: " + `{"a":1,"usage":null}` + "\nretry: 1\n: c\n\n", "event: x\n: b\nid: 7\ndata: " + `{"a":1}` + "\nretry: 1\n: c\n\n", Usage{}},
		{"CRLF", streamResponse(true), strings.ReplaceAll(sse(`{"a":1,"usage":null}`, tally, "[DONE]"), "\n", "\r\n"), strings.ReplaceAll(sse(`{"a":1}`, "[DONE]"), "\n", "\r\n"), twelveFive},
		{"CR", streamResponse(true), strings.ReplaceAll(sse(`{"a":1,"usage":null}`, tally, "[DONE]"), "\n", "\r"), strings.ReplaceAll(sse(`{"a":1}`, "[DONE]"), "\n", "\r"), twelveFive},
		{"no blank lines", streamResponse(true), "data:" + `{"a":1,"usage":null}` + "\ndata:" + tally + "\ndata:[DONE]\n", "data:" + `{"a":1}` + "\ndata:[DONE]\n", twelveFive},
		{"the usage chunk in several lines", streamResponse(true), "data: {\"choices\":[],\ndata: " + usage + "}\n\n" + sse("[DONE]"), sse("[DONE]"), twelveFive},
		{"null in several lines stays", streamResponse(true), "data: {\"a\":1,\ndata: \"usage\":null}\n\n", "data: {\"a\":1,\ndata: \"usage\":null}\n\n", Usage{}},
		{"a last event without an end", streamResponse(true), "data: " + `{"a":1,"usage":null}`, "data: " + `{"a":1}`, Usage{}},
		{"a last usage chunk without an end", streamResponse(true), sse(word) + "data: " + tally, sse(word), twelveFive},
		{"what isn't JSON", streamResponse(true), sse("hello", `{"usage":null`) + "data\nevent\n\n", sse("hello", `{"usage":null`) + "data\nevent\n\n", Usage{}},
		{"an event without data", streamResponse(true), "event: ping\n\nid: 3", "event: ping\n\nid: 3", Usage{}},
		{"an error's body", failed, sse(`{"usage":null}`), sse(`{"usage":null}`), Usage{}},
		{"a JSON answer", streamResponse(true), `{"choices":[],` + usage + `}`, `{"choices":[],` + usage + `}`, twelveFive},
		{"a line too long to be held", streamResponse(true), sse(`{"a":"`+big+`","usage":null}`, `{"a":1,"usage":null}`, tally), sse(`{"a":"`+big+`","usage":null}`, `{"a":1}`), twelveFive},
	}
	for _, test := range tests {
		for _, size := range append(cuts, 4096) {
			if size > 0 && size < 4096 && len(test.body) > 10_000 {
				continue
			}
			got := meter(Chat, test.r, []byte(test.body), size)
			if all := string(got.early) + string(got.late); all != test.out {
				t.Errorf("%s, in pieces of %d:\n got %q\nwant %q", test.name, size, tail([]byte(all)), tail([]byte(test.out)))
			}
			if got.usage != test.usage {
				t.Errorf("%s, in pieces of %d: usage %+v", test.name, size, got.usage)
			}
		}
	}
}

func TestCuttingLeavesANativeNull(t *testing.T) {
	const chunk = `{"choices":[{"index":0}],"usage":null}`
	got := meter(CompletionsOfVLLM, streamResponse(true), []byte(sse(chunk, tally)), 0)
	if all := string(got.early) + string(got.late); all != sse(chunk) || got.usage != twelveFive {
		t.Errorf("the client gets %q, usage %+v", all, got.usage)
	}
}

func TestNothingIsHeldBackWithoutCutting(t *testing.T) {
	body := []byte("event: x\n: y\n" + sse(word, word) + "data: {\"choices\"")
	m := Chat.NewMeter(streamResponse(false))
	for i, c := range body {
		if out := m.Feed(nil, []byte{c}); !bytes.Equal(out, body[i:i+1]) {
			t.Fatalf("byte %d: the client gets %q", i, out)
		}
	}
}

func TestCuttingHoldsNoMoreThanALine(t *testing.T) {
	m := Chat.NewMeter(streamResponse(true))
	got := m.Feed(nil, []byte(": ping\n\nevent: x\ndata: {}\n\n"+sse(word)+"data: {"))
	if want := ": ping\n\nevent: x\ndata: {}\n\n" + sse(word); string(got) != want {
		t.Errorf("the client has %q, want %q", got, want)
	}
}

// Asking is undone wherever a provider puts what it adds, in whatever order and style it writes.
func TestCuttingUndoesAsking(t *testing.T) {
	members := []string{`"id":"c1"`, `"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]`, `"obfuscation":",\"usage\":null"`,
		`"x":{"usage":null,"y":[{"usage":null}]}`, `"service_tier":null`, `"us\u0061ges":null`}
	rapid.Check(t, func(t *rapid.T) {
		ending := rapid.SampledFrom([]string{"\n", "\r\n", "\r"}).Draw(t, "ending")
		comma := rapid.SampledFrom([]string{",", ", "}).Draw(t, "comma")
		data := rapid.SampledFrom([]string{"data: ", "data:"}).Draw(t, "data")
		key := rapid.SampledFrom([]string{`"usage":`, `"usage": `, `"\u0075sage" :`}).Draw(t, "key")
		var asked, unasked []byte
		write := func(text string, both bool) {
			asked = append(asked, text...)
			if both {
				unasked = append(unasked, text...)
			}
		}
		for range rapid.IntRange(1, 5).Draw(t, "events") {
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				write(": keep-alive"+ending+ending, true)
			case 1:
				for _, line := range []string{"event: x", data + `{"choices":[],` + key + `{"prompt_tokens":12,"completion_tokens":5}}`, "id: 1", ""} {
					write(line+ending, false)
				}
			default:
				chosen := rapid.SliceOfNDistinct(rapid.SampledFrom(members), 1, 5, rapid.ID[string]).Draw(t, "members")
				at := rapid.IntRange(0, len(chosen)).Draw(t, "at")
				with := slices.Insert(slices.Clone(chosen), at, key+"null")
				lead := rapid.SampledFrom([]string{"", "event: x" + ending, "id: 1" + ending}).Draw(t, "lead")
				write(lead, true)
				asked = append(asked, data+"{"+strings.Join(with, comma)+"}"+ending+ending...)
				unasked = append(unasked, data+"{"+strings.Join(chosen, comma)+"}"+ending+ending...)
			}
		}
		write(data+"[DONE]"+ending+ending, true)
		got := passed(Chat, streamResponse(true), split(asked, rapid.Uint64().Draw(t, "split"))...)
		if all := got.early + got.late; all != string(unasked) {
			t.Fatalf("asked %q\n  got %q\n want %q", asked, all, unasked)
		}
	})
}
