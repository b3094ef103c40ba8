package proxytest

import "encoding/json"

// usage is what an answer reports.
type usage struct {
	input, output, cached, cacheWrite, reasoning int64
	units                                        Units
}

// fresh is the input that no cache has to do with.
func (u usage) fresh() int64 { return max(0, u.input-u.cached-u.cacheWrite) }

// Units are what an answer reports otherwise than in tokens.
type Units struct {
	Seconds  float64 `json:"seconds,omitempty"`
	Images   int64   `json:"images,omitempty"`
	Pages    int64   `json:"pages,omitempty"`
	Searches int64   `json:"searches,omitempty"`
}

// reported is what a meter can read in the answer.
func (q *request) reported() usage {
	s := q.Proxytest
	switch {
	case s.NoUsage:
		return usage{}
	case s.Usage != nil:
		var u struct {
			Prompt        float64 `json:"prompt_tokens"`
			Completion    float64 `json:"completion_tokens"`
			Input         float64 `json:"input_tokens"`
			Output        float64 `json:"output_tokens"`
			BedrockInput  float64 `json:"inputTokens"`
			BedrockOutput float64 `json:"outputTokens"`
		}
		_ = json.Unmarshal(s.Usage, &u) // an absurd object reports nothing
		return usage{input: int64(u.Prompt + u.Input + u.BedrockInput), output: int64(u.Completion + u.Output + u.BedrockOutput)}
	}
	return q.usage
}

type chatUsage struct {
	PromptTokens            int64                   `json:"prompt_tokens"`
	CompletionTokens        int64                   `json:"completion_tokens"`
	TotalTokens             int64                   `json:"total_tokens"`
	PromptTokensDetails     promptTokensDetails     `json:"prompt_tokens_details"`
	CompletionTokensDetails completionTokensDetails `json:"completion_tokens_details"`
}

type promptTokensDetails struct {
	CachedTokens int64 `json:"cached_tokens"`
	AudioTokens  int64 `json:"audio_tokens"`
}

type completionTokensDetails struct {
	ReasoningTokens          int64 `json:"reasoning_tokens"`
	AudioTokens              int64 `json:"audio_tokens"`
	AcceptedPredictionTokens int64 `json:"accepted_prediction_tokens"`
	RejectedPredictionTokens int64 `json:"rejected_prediction_tokens"`
}

// chatUsage is the usage object of chat and completions; nil: the answer has none.
func (q *request) chatUsage() json.RawMessage {
	return q.rawUsage(chatUsage{
		PromptTokens: q.usage.input, CompletionTokens: q.usage.output, TotalTokens: q.usage.input + q.usage.output,
		PromptTokensDetails:     promptTokensDetails{CachedTokens: q.usage.cached},
		CompletionTokensDetails: completionTokensDetails{ReasoningTokens: q.usage.reasoning},
	})
}

type responsesUsage struct {
	InputTokens         int64               `json:"input_tokens"`
	InputTokensDetails  inputTokensDetails  `json:"input_tokens_details"`
	OutputTokens        int64               `json:"output_tokens"`
	OutputTokensDetails outputTokensDetails `json:"output_tokens_details"`
	TotalTokens         int64               `json:"total_tokens"`
}

type inputTokensDetails struct {
	CachedTokens int64 `json:"cached_tokens"`
}

type outputTokensDetails struct {
	ReasoningTokens int64 `json:"reasoning_tokens"`
}

func (q *request) responsesUsage() json.RawMessage {
	return q.rawUsage(responsesUsage{
		InputTokens: q.usage.input, OutputTokens: q.usage.output, TotalTokens: q.usage.input + q.usage.output,
		InputTokensDetails: inputTokensDetails{q.usage.cached}, OutputTokensDetails: outputTokensDetails{q.usage.reasoning},
	})
}

type embeddingsUsage struct {
	PromptTokens int64 `json:"prompt_tokens"`
	TotalTokens  int64 `json:"total_tokens"`
}

func (q *request) embeddingsUsage() json.RawMessage {
	return q.rawUsage(embeddingsUsage{q.usage.input, q.usage.input})
}

func (q *request) rawUsage(usual any) json.RawMessage {
	switch s := q.Proxytest; {
	case s.NoUsage:
		return nil
	case s.Usage != nil:
		return s.Usage
	}
	return marshal(usual)
}

// usageToCome is the "usage":null of the chunks before the one with the usage; nil where it was not asked for.
func (q *request) usageToCome() json.RawMessage {
	if q.StreamOptions.IncludeUsage {
		return json.RawMessage("null")
	}
	return nil
}

// withUsage ends a stream of chat or completions: the chunk without choices that carries the usage, if it was asked for, and [DONE].
func (q *request) withUsage(id, model string, parts [][]byte, chunk func(json.RawMessage) []byte) *answer {
	s, usageAt := q.Proxytest, -1
	asked := q.StreamOptions.IncludeUsage
	if final := q.chatUsage(); asked && final != nil {
		if s.UsageTwice {
			running := *q
			running.usage.output /= 2
			parts = append(parts, chunk(running.chatUsage()))
		}
		usageAt = len(parts)
		parts = append(parts, chunk(final))
	}
	if s.NullAfter {
		parts = append(parts, chunk(q.usageToCome()))
	}
	a := stream(q, id, model, append(parts, []byte("data: [DONE]\n\n")), usageAt)
	if !asked {
		a.usage = usage{}
	}
	return a
}

func (q *request) finishReason() string {
	if q.cut {
		return "length"
	}
	return "stop"
}
