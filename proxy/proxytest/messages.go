package proxytest

import "encoding/json"

// messageUsage counts the cache outside InputTokens, thinking inside OutputTokens.
type messageUsage struct {
	InputTokens              int64               `json:"input_tokens"`
	CacheCreationInputTokens int64               `json:"cache_creation_input_tokens"`
	CacheReadInputTokens     int64               `json:"cache_read_input_tokens"`
	CacheCreation            *cacheCreation      `json:"cache_creation,omitempty"`
	OutputTokens             int64               `json:"output_tokens"`
	OutputTokensDetails      *messageOutputParts `json:"output_tokens_details,omitempty"`
	ServiceTier              string              `json:"service_tier,omitempty"`
}

type cacheCreation struct {
	Ephemeral5mInputTokens int64 `json:"ephemeral_5m_input_tokens"`
	Ephemeral1hInputTokens int64 `json:"ephemeral_1h_input_tokens"`
}

type messageOutputParts struct {
	ThinkingTokens int64 `json:"thinking_tokens"`
}

// messageUsage is the whole usage object, at the beginning of a stream and in a plain answer.
func (q *request) messageUsage(output int64) json.RawMessage {
	u := q.messageCounts(output)
	u.CacheCreation, u.ServiceTier = &cacheCreation{Ephemeral5mInputTokens: q.usage.cacheWrite}, "standard"
	return q.rawUsage(u)
}

// messageCounts is what the end of a stream has of it.
func (q *request) messageCounts(output int64) messageUsage {
	u := messageUsage{
		InputTokens: q.usage.fresh(), CacheCreationInputTokens: q.usage.cacheWrite, CacheReadInputTokens: q.usage.cached, OutputTokens: output,
	}
	if thinking := min(q.usage.reasoning, output); thinking > 0 {
		u.OutputTokensDetails = &messageOutputParts{thinking}
	}
	return u
}

func messages(q *request) *answer {
	id := "msg_" + q.id
	if q.Stream {
		return messageStream(q, id)
	}
	return line(q, id, q.Model, func(text string) any {
		return invoked{
			ID: id, Type: "message", Role: "assistant", Model: q.Model, Content: []invokedText{{"text", text}},
			StopReason: new(q.stopReason()), Usage: q.messageUsage(q.usage.output),
		}
	})
}

// messageStream reports the input at its start, with a placeholder for the output, and everything in message_delta.
func messageStream(q *request, id string) *answer {
	var parts [][]byte
	say := func(e invokedEvent) { parts = append(parts, event(e.Type, e)) }
	say(invokedEvent{Type: "message_start", Message: &invoked{
		ID: id, Type: "message", Role: "assistant", Model: q.Model, Content: []invokedText{}, Usage: q.messageUsage(1),
	}})
	say(invokedEvent{Type: "content_block_start", Index: new(0), ContentBlock: &invokedText{"text", ""}})
	say(invokedEvent{Type: "ping"})
	for _, word := range q.words {
		say(invokedEvent{Type: "content_block_delta", Index: new(0), Delta: invokedText{"text_delta", word}})
	}
	say(invokedEvent{Type: "content_block_stop", Index: new(0)})
	if q.Proxytest.UsageTwice {
		say(invokedEvent{Type: "message_delta", Delta: pausedDelta{}, Usage: q.rawUsage(q.messageCounts(q.usage.output / 2))})
	}
	usageAt := len(parts)
	say(invokedEvent{Type: "message_delta", Delta: stopDelta{StopReason: q.stopReason()}, Usage: q.rawUsage(q.messageCounts(q.usage.output))})
	say(invokedEvent{Type: "message_stop"})
	return stream(q, id, q.Model, parts, usageAt)
}

// pausedDelta is the delta of a message that goes on.
type pausedDelta struct {
	StopReason   *string `json:"stop_reason"`
	StopSequence *string `json:"stop_sequence"`
}

func countMessages(q *request) *answer {
	return free(q, struct {
		InputTokens int64 `json:"input_tokens"`
	}{q.usage.input})
}
