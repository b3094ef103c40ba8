package proxytest

import "encoding/json"

// The members of these types stand in the order in which Bedrock sends them: alphabetical.

type converseAnswer struct {
	Metrics    converseMetrics `json:"metrics"`
	Output     converseOutput  `json:"output"`
	StopReason string          `json:"stopReason"`
	Usage      json.RawMessage `json:"usage,omitempty"`
}

type converseMetrics struct {
	LatencyMs int `json:"latencyMs"`
}

type converseOutput struct {
	Message converseMessage `json:"message"`
}

type converseMessage struct {
	Content []converseText `json:"content"`
	Role    string         `json:"role"`
}

type converseText struct {
	Text string `json:"text"`
}

// converseEvent is the payload of any event of a stream; what an event does not have stays away.
type converseEvent struct {
	ContentBlockIndex *int             `json:"contentBlockIndex,omitempty"`
	Delta             *converseText    `json:"delta,omitempty"`
	Metrics           *converseMetrics `json:"metrics,omitempty"`
	P                 string           `json:"p"`
	Role              string           `json:"role,omitempty"`
	StopReason        string           `json:"stopReason,omitempty"`
	Usage             json.RawMessage  `json:"usage,omitempty"`
}

// converseUsage counts the cache outside InputTokens, and names it twice.
type converseUsage struct {
	CacheReadInputTokenCount  int64    `json:"cacheReadInputTokenCount"`
	CacheReadInputTokens      int64    `json:"cacheReadInputTokens"`
	CacheWriteInputTokenCount int64    `json:"cacheWriteInputTokenCount"`
	CacheWriteInputTokens     int64    `json:"cacheWriteInputTokens"`
	InputTokens               int64    `json:"inputTokens"`
	OutputTokens              int64    `json:"outputTokens"`
	ServerToolUsage           struct{} `json:"serverToolUsage"`
	TotalTokens               int64    `json:"totalTokens"`
}

func (q *request) converseUsage() json.RawMessage {
	u := q.usage
	return q.rawUsage(converseUsage{
		u.cached, u.cached, u.cacheWrite, u.cacheWrite, u.fresh(), u.output, struct{}{}, u.input + u.output,
	})
}

func converse(q *request) *answer {
	q.usage.reasoning = 0 // not told
	return line(q, "", "", func(text string) any {
		return converseAnswer{
			Metrics: converseMetrics{7}, Output: converseOutput{converseMessage{[]converseText{{text}}, "assistant"}},
			StopReason: q.stopReason(), Usage: q.converseUsage(),
		}
	})
}

func converseStream(q *request) *answer {
	q.usage.reasoning = 0
	var parts [][]byte
	say := func(name string, e converseEvent) {
		e.P = padding(len(parts))
		parts = append(parts, frame(name, e))
	}
	say("messageStart", converseEvent{Role: "assistant"})
	for _, word := range q.words {
		say("contentBlockDelta", converseEvent{ContentBlockIndex: new(0), Delta: &converseText{word}})
	}
	say("contentBlockStop", converseEvent{ContentBlockIndex: new(0)})
	say("messageStop", converseEvent{StopReason: q.stopReason()})
	say("metadata", converseEvent{Metrics: &converseMetrics{7}, Usage: q.converseUsage()})
	return frames(q, "", parts)
}

// frames is a stream whose last part has the usage.
func frames(q *request, model string, parts [][]byte) *answer {
	a := stream(q, "", model, parts, len(parts)-1)
	a.contentType = eventStream
	return a
}

// stopReason is Anthropic's word for what ended an answer, and Bedrock's.
func (q *request) stopReason() string {
	if q.cut {
		return "max_tokens"
	}
	return "end_turn"
}

// padding is what hides the length of the n-th event.
func padding(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	return letters[:5+n*17%50]
}
