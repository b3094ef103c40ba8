package proxytest

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// invoked is Anthropic's message as InvokeModel gives it.
type invoked struct {
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Role         string          `json:"role"`
	Model        string          `json:"model"`
	Content      []invokedText   `json:"content"`
	StopReason   *string         `json:"stop_reason"`
	StopSequence *string         `json:"stop_sequence"`
	Usage        json.RawMessage `json:"usage,omitempty"`
}

type invokedText struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// invokedEvent is one event of Anthropic's stream; what an event does not have stays away.
type invokedEvent struct {
	Type         string             `json:"type"`
	Message      *invoked           `json:"message,omitempty"`
	Index        *int               `json:"index,omitempty"`
	ContentBlock *invokedText       `json:"content_block,omitempty"`
	Delta        any                `json:"delta,omitempty"`
	Usage        json.RawMessage    `json:"usage,omitempty"`
	Metrics      *invocationMetrics `json:"amazon-bedrock-invocationMetrics,omitempty"`
}

type stopDelta struct {
	StopReason   string  `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
}

// invocationMetrics are Bedrock's own counts, in the last chunk of any model's stream.
type invocationMetrics struct {
	InputTokenCount           int64 `json:"inputTokenCount"`
	OutputTokenCount          int64 `json:"outputTokenCount"`
	InvocationLatency         int   `json:"invocationLatency"`
	FirstByteLatency          int   `json:"firstByteLatency"`
	CacheReadInputTokenCount  int64 `json:"cacheReadInputTokenCount"`
	CacheWriteInputTokenCount int64 `json:"cacheWriteInputTokenCount"`
}

func invoke(q *request) *answer {
	q.usage.reasoning = 0 // not told
	switch {
	case strings.Contains(q.Model, "titan-embed"):
		return invokeEmbedding(q)
	case !strings.Contains(q.Model, "anthropic."):
		return noBedrockModel()
	}
	id, named := "msg_bdrk_"+q.id, invokedModel(q.Model)
	a := line(q, id, named, func(text string) any {
		return invoked{
			ID: id, Type: "message", Role: "assistant", Model: named, Content: []invokedText{{"text", text}},
			StopReason: new(q.stopReason()), Usage: q.rawUsage(q.messageCounts(q.usage.output)),
		}
	})
	a.headers = q.tokenHeaders()
	return a
}

// invokeEmbedding reports no output tokens, in no header either.
func invokeEmbedding(q *request) *answer {
	q.usage = usage{input: q.usage.input}
	var text string
	if json.Unmarshal(q.Input, &text) != nil || text == "" {
		return bedrockError(http.StatusBadRequest, "Malformed input request: #: required key [inputText] not found, please reformat your input and try again.")
	}
	dimensions := q.Dimensions
	if dimensions == 0 {
		dimensions = 1024
	}
	a := line(q, "", "", func(string) any {
		body := struct {
			Embedding           []float32 `json:"embedding"`
			InputTextTokenCount *int64    `json:"inputTextTokenCount,omitempty"`
		}{Embedding: vector(text, dimensions)}
		if !q.Proxytest.NoUsage {
			body.InputTextTokenCount = &q.usage.input
		}
		return body
	})
	a.headers = q.tokenHeaders()
	return a
}

// tokenHeaders are the counts in the header of a plain answer, under a name only where there are such tokens.
func (q *request) tokenHeaders() map[string]string {
	h := map[string]string{"X-Amzn-Bedrock-Invocation-Latency": "7"}
	if q.Proxytest.NoUsage {
		return h
	}
	for name, n := range map[string]int64{
		"Input": q.usage.fresh(), "Output": q.usage.output, "Cache-Read-Input": q.usage.cached, "Cache-Write-Input": q.usage.cacheWrite,
	} {
		if n > 0 || name == "Input" {
			h["X-Amzn-Bedrock-"+name+"-Token-Count"] = strconv.FormatInt(n, 10)
		}
	}
	return h
}

func invokeStream(q *request) *answer {
	q.usage.reasoning = 0
	if !strings.Contains(q.Model, "anthropic.") {
		return noBedrockModel()
	}
	id, named := "msg_bdrk_"+q.id, invokedModel(q.Model)
	var parts [][]byte
	say := func(e invokedEvent) {
		parts = append(parts, frame("chunk", struct {
			Bytes []byte `json:"bytes"`
			P     string `json:"p"`
		}{marshal(e), padding(len(parts))}))
	}
	say(invokedEvent{Type: "message_start", Message: &invoked{
		ID: id, Type: "message", Role: "assistant", Model: named, Content: []invokedText{}, Usage: q.rawUsage(q.messageCounts(1)),
	}})
	say(invokedEvent{Type: "content_block_start", Index: new(0), ContentBlock: &invokedText{"text", ""}})
	for _, word := range q.words {
		say(invokedEvent{Type: "content_block_delta", Index: new(0), Delta: invokedText{"text_delta", word}})
	}
	say(invokedEvent{Type: "content_block_stop", Index: new(0)})
	say(invokedEvent{Type: "message_delta", Delta: stopDelta{StopReason: q.stopReason()}, Usage: q.rawUsage(struct {
		OutputTokens int64 `json:"output_tokens"`
	}{q.usage.output})})
	last := invokedEvent{Type: "message_stop"}
	if u := q.usage; !q.Proxytest.NoUsage {
		last.Metrics = &invocationMetrics{u.fresh(), u.output, 7, 3, u.cached, u.cacheWrite}
	}
	say(last)
	a := frames(q, named, parts)
	a.id = id
	a.headers = map[string]string{"X-Amzn-Bedrock-Content-Type": "application/json"}
	return a
}

// invokedModel is Anthropic's name of a model: Bedrock's without what it puts before and behind it.
func invokedModel(model string) string {
	_, model, _ = strings.Cut(model, "anthropic.")
	if at := strings.LastIndex(model, "-v"); at > 0 {
		model = model[:at]
	}
	return model
}

func noBedrockModel() *answer {
	return bedrockError(http.StatusBadRequest, "The provided model identifier is invalid.")
}
