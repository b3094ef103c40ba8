package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Tables of those who speak OpenAI's format and add to it. Sources: their API references, 2026-11.

var groqRefused = refusedUnder("/openai/v1", slices.Concat(
	openAIStored,
	refused(untold, "POST /audio/speech", "POST /audio/translations"),
	refused(stored, "DELETE /models/ft-1", "GET /fine_tunings"),
))

// deepSeek is served with and without /v1; unfinished features lie under /beta.
var deepSeek = slices.Concat(
	underEach([]string{"", "/v1", "/beta"}, chatMax, completions),
	underEach([]string{"", "/v1"}, responses, models),
	under("/anthropic/v1", messages),
)

var deepSeekRefused = slices.Concat(
	refused(operators, "GET /user/balance"),
	refused(stored, "GET /responses/resp-1", "DELETE /v1/responses/resp-1", "GET /v1/files", "POST /anthropic/v1/files"),
	refused(later, "POST /anthropic/v1/messages/batches"),
)

var xAI = under("/v1",
	chat, completions, responses, images, imageEdits, messages, models, model,
	free("GET /language-models"), free("GET /language-models/{model}"),
	free("GET /image-generation-models"), free("GET /image-generation-models/{model}"), free("POST /tokenize-text"))

var xAIRefused = refusedUnder("/v1", slices.Concat(
	openAIStored,
	refused(later, "GET /chat/deferred-completion/d-1", "GET /batches/b-1/requests", "POST /batches/b-1/requests"),
	refused(stored, "POST /documents/search", "GET /collections", "GET /videos/v-1"),
	refused(untold, "POST /videos/generations", "POST /videos/edits", "POST /tts"),
	refused(socket, "GET /realtime"),
	refused(bypass, "POST /realtime/client_secrets"),
	refused(operators, "GET /api-key"),
))

var openRouter = under("/api/v1",
	chat, completions, responses, embeddings, rerank, messages, transcriptions, post("/images", dialect.Images),
	models, free("GET /models/{author}/{model}/endpoints"), free("GET /embeddings/models"), free("GET /providers"))

var openRouterRefused = refusedUnder("/api/v1", slices.Concat(
	refused(stored, "GET /generation", "GET /generation/content", "GET /files", "POST /files"),
	refused(operators, "GET /credits", "POST /credits/coinbase", "GET /key", "GET /keys", "POST /keys", "DELETE /keys/k-1", "GET /activity", "GET /guardrails"),
	refused(bypass, "POST /auth/keys"),
	refused(untold, "POST /audio/speech", "POST /videos"),
))

// perplexity has its agent's API under two names, and its chat under three.
var perplexity = slices.Concat(
	under("", chatMax),
	under("/v1", chatMax, responses, embeddings, models,
		post("/sonar", dialect.ChatOfMaxTokens), post("/agent", dialect.Responses), post("/contextualizedembeddings", dialect.Embeddings)),
)

var perplexityRefused = slices.Concat(
	refused(later, "POST /async/chat/completions", "POST /v1/async/sonar"),
	refused(stored, "GET /async/chat/completions", "GET /async/chat/completions/a-1", "GET /v1/async/sonar", "GET /v1/responses/resp-1"),
	refused(untold, "POST /search"),
	refused(bypass, "POST /generate_auth_token"),
	refused(operators, "POST /revoke_auth_token"),
)

var togetherRefused = slices.Concat(
	refusedUnder("/v1", slices.Concat(
		refused(stored, "GET /files", "POST /files/upload", "GET /files/f-1/content", "DELETE /files/f-1", "GET /fine-tunes", "POST /fine-tunes",
			"POST /models", "GET /endpoints", "POST /endpoints", "POST /evaluation"),
		refused(later, "POST /batches", "GET /batches"),
		refused(untold, "POST /audio/speech", "POST /audio/translations", "POST /tci/execute"),
		refused(socket, "GET /realtime"))),
	refused(untold, "POST /v2/videos"),
)

var fireworksRefused = slices.Concat(
	refused(stored, "GET /inference/v1/responses", "GET /inference/v1/responses/resp-1", "DELETE /inference/v1/responses/resp-1",
		"GET /v1/accounts/a-1/models", "POST /v1/accounts/a-1/deployments", "GET /v1/accounts/a-1/datasets", "POST /v1/accounts/a-1/supervisedFineTuningJobs"),
	refused(later, "POST /v1/accounts/a-1/batchInferenceJobs"),
	refused(untold, "POST /inference/v1/workflows/accounts/fireworks/models/flux-1-schnell-fp8/text_to_image"),
	refused(operators, "GET /v1/accounts", "GET /v1/accounts/a-1/users/u-1/apiKeys"),
)

// huggingFace is the router: it chooses who serves a model, or the path's first segment does, with that provider's own
// base path behind it; Hugging Face itself has one for each model.
var huggingFace = slices.Concat(
	under("/v1", chatMax, responses, models, model),
	underEach([]string{
		"/{provider}/v1", "/{provider}/openai/v1", "/{provider}/inference/v1", "/{provider}/compatibility/v1", "/{provider}/v3/openai",
		"/{provider}/api/paas/v4", "/{provider}/v1/openai", "/{provider}/v2/ext/openai/v1",
		"/hf-inference/models/{name}/v1", "/hf-inference/models/{author}/{name}/v1",
	}, chatMax),
)

var huggingFaceRefused = slices.Concat(
	refused(stored, "GET /v1/responses/resp-1", "GET /together/v1/files", "POST /groq/openai/v1/files"),
	refused(later, "POST /together/v1/batches"),
	refused(untold, "POST /hf-inference/models/openai/whisper-large-v3", "POST /hf-inference/models/BAAI/bge-m3/pipeline/feature-extraction",
		"POST /fal-ai/fal-ai/flux/dev", "POST /replicate/v1/models/m-1/predictions"),
	refused(operators, "GET /api/whoami-v2"),
)

// alibaba is Model Studio's doors for the clients of OpenAI and of Anthropic.
var alibaba = slices.Concat(
	under("/compatible-mode/v1", chatMax, completions, responses, embeddings, models),
	under("/compatible-api/v1", post("/reranks", dialect.Rerank)),
	under("/apps/anthropic/v1", messages),
)

var alibabaRefused = slices.Concat(
	refusedUnder("/compatible-mode/v1", openAIStored),
	refused(stored, "POST /compatible-mode/v1/conversations", "GET /api/v1/tasks/t-1", "POST /api/v1/apps/a-1/completion", "GET /api/v1/files"),
	refused(untold, "POST /api/v1/services/aigc/text-generation/generation", "POST /api/v1/services/aigc/text2image/image-synthesis",
		"POST /api/v1/services/embeddings/text-embedding/text-embedding"),
	refused(socket, "GET /api-ws/v1/inference"),
	refused(bypass, "POST /api/v1/tokens"),
)

var zAI = slices.Concat(
	under("/api/paas/v4", chatMax, embeddings, images, transcriptions, models, free("POST /tokenizer")),
	under("/api/coding/paas/v4", chatMax, models),
	under("/api/anthropic/v1", messages),
)

var zAIRefused = slices.Concat(
	refusedUnder("/api/paas/v4", slices.Concat(
		refused(later, "POST /async/chat/completions", "GET /async-result/a-1", "POST /batches"),
		refused(stored, "GET /files", "POST /files", "GET /files/f-1/content", "POST /assistant"),
		refused(untold, "POST /videos/generations", "POST /web_search", "POST /reader", "POST /layout_parsing"))),
	refused(untold, "POST /api/v1/agents"),
)

// writer is dev.writer.com/api-reference, 2026-11.
var writer = under("/v1", post("/chat", dialect.ChatOfMaxTokens), post("/completions", dialect.WriterCompletions), models)

var writerRefused = refusedUnder("/v1", slices.Concat(
	refused(stored, "GET /files", "POST /files", "GET /files/f-1/download", "GET /graphs", "POST /graphs", "POST /graphs/question", "DELETE /graphs/g-1",
		"GET /applications", "POST /applications/a-1", "GET /applications/a-1/jobs"),
	refused(later, "POST /applications/a-1/jobs"),
	refused(untold, "POST /vision", "POST /translation", "POST /tools/web-search", "POST /tools/comprehend/medical"),
))
