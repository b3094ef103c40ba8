package dialect

// What is read of Anthropic's requests. The lists are those of the members and types that are known to cost no more than
// their bytes (https://docs.anthropic.com/en/api/messages, 2026-11). Thinking is: in recorded answers a signature has five
// bytes and more for each token of the thinking that it stands for. Documents are not, even in plain text: with citations
// one of 260 bytes was recorded that cost more than 600 tokens. Neither are tools that run at the provider, containers, MCP
// servers, and compaction, which adds passes.
var messagesRequest = (&node{id: reqBody}).
	once("").
	read(reqModel, "model").read(reqStream, "stream").read(reqMaxTokens, "max_tokens").otherModels().
	read(reqThinking, "thinking.budget_tokens").
	close("", "anthropic_beta", "anthropic_version", "cache_control", "inference_geo", "metadata", "service_tier", "speed", "stop_sequences", "temperature", "thinking", "tool_choice", "top_k", "top_p").
	read(reqContent, "system").
	blocks("system", "text").
	read(reqContent, "messages").
	close("messages").
	close("messages.*", "role").
	blocks("messages.*.content", "text", "thinking", "redacted_thinking", "tool_use", "tool_result").
	blocks("messages.*.content.*.content", "text").
	read(reqAdding, "tools").read(reqAdding, "output_config").read(reqAdding, "output_format").
	close("tools").
	close("tools.*", "name", "description", "input_schema", "input_examples", "cache_control", "strict", "defer_loading",
		"allowed_callers", "eager_input_streaming").
	allow(reqType, "tools.*.type", "custom")

// blocks reads text, or a list of blocks of the given types; and what binary is in others.
func (n *node) blocks(path string, kinds ...string) *node {
	return n.close(path).
		close(path+".*", "text", "citations", "cache_control", "thinking", "signature", "data", "id", "name", "input", "caller",
			"tool_use_id", "is_error").
		allow(reqType, path+".*.type", kinds...).
		close(path+".*.source").
		count(reqBinary, path+".*.source.data")
}
