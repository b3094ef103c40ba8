package proxytest

import (
	"encoding/json"
	"strings"
)

// cohereTokens are what the model saw; of that, the billed units leave out what Cohere adds.
type cohereTokens struct {
	BilledUnits  cohereUnits      `json:"billed_units"`
	Tokens       cohereTokenParts `json:"tokens"`
	CachedTokens int64            `json:"cached_tokens,omitempty"`
}

type cohereUnits struct {
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
}

type cohereTokenParts struct {
	InputTokens     int64 `json:"input_tokens"`
	OutputTokens    int64 `json:"output_tokens"`
	ReasoningTokens int64 `json:"reasoning_tokens,omitempty"`
}

func (q *request) cohereTokens() cohereTokens {
	u := q.usage
	return cohereTokens{u.billed(), cohereTokenParts{u.input, u.output, u.reasoning}, u.cached}
}

func (u usage) billed() cohereUnits { return cohereUnits{(u.input + 1) / 2, (u.output + 1) / 2} }

func (q *request) cohereFinish() string {
	if q.cut {
		return "MAX_TOKENS"
	}
	return "COMPLETE"
}

type cohereContent struct {
	Type string `json:"type,omitempty"`
	Text string `json:"text"`
}

type cohereMessage struct {
	Role    string          `json:"role"`
	Content []cohereContent `json:"content"`
}

func cohereChat(q *request) *answer {
	q.usage.cacheWrite = 0 // not told
	if q.Stream {
		return cohereStream(q)
	}
	return line(q, q.id, "", func(text string) any {
		return struct {
			ID           string          `json:"id"`
			Message      cohereMessage   `json:"message"`
			FinishReason string          `json:"finish_reason"`
			Usage        json.RawMessage `json:"usage,omitempty"`
		}{q.id, cohereMessage{"assistant", []cohereContent{{"text", text}}}, q.cohereFinish(), q.rawUsage(q.cohereTokens())}
	})
}

// cohereEvent is any event of a stream; what an event does not have stays away.
type cohereEvent struct {
	ID    string `json:"id,omitempty"`
	Type  string `json:"type"`
	Index *int   `json:"index,omitempty"`
	Delta any    `json:"delta,omitempty"`
}

type cohereDelta struct {
	Message      any             `json:"message,omitempty"`
	FinishReason string          `json:"finish_reason,omitempty"`
	Error        string          `json:"error,omitempty"`
	Usage        json.RawMessage `json:"usage,omitempty"`
}

// cohereStream has its usage in message-end, behind which [DONE] comes.
func cohereStream(q *request) *answer {
	type begun struct {
		Role      string     `json:"role"`
		Content   []struct{} `json:"content"`
		ToolPlan  string     `json:"tool_plan"`
		ToolCalls []struct{} `json:"tool_calls"`
		Citations []struct{} `json:"citations"`
	}
	type inContent struct {
		Content cohereContent `json:"content"`
	}
	var parts [][]byte
	say := func(e cohereEvent) { parts = append(parts, event(e.Type, e)) }
	say(cohereEvent{ID: q.id, Type: "message-start", Delta: cohereDelta{Message: begun{
		Role: "assistant", Content: []struct{}{}, ToolCalls: []struct{}{}, Citations: []struct{}{},
	}}})
	say(cohereEvent{Type: "content-start", Index: new(0), Delta: cohereDelta{Message: inContent{cohereContent{Type: "text"}}}})
	for _, word := range q.words {
		say(cohereEvent{Type: "content-delta", Index: new(0), Delta: cohereDelta{Message: inContent{cohereContent{Text: word}}}})
	}
	say(cohereEvent{Type: "content-end", Index: new(0)})
	say(cohereEvent{Type: "message-end", Delta: cohereDelta{FinishReason: q.cohereFinish(), Usage: q.rawUsage(q.cohereTokens())}})
	a := stream(q, q.id, "", append(parts, []byte("data: [DONE]\n\n")), len(parts)-1)
	a.contentType = "text/event-stream"
	return a
}

// cohereMeta is where version 1 has its usage, and all that is no chat.
func (q *request) cohereMeta(counts any) json.RawMessage {
	version := json.RawMessage(`{"api_version":{"version":"` + q.cohereVersion() + `"}}`)
	return joined(version, q.rawUsage(counts))
}

// chatted is an answer of version 1's chat.
type chatted struct {
	ResponseID   string          `json:"response_id"`
	Text         string          `json:"text"`
	GenerationID string          `json:"generation_id"`
	ChatHistory  []chatTurn      `json:"chat_history"`
	FinishReason string          `json:"finish_reason"`
	Meta         json.RawMessage `json:"meta,omitempty"`
}

type chatTurn struct {
	Role    string `json:"role"`
	Message string `json:"message"`
}

func cohereChatV1(q *request) *answer {
	q.usage.cacheWrite = 0
	whole := func(text string) any {
		return chatted{
			ResponseID: q.id, Text: text, GenerationID: q.id + "-1", ChatHistory: []chatTurn{{"CHATBOT", text}},
			FinishReason: q.cohereFinish(), Meta: q.cohereMeta(q.cohereTokens()),
		}
	}
	if q.Stream {
		return cohereLines(q, q.id, cohereLine{EventType: "stream-start", GenerationID: q.id + "-1"}, whole(strings.Join(q.words, "")))
	}
	return line(q, q.id, "", whole)
}

// generation is one of the texts of an answer to generate.
type generation struct {
	ID           string `json:"id"`
	Text         string `json:"text"`
	FinishReason string `json:"finish_reason"`
}

func cohereGenerate(q *request) *answer {
	q.usage.cacheWrite = 0
	whole := func(text string) any {
		var texts []generation
		for range q.N {
			texts = append(texts, generation{q.id + "-1", text, q.cohereFinish()})
		}
		return struct {
			ID          string          `json:"id"`
			Generations []generation    `json:"generations"`
			Prompt      json.RawMessage `json:"prompt"`
			Meta        json.RawMessage `json:"meta,omitempty"`
		}{q.id, texts, q.Prompt, q.cohereMeta(q.cohereTokens())}
	}
	if q.Stream {
		return cohereLines(q, q.id, cohereLine{}, whole(strings.Join(q.words, "")))
	}
	return line(q, q.id, "", whole)
}

// cohereLine is any event of a stream of version 1; what an event does not have stays away.
type cohereLine struct {
	IsFinished   bool   `json:"is_finished"`
	EventType    string `json:"event_type"`
	GenerationID string `json:"generation_id,omitempty"`
	Text         string `json:"text,omitempty"`
	Response     any    `json:"response,omitempty"`
	FinishReason string `json:"finish_reason,omitempty"`
	Err          string `json:"err,omitempty"`
}

// cohereLines is a stream of version 1: each event a line, or an event for a client that accepts those. A start without a
// type stays away.
func cohereLines(q *request, id string, start cohereLine, end any) *answer {
	frame, contentType := func(l cohereLine) []byte { return append(marshal(l), '\n') }, "application/stream+json"
	if q.alt == "sse" {
		frame, contentType = func(l cohereLine) []byte { return event(l.EventType, l) }, "text/event-stream"
	}
	var parts [][]byte
	if start.EventType != "" {
		parts = append(parts, frame(start))
	}
	for _, word := range q.words {
		parts = append(parts, frame(cohereLine{EventType: "text-generation", Text: word}))
	}
	parts = append(parts, frame(cohereLine{IsFinished: true, EventType: "stream-end", Response: end, FinishReason: q.cohereFinish()}))
	a := stream(q, id, "", parts, len(parts)-1)
	a.contentType = contentType
	a.failure = frame(cohereLine{IsFinished: true, EventType: "stream-error", FinishReason: "ERROR", Err: "internal server error"})
	return a
}
