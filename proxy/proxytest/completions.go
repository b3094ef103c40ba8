package proxytest

import "encoding/json"

type completion struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Model   string             `json:"model"`
	Choices []completionChoice `json:"choices"`
	Usage   json.RawMessage    `json:"usage,omitempty"`
}

// completionChunk has its members in another order, as OpenAI's has.
type completionChunk struct {
	ID      string             `json:"id"`
	Object  string             `json:"object"`
	Created int64              `json:"created"`
	Choices []completionChoice `json:"choices"`
	Model   string             `json:"model"`
	Usage   json.RawMessage    `json:"usage,omitempty"`
}

type completionChoice struct {
	Text         string    `json:"text"`
	Index        int64     `json:"index"`
	Logprobs     *struct{} `json:"logprobs"`
	FinishReason *string   `json:"finish_reason"`
}

func completions(q *request) *answer {
	id := "cmpl-" + q.id
	model := q.Model
	if model == "gpt-3.5-turbo-instruct" {
		model += ":20230824-v2"
	}
	if q.Stream {
		return completionStream(q, id, model)
	}
	return document(q, id, model, func(text string) any {
		c := completion{ID: id, Object: "text_completion", Created: q.created, Model: model, Usage: q.chatUsage()}
		for i := range q.N {
			c.Choices = append(c.Choices, completionChoice{Text: text, Index: i, FinishReason: new(q.finishReason())})
		}
		return c
	})
}

// completionStream gives the finish reason with an empty last text, after the words.
func completionStream(q *request, id, model string) *answer {
	chunk := func(choices []completionChoice, u json.RawMessage) []byte {
		return event("", completionChunk{ID: id, Object: "text_completion", Created: q.created, Choices: choices, Model: model, Usage: u})
	}
	var parts [][]byte
	say := func(text string, finish *string) {
		for i := range q.N {
			parts = append(parts, chunk([]completionChoice{{Text: text, Index: i, FinishReason: finish}}, q.usageToCome()))
		}
	}
	for _, word := range q.words {
		say(word, nil)
	}
	say("", new(q.finishReason()))
	return q.withUsage(id, model, parts, func(u json.RawMessage) []byte { return chunk([]completionChoice{}, u) })
}
