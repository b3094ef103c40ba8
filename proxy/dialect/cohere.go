package dialect

// Cohere's API, versions 1 and 2 (https://docs.cohere.com/reference, 2026-11).
var (
	// CohereChat is POST /v2/chat. Its streams are server-sent events.
	CohereChat = &API{Name: "chat", Operation: "chat", MinOutput: 1, format: format{
		request:   cohereRequest().count(reqBinary, "messages.*.content.*.image_url.url"),
		limits:    []limit{{reqMaxTokens, "max_tokens"}},
		unbounded: cohereAdds,
		answer:    cohereChatAnswer,
		event:     cohereChatEvent,
		newReader: cohereText.newReader,
	}}
	// CohereChatV1 is POST /v1/chat. Its streams are lines of JSON, or server-sent events where Accept asks for those.
	CohereChatV1 = &API{Name: "chat", Operation: "chat", MinOutput: 1, format: format{
		request:   cohereRequest(),
		limits:    []limit{{reqMaxTokens, "max_tokens"}},
		unbounded: cohereAdds,
		sequence:  true,
		answer:    cohereV1Answer,
		event:     cohereV1Event,
		newReader: cohereText.newReader,
	}}
	// CohereGenerate is POST /v1/generate, with streams like CohereChatV1's.
	CohereGenerate = &API{Name: "generate", Operation: "text_completion", MinOutput: 1, format: format{
		request:   cohereRequest().read(reqN, "num_generations"),
		limits:    []limit{{reqMaxTokens, "max_tokens"}},
		unbounded: cohereAdds,
		sequence:  true,
		answer:    cohereV1Answer,
		event:     cohereV1Event,
		newReader: cohereText.newReader,
	}}
	// CohereEmbed is POST /v1/embed and /v2/embed.
	CohereEmbed = &API{Name: "embed", Operation: "embeddings", format: format{
		request: cohereBody().
			close("", "input_type", "embedding_types", "truncate", "max_tokens", "output_dimension", "priority").
			close("texts").
			close("inputs").
			close("inputs.*").
			close("inputs.*.content").
			close("inputs.*.content.*", "type", "text").
			count(reqBinary, "images.*", "inputs.*.content.*.image_url", "inputs.*.content.*.image_url.url"),
		streams:   never,
		noOutput:  true,
		answer:    cohereMeta,
		event:     cohereMeta,
		newReader: cohereVectors.newReader,
	}}
	// CohereRerank is POST /v1/rerank and /v2/rerank: it counts searches, no tokens.
	CohereRerank = &API{Name: "rerank", Operation: "rerank", format: format{
		request:   cohereBody(),
		streams:   never,
		noOutput:  true,
		unbounded: "rerank: its searches aren't bounded by the request's bytes",
		answer:    cohereMeta,
		event:     cohereMeta,
		newReader: cohereVectors.newReader,
	}}
)

// cohereAdds is why no request for text is bounded: eight tokens were billed as 8, and read as 503.
const cohereAdds = "Cohere puts text of its own before the prompt"

func cohereBody() *node { return (&node{id: reqBody}).once("").read(reqModel, "model") }

func cohereRequest() *node {
	return cohereBody().read(reqStream, "stream").read(reqMaxTokens, "max_tokens")
}

// cohereText reads texts. Tokens are what the model saw, billed_units a part of that; the cached ones stand inside.
var cohereText = plain{
	counts: []counts{{
		input:     []string{"tokens.input_tokens", "billed_units.input_tokens"},
		output:    []string{"tokens.output_tokens", "billed_units.output_tokens"},
		cached:    []string{"cached_tokens", "tokens.cached_tokens"},
		reasoning: []string{"tokens.reasoning_tokens"},
	}},
	searches: []string{"billed_units.search_units"},
	ends:     []string{"message-end", "stream-end", "stream-error"},
}

// cohereVectors reads embeddings and rankings. Pictures are counted beside text, in tokens or by number.
var cohereVectors = plain{
	counts: []counts{
		{input: []string{"tokens.input_tokens"}, moreInput: []string{"tokens.image_tokens"}},
		{input: []string{"billed_units.input_tokens"}, moreInput: []string{"billed_units.image_tokens"}},
		{input: []string{"billed_units.image_tokens"}},
	},
	searches: []string{"billed_units.search_units"},
	images:   []string{"billed_units.images"},
}

var (
	cohereMeta = (&node{}).read(ansID, "id").read(ansUsage, "meta")

	cohereChatAnswer = (&node{}).
				read(ansID, "id").read(ansUsage, "usage").read(ansFinish, "finish_reason").
				count(ansText, "message.content.*.text", "message.content.*.thinking", "message.tool_plan",
			"message.tool_calls.*.function.name", "message.tool_calls.*.function.arguments")
	cohereChatEvent = (&node{}).
			read(ansType, "type").read(ansID, "id").
			read(ansUsage, "delta.usage").read(ansFinish, "delta.finish_reason").read(ansError, "delta.error").
			count(ansText, "delta.message.content.text", "delta.message.content.thinking", "delta.message.tool_plan",
			"delta.message.tool_calls.function.name", "delta.message.tool_calls.function.arguments")

	cohereV1Answer = (&node{}).
			read(ansID, "id").read(ansID, "response_id").read(ansUsage, "meta").
			read(ansFinish, "finish_reason").read(ansFinish, "generations.*.finish_reason").
			count(ansText, "text", "generations.*.text", "tool_calls.*.name", "tool_calls.*.parameters")
	cohereV1Event = (&node{}).
			read(ansType, "event_type").read(ansID, "response.id").read(ansID, "response.response_id").
			read(ansUsage, "meta").read(ansUsage, "response.meta").
			read(ansFinish, "finish_reason").read(ansError, "err").
			count(ansText, "text", "tool_call_delta.name", "tool_call_delta.parameters")
)
