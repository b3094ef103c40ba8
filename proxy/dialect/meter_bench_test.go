package dialect

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// streamChunks are n chunks of a chat stream as OpenAI sends them when usage is asked for, each about 200 bytes long,
// and the three events that end it.
func streamChunks(n int) [][]byte {
	var chunks [][]byte
	for i := range n {
		chunks = append(chunks, fmt.Appendf(nil, `data: {"id":"chatcmpl-ASv9ejXDUtAhGOJJxWuw026zdinc4","object":"chat.completion.chunk","created":1731456250,"model":"gpt-4-0613","choices":[{"index":0,"delta":{"content":" w%d"},"finish_reason":null}],"usage":null}`+"\n\n", i))
	}
	return append(chunks,
		[]byte(`data: {"id":"chatcmpl-ASv9ejXDUtAhGOJJxWuw026zdinc4","object":"chat.completion.chunk","created":1731456250,"model":"gpt-4-0613","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`+"\n\n"),
		[]byte(`data: {"id":"chatcmpl-ASv9ejXDUtAhGOJJxWuw026zdinc4","object":"chat.completion.chunk","created":1731456250,"model":"gpt-4-0613","choices":[],"usage":{"prompt_tokens":12,"completion_tokens":64,"total_tokens":76}}`+"\n\n"),
		[]byte("data: [DONE]\n\n"))
}

func streamResponse(cut bool) Response {
	return Response{Status: 200, ContentType: "text/event-stream; charset=utf-8", Cut: cut,
		Request: Request{Stream: true, Choices: 1, answers: 1}}
}

func TestStreamChunksCostNoAllocation(t *testing.T) {
	for _, cut := range []bool{false, true} {
		m := Chat.NewMeter(streamResponse(cut))
		chunks := streamChunks(64)[:64]
		dst := make([]byte, 0, 4096)
		dst = m.Feed(dst[:0], chunks[0])
		next := 0
		allocs := testing.AllocsPerRun(200, func() {
			dst = m.Feed(dst[:0], chunks[next%64][:100])
			dst = m.Feed(dst[:0], chunks[next%64][100:])
			next++
		})
		if allocs != 0 {
			t.Errorf("cut %v: %v allocations a chunk, want none", cut, allocs)
		}
	}
}

func TestResponsesEventsCostNoAllocation(t *testing.T) {
	m := Responses.NewMeter(streamResponse(false))
	event := []byte("event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"content_index\":0,\"delta\":\"Here\",\"item_id\":\"msg_1\",\"output_index\":0,\"sequence_number\":4}\n\n")
	dst := m.Feed(make([]byte, 0, 4096), event)
	if allocs := testing.AllocsPerRun(200, func() { dst = m.Feed(dst[:0], event) }); allocs != 0 {
		t.Errorf("%v allocations an event, want none", allocs)
	}
}

func BenchmarkMeterStream(b *testing.B) {
	chunks := streamChunks(64)
	for _, cut := range []bool{false, true} {
		b.Run(fmt.Sprintf("cut=%v", cut), func(b *testing.B) {
			dst := make([]byte, 0, 4096)
			size := 0
			for _, c := range chunks {
				size += len(c)
			}
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				m := Chat.NewMeter(streamResponse(cut))
				for _, c := range chunks {
					dst = m.Feed(dst[:0], c)
				}
				dst = m.Release(dst)
				if m.Usage().Input != 12 {
					b.Fatal(m.Usage())
				}
			}
		})
	}
}

func BenchmarkMeterJSON1MB(b *testing.B) {
	text := `{"id":"chatcmpl-1","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat(`It was a bright cold day in April,\nand the clocks were striking \"thirteen\". `, 1<<20/80) +
		`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":34,"total_tokens":46}}`
	benchmarkJSON(b, "text", Chat, text)
	numbers := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1` +
		strings.Repeat(`,-0.0123456789`, 1<<20/14) + `]}],"model":"m","usage":{"prompt_tokens":12,"total_tokens":12}}`
	benchmarkJSON(b, "embedding", Embeddings, numbers)
}

func benchmarkJSON(b *testing.B, name string, api *API, text string) {
	b.Run(name, func(b *testing.B) {
		body := []byte(text)
		dst := make([]byte, 0, 64<<10)
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			m := api.NewMeter(Response{Status: 200, ContentType: "application/json"})
			for at := 0; at < len(body); at += 32 << 10 {
				dst = m.Feed(dst[:0], body[at:min(at+32<<10, len(body))])
			}
			if m.Usage().Input != 12 {
				b.Fatal(m.Usage())
			}
		}
	})
}

func BenchmarkReadRequest(b *testing.B) {
	turn := `{"role":"user","content":"Tell me about the ` + strings.Repeat(`quick brown fox and the lazy dog, `, 12) + `please."},`
	for _, turns := range []int{1, 40, 2500} {
		body := []byte(`{"model":"gpt-4o-mini","messages":[` + strings.TrimSuffix(strings.Repeat(turn, turns), ",") +
			`],"stream":true,"temperature":0.2,"max_tokens":256}`)
		b.Run(fmt.Sprintf("%dB", len(body)), func(b *testing.B) {
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if r, err := Chat.ReadRequest(Head{}, body); err != nil || r.OutputLimit != 256 {
					b.Fatal(r, err)
				}
			}
		})
	}
}

func BenchmarkSplice(b *testing.B) {
	body := []byte(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"` + string(bytes.Repeat([]byte("hello "), 200)) + `"}],"stream":true}`)
	r, err := Chat.ReadRequest(Head{}, body)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		r.Splice(body, Splice{AskUsage: true})
	}
}
