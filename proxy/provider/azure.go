package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// azureOpenAI is Azure's door to OpenAI's models: by deployment with an api-version, and the newer one without:
// learn.microsoft.com/azure/ai-foundry/openai, 2026-11.
var azureOpenAI = slices.Concat(
	under("/openai/deployments/{deployment}", chat, completions, embeddings, images, imageEdits, transcriptions),
	under("/openai/v1", chat, completions, responses, compact, embeddings, images, imageEdits, transcriptions, models, model),
	under("/openai", responses, models, model),
)

// azureAI is a Foundry resource, which also has the models of others, or an endpoint that serves one of them alone.
var azureAI = slices.Concat(
	azureOpenAI,
	underEach([]string{"", "/v1"}, chatMax, embeddings),
	under("/models", chatMax, embeddings, free("GET /info")),
	under("/anthropic/v1", messages, countTokens),
	shaped(dialect.CohereShape, under("/providers/cohere/v2", post("/embed", dialect.CohereEmbed), post("/rerank", dialect.CohereRerank))),
	shaped(dialect.MistralShape, under("/providers/mistral/azure", post("/ocr", dialect.OCR))),
)

var azureRefused = slices.Concat(
	refusedUnder("/openai/v1", openAIStored),
	refusedUnder("/openai", slices.Concat(
		refused(stored, "GET /files", "POST /files", "GET /responses/resp-1", "DELETE /responses/resp-1", "POST /assistants", "POST /threads",
			"GET /deployments", "POST /v1/vector_stores", "POST /v1/evals"),
		refused(later, "POST /batches", "POST /deployments/d-1/batch"),
		refused(untold, "POST /deployments/d-1/audio/speech", "POST /deployments/d-1/audio/translations", "POST /v1/videos", "POST /v1/audio/speech",
			"POST /deployments/d-1/extensions/chat/completions"),
		refused(socket, "GET /realtime", "GET /v1/realtime"),
		refused(bypass, "POST /realtimeapi/sessions", "POST /v1/realtime/client_secrets"))),
	refused(stored, "POST /api/projects/p-1/threads"),
)
