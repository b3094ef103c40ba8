package dialect

// What is read of OpenAI's requests. The lists are those of the members and types that are known to cost no more than
// their bytes (https://platform.openai.com/docs/api-reference, 2026-11): strict admission refuses what is in none of
// them, above all images, audio and files (an image's tokens aren't bounded by its bytes), hosted tools, and
// whatever stands for something stored at the provider.

var chatRequest = openAIRequest(
	"frequency_penalty", "function_call", "functions", "logit_bias", "logprobs", "metadata", "min_p", "parallel_tool_calls",
	"prediction", "presence_penalty", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention",
	"reasoning_effort", "repetition_penalty", "response_format", "safety_identifier", "seed", "service_tier", "stop", "store",
	"temperature", "tool_choice", "top_k", "top_logprobs", "top_p", "user", "verbosity").
	read(reqN, "n").read(reqBestOf, "best_of").read(reqBackground, "deferred").
	read(reqMaxTokens, "max_tokens").read(reqMaxCompletionTokens, "max_completion_tokens").
	read(reqContent, "messages").
	close("messages").
	close("messages.*", "role", "name", "refusal", "reasoning", "reasoning_content", "tool_call_id", "function_call", "annotations").
	close("messages.*.content").
	close("messages.*.content.*", "text", "refusal", "cache_control").
	allow(reqType, "messages.*.content.*.type", "text", "refusal").
	close("messages.*.tool_calls").
	close("messages.*.tool_calls.*", "id", "index", "function", "custom").
	allow(reqType, "messages.*.tool_calls.*.type", "function", "custom").
	read(reqContent, "modalities").
	close("modalities").
	allow(reqType, "modalities.*", "text").
	tools("function", "custom")

var completionsRequest = openAIRequest(
	"echo", "frequency_penalty", "logit_bias", "logprobs", "min_p", "presence_penalty", "repetition_penalty", "seed", "stop",
	"suffix", "temperature", "top_k", "top_p", "user").
	read(reqN, "n").read(reqBestOf, "best_of").read(reqMaxTokens, "max_tokens").
	read(reqContent, "prompt").
	close("prompt").
	close("prompt.*").read(reqPrompt, "prompt.*")

var responsesRequest = openAIRequest(
	"include", "max_tool_calls", "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_options",
	"prompt_cache_retention", "reasoning", "safety_identifier", "service_tier", "store", "temperature", "text", "tool_choice",
	"top_logprobs", "top_p", "truncation", "user").
	read(reqMaxOutputTokens, "max_output_tokens").read(reqBackground, "background").
	responsesInput().
	tools("function", "custom")

var compactRequest = openAIRequest("prompt_cache_key", "prompt_cache_retention", "service_tier").responsesInput()

var embeddingsRequest = openAIRequest("dimensions", "encoding_format", "user").
	read(reqContent, "input").
	close("input")

// openAIRequest is what all of the APIs' requests have, with the members that nothing is made of.
func openAIRequest(harmless ...string) *node {
	return (&node{id: reqBody}).
		once("").
		read(reqModel, "model").read(reqStream, "stream").otherModels().
		read(reqStreamOptions, "stream_options").read(reqIncludeUsage, "stream_options.include_usage").
		read(reqRunningUsage, "stream_options.continuous_usage_stats").
		once("stream_options").
		close("", harmless...)
}

// otherModels reads the models that a request names besides its own: those that answer when that one can't (OpenRouter,
// Perplexity, LiteLLM), those of which a compound is made (Groq), and those that tools call (Anthropic's advisor, images).
func (n *node) otherModels() *node {
	for _, path := range []string{
		"models", "models.*", "fallbacks.*", "fallbacks.*.model", "compound_custom.models.answering_model",
		"compound_custom.models.reasoning_model", "tools.*.model",
	} {
		n.read(reqOther, path)
	}
	return n
}

// responsesInput reads what a response is made of. Items that stand for stored ones (item_reference, reasoning) or that
// are opaque (compaction) are not listed.
func (n *node) responsesInput() *node {
	return n.read(reqContent, "instructions").
		read(reqContent, "input").
		close("input").
		close("input.*", "role", "id", "status", "phase", "call_id", "name", "arguments").
		allow(reqType, "input.*.type", "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output").
		parts("input.*.content").
		parts("input.*.output").
		parts("input.*.input")
}

// parts reads text, or a list of parts that are text.
func (n *node) parts(path string) *node {
	return n.close(path).
		close(path+".*", "text", "refusal", "annotations", "logprobs").
		allow(reqType, path+".*.type", "input_text", "output_text", "text", "refusal")
}

// tools reads the definitions of tools: those that the client runs are bounded.
func (n *node) tools(kinds ...string) *node {
	return n.read(reqContent, "tools").
		close("tools").
		close("tools.*", "function", "custom", "name", "description", "parameters", "strict", "format").
		allow(reqType, "tools.*.type", kinds...)
}
