package proxytest

import "encoding/json"

// The members of these types stand in the order in which OpenAI sends them.

type chatCompletion struct {
	ID                string          `json:"id"`
	Object            string          `json:"object"`
	Created           int64           `json:"created"`
	Model             string          `json:"model"`
	Choices           []chatChoice    `json:"choices"`
	Usage             json.RawMessage `json:"usage,omitempty"`
	ServiceTier       string          `json:"service_tier"`
	SystemFingerprint string          `json:"system_fingerprint"`
}

type chatChoice struct {
	Index        int64       `json:"index"`
	Message      chatMessage `json:"message"`
	Logprobs     *struct{}   `json:"logprobs"`
	FinishReason string      `json:"finish_reason"`
}

type chatMessage struct {
	Role        string   `json:"role"`
	Content     string   `json:"content"`
	Refusal     *string  `json:"refusal"`
	Annotations []string `json:"annotations"`
}

type chatChunk struct {
	ID                string            `json:"id"`
	Object            string            `json:"object"`
	Created           int64             `json:"created"`
	Model             string            `json:"model"`
	ServiceTier       string            `json:"service_tier"`
	SystemFingerprint string            `json:"system_fingerprint"`
	Choices           []chatChunkChoice `json:"choices"`
	Usage             json.RawMessage   `json:"usage,omitempty"`
}

type chatChunkChoice struct {
	Index        int64     `json:"index"`
	Delta        any       `json:"delta"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

type firstDelta struct {
	Role    string  `json:"role"`
	Content string  `json:"content"`
	Refusal *string `json:"refusal"`
}

type contentDelta struct {
	Content string `json:"content"`
}

const fingerprint = "fp_07871e2ad8"

func chat(q *request) *answer {
	id, dated := "chatcmpl-"+q.id, snapshot(q.Model)
	if q.Stream {
		return chatStream(q, id, dated)
	}
	return document(q, id, dated, func(text string) any {
		c := chatCompletion{
			ID: id, Object: "chat.completion", Created: q.created, Model: dated,
			Usage: q.chatUsage(), ServiceTier: "default", SystemFingerprint: fingerprint,
		}
		for i := range q.N {
			c.Choices = append(c.Choices, chatChoice{
				Index: i, Message: chatMessage{Role: "assistant", Content: text, Annotations: []string{}}, FinishReason: q.finishReason(),
			})
		}
		return c
	})
}

func chatStream(q *request, id, dated string) *answer {
	chunk := func(choices []chatChunkChoice, u json.RawMessage) []byte {
		return event("", chatChunk{
			ID: id, Object: "chat.completion.chunk", Created: q.created, Model: dated,
			ServiceTier: "default", SystemFingerprint: fingerprint, Choices: choices, Usage: u,
		})
	}
	var parts [][]byte
	say := func(delta any, finish *string) {
		for i := range q.N {
			parts = append(parts, chunk([]chatChunkChoice{{Index: i, Delta: delta, FinishReason: finish}}, q.usageToCome()))
		}
	}
	say(firstDelta{Role: "assistant"}, nil)
	for _, word := range q.words {
		say(contentDelta{word}, nil)
	}
	say(struct{}{}, new(q.finishReason()))
	return q.withUsage(id, dated, parts, func(u json.RawMessage) []byte { return chunk([]chatChunkChoice{}, u) })
}
