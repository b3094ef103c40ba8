package dialect

// Ollama's own API (https://docs.ollama.com/api, 2026-11). It streams unless it is told not to, one JSON value a line.
var (
	// OllamaChat is POST /api/chat.
	OllamaChat = &API{Name: "chat", Operation: "chat", MinOutput: 1, format: ollamaText(
		ollamaRequest("keep_alive", "format", "think", "logprobs", "top_logprobs", "truncate", "shift", "tools").
			close("messages").
			close("messages.*", "role", "content", "thinking", "tool_calls", "tool_name", "tool_call_id").
			count(reqBinary, "messages.*.images.*"))}
	// OllamaGenerate is POST /api/generate.
	OllamaGenerate = &API{Name: "generate", Operation: "text_completion", MinOutput: 1, format: ollamaText(
		ollamaRequest("keep_alive", "format", "think", "logprobs", "top_logprobs", "truncate", "shift",
			"prompt", "suffix", "system", "raw", "context").
			allow(reqType, "template", ""). // one may repeat the prompt as often as it likes
			count(reqBinary, "images.*"))}
	// OllamaEmbed is POST /api/embed.
	OllamaEmbed = &API{Name: "embed", Operation: "embeddings", format: ollamaVectors("input", "truncate", "dimensions")}
	// OllamaEmbeddings is POST /api/embeddings, whose answers tell no counts.
	OllamaEmbeddings = &API{Name: "embeddings", Operation: "embeddings", format: ollamaVectors("prompt")}
)

func ollamaText(request *node) format {
	return format{
		request:    request.read(reqStream, "stream").read(reqMaxTokens, "options.num_predict").once("options"),
		limits:     []limit{{reqMaxTokens, "num_predict"}},
		limitsIn:   "options",
		zeroIsNone: true, // num_predict bounds nothing unless it is above 0 (runner/ollamarunner/runner.go)
		streams:    unlessDenied,
		sequence:   true,
		answer:     ollamaMessage,
		event:      ollamaMessage,
		newReader:  (&plain{}).newReader,
	}
}

func ollamaVectors(harmless ...string) format {
	return format{
		request:   ollamaRequest(append(harmless, "keep_alive")...),
		streams:   never,
		noOutput:  true,
		answer:    ollamaVector,
		event:     ollamaVector,
		newReader: (&plain{}).newReader,
	}
}

// ollamaRequest is what all requests have. Options are about sampling and memory: none makes more tokens of a prompt.
func ollamaRequest(harmless ...string) *node {
	return (&node{id: reqBody}).once("").read(reqModel, "model").read(reqConfig, "options").close("", harmless...)
}

// ollamaMessage serves answers and the lines of streams. A prompt that was cached has no prompt_eval_count.
var ollamaMessage = (&node{}).
	read(ansModel, "model").read(ansError, "error").read(ansDone, "done").read(ansFinish, "done_reason").
	read(ansInput, "prompt_eval_count").read(ansOutput, "eval_count").
	count(ansText, "response", "thinking", "message.content", "message.thinking",
		"message.tool_calls.*.function.name", "message.tool_calls.*.function.arguments")

var ollamaVector = (&node{}).read(ansModel, "model").read(ansError, "error").read(ansOnly, "prompt_eval_count")
