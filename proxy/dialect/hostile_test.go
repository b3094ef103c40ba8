package dialect

import (
	"bytes"
	"encoding/base64"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// heldAtMost is what a meter keeps of an answer, whatever its provider sends: what is held, comments twice, and a little.
const heldAtMost = 2*maxHeld + 512<<10

// TestHostileAnswersAreHeldInBounds feeds each framing what never ends, nests or repeats.
func TestHostileAnswersAreHeldInBounds(t *testing.T) {
	const size = heldAtMost + 1<<20
	framings := []struct {
		api        *API
		kind, line string // line begins a message
	}{
		{Chat, "text/event-stream", "data: "}, {OllamaChat, "application/x-ndjson", ""}, {Messages, "text/plain", ""},
	}
	hostile := map[string]struct{ before, again string }{
		"endless text":    {`{"choices":[{"delta":{"content":"`, "a"},
		"endless usage":   {`{"usage":{"x":"`, "a"},
		"endless id":      {`{"id":"`, "a"},
		"endless key":     {`{"`, "a"},
		"endless number":  {`{"usage":`, "1"},
		"arrays":          {"", "["},
		"objects":         {"", `{"choices":[`},
		"choices":         {`{"choices":[`, `{"index":1000000,"finish_reason":"stop"},`},
		"reasons":         {"", `{"choices":[{"finish_reason":"stop"}],"done_reason":"stop"}` + "\n"},
		"iterations":      {`{"usage":{"iterations":[`, `{"output_tokens":1},`},
		"endless line":    {"", "x"},
		"endless comment": {"\n", ": a comment "},
		"lines of one":    {`{"a":[`, "\ndata: 1,"},
		"no bytes":        {"", "\r"},
		"an end and more": {`{"type":"message_stop","done":true}` + "\n", "x"},
	}
	for _, f := range framings {
		for name, h := range hostile {
			body := []byte(f.line + h.before + strings.Repeat(h.again, size/len(h.again)))
			m := f.api.NewMeter(Response{Status: 200, ContentType: f.kind, Request: Request{Stream: true}, Cut: f.api.CanAskUsage})
			if held := heldOf(m, body); held > heldAtMost {
				t.Errorf("%s, %s: %d KiB are held", f.api.Name, name, held>>10)
			}
		}
	}
	inside := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte(`{"delta":{"text":[`), size/24))
	if held := heldOf(InvokeStream.NewMeter(anyAnswer(nil)), chunkFrame(inside)); held > heldAtMost {
		t.Errorf("%d KiB are held of a chunk in base64", held>>10)
	}
}

// heldOf is how much memory a meter and its answer take once a body has passed.
func heldOf(m *Meter, body []byte) int64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	dst := make([]byte, 0, heldAtMost)
	for at := 0; at < len(body); at += 32 << 10 {
		dst = m.Feed(dst[:0], body[at:min(at+32<<10, len(body))])
		if m.Ready() {
			dst = m.Release(dst)
		}
	}
	lent := int64(cap(dst))
	runtime.GC()
	runtime.ReadMemStats(&after)
	runtime.KeepAlive(m)
	runtime.KeepAlive(dst)
	return int64(after.HeapAlloc) - int64(before.HeapAlloc) - lent
}

// TestHostileRequestsCostLittleMemory: a request is read without a second copy of it, whatever stands in it.
func TestHostileRequestsCostLittleMemory(t *testing.T) {
	const size = 1 << 20
	for name, h := range map[string][3]string{
		"unknown members": {"{", `"aaaaaaaaaaaaaaaaaaaaaaaa":1,`, `"x":1}`},
		"messages":        {`{"messages":[`, `{"role":"user"},`, `{}]}`},
		"contents":        {`{"contents":[`, `{"parts":[{"text":1}]},`, `{}]}`},
		"other models":    {`{"models":[`, `"a",`, `"a"]}`},
		"prompts":         {`{"prompt":[`, `1,`, `1]}`},
		"depth":           {`{"a":`, `[`, `}`},
		"white space":     {`{`, ` `, `}`},
		"no JSON":         {`{"a":[`, `1,`, `}`},
		"tools":           {`{"tools":[`, `{"type":"x","model":1},`, `{}]}`},
	} {
		body := []byte(h[0] + strings.Repeat(h[1], size/len(h[1])) + h[2])
		for _, api := range []*API{Chat, Completions, Messages, GenerateContent, Converse} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = api.ReadRequest(Head{}, body) // some are refused
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > size/4 {
				t.Errorf("%s, %s: %d KiB allocated for %d KiB", api.Name, name, n>>10, len(body)>>10)
			}
		}
	}
}

func TestLineLength(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Repeat("a", rapid.IntRange(0, 600).Draw(t, "before")) + rapid.StringMatching(`[a\r\n]{0,20}`).Draw(t, "rest")
		want := strings.IndexAny(text, "\r\n")
		if want < 0 {
			want = len(text)
		}
		if got := lineLength([]byte(text)); got != want {
			t.Fatalf("%q: %d, want %d", text, got, want)
		}
	})
}

// BenchmarkShortLines: lines that end in CR cost what others do. They cost forty times as much while each was searched for an LF.
func BenchmarkShortLines(b *testing.B) {
	for name, end := range map[string]string{"LF": "\n", "CR": "\r"} {
		body := bytes.Repeat([]byte("data: x"+end), 32<<10/8)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			m := Chat.NewMeter(Response{Status: 200, ContentType: "text/event-stream"})
			var dst []byte
			for b.Loop() {
				dst = m.Feed(dst[:0], body)
			}
		})
	}
}
