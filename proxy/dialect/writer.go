package dialect

// WriterCompletions is Writer's POST /v1/completions: its streams are OpenAI's in nothing but the framing, and no answer
// tells usage.
var WriterCompletions = &API{Name: "completions", Operation: "text_completion", MinOutput: 1, format: format{
	request:   completionsRequest,
	limits:    []limit{{reqMaxTokens, "max_tokens"}},
	answer:    chatMessage,
	event:     (&node{}).read(ansUsage, "usage").read(ansError, "error").count(ansText, "value"),
	newReader: newChatReader,
}}
