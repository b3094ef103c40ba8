package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// ollama is Ollama's own API, and the parts of OpenAI's and Anthropic's that it serves: docs.ollama.com/api, 2026-11.
var ollama = slices.Concat(
	under("/api",
		post("/chat", dialect.OllamaChat), post("/generate", dialect.OllamaGenerate),
		post("/embed", dialect.OllamaEmbed), post("/embeddings", dialect.OllamaEmbeddings),
		free("GET /tags"), free("POST /show"), free("GET /ps"), free("GET /version")),
	shaped(dialect.OpenAIShape, under("/v1", chatMax, post("/completions", dialect.CompletionsOfOllama), responses, embeddings, models, model)),
	under("/v1", messages),
)

var ollamaRefused = slices.Concat(
	refused(stored, "POST /api/pull", "POST /api/push", "POST /api/create", "POST /api/copy", "DELETE /api/delete", "POST /api/blobs/sha256:0", "HEAD /api/blobs/sha256:0"),
	refused(operators, "POST /api/me", "POST /api/signout"),
	refused(untold, "POST /api/web_search", "POST /api/web_fetch", "POST /v1/images/generations"),
)

// vLLM is vLLM's server: docs.vllm.ai/en/latest/serving, 2026-11.
var vLLM = slices.Concat(
	under("/v1", chat, post("/completions", dialect.CompletionsOfVLLM), responses, embeddings, transcriptions, messages, models),
	underEach([]string{"", "/v1", "/v2"}, rerank),
	under("", free("POST /tokenize"), free("POST /detokenize"), free("GET /version")),
)

var vLLMRefused = slices.Concat(
	refused(stored, "GET /v1/responses/resp-1", "POST /v1/responses/resp-1/cancel", "POST /v1/load_lora_adapter", "POST /v1/unload_lora_adapter"),
	refused(operators, "GET /metrics", "GET /server_info", "POST /sleep", "POST /wake_up", "POST /reset_prefix_cache", "GET /tokenizer_info",
		"POST /collective_rpc"),
	refused(untold, "POST /invocations", "POST /pooling", "POST /classify", "POST /v1/audio/translations", "POST /inference/v1/generate"),
	refused(socket, "GET /v1/realtime"),
)
