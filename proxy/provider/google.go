package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// gemini is the Gemini API's models, and what it took over from OpenAI: ai.google.dev/api, 2026-11.
var gemini = slices.Concat(
	underEach([]string{"/v1beta/models", "/v1/models", "/v1alpha/models"},
		post("/{model}:generateContent", dialect.GenerateContent),
		post("/{model}:streamGenerateContent", dialect.StreamGenerateContent),
		post("/{model}:embedContent", dialect.EmbedContent),
		post("/{model}:batchEmbedContents", dialect.EmbedContent),
		free("POST /{model}:countTokens"), free("GET "), free("GET /{name}")),
	shaped(dialect.OpenAIShape, under("/v1beta/openai", chat, embeddings, images, models, free("GET /models/{name}"))),
)

var geminiRefused = slices.Concat(
	refusedUnder("/v1beta", slices.Concat(
		refused(stored, "GET /files", "POST /files", "DELETE /files/f-1", "GET /files/f-1:download", "GET /cachedContents", "POST /cachedContents",
			"DELETE /cachedContents/c-1", "GET /tunedModels", "POST /tunedModels/t-1:generateContent", "GET /corpora", "POST /fileSearchStores",
			"POST /interactions", "GET /interactions/i-1", "GET /models/veo/operations/o-1", "GET /openai/files"),
		refused(later, "POST /models/gemini-2.5-flash:batchGenerateContent", "POST /models/gemini-embedding-001:asyncBatchEmbedContent",
			"GET /batches/b-1", "POST /openai/batches"),
		refused(untold, "POST /models/imagen-4:predict", "POST /models/veo-3:predictLongRunning", "POST /openai/audio/speech"))),
	refused(stored, "POST /upload/v1beta/files"),
	refused(socket, "GET /ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"),
	refused(bypass, "POST /v1alpha/auth_tokens"),
)

// vertexOrigins are the places whose origin is not the region before the common name.
var vertexOrigins = map[string]string{
	"global": "https://aiplatform.googleapis.com",
	"us":     "https://aiplatform.us.rep.googleapis.com",
	"eu":     "https://aiplatform.eu.rep.googleapis.com",
}

// vertex is the models of Google, Anthropic and Mistral on Vertex AI, and its door for OpenAI's clients:
// cloud.google.com/vertex-ai/generative-ai/docs, 2026-11. Express mode leaves the project out.
var vertex = slices.Concat(
	underEach(vertexPlaces, slices.Concat(vertexGoogle, vertexAnthropic, vertexMistral)...),
	underEach([]string{"/v1", "/v1beta1"}, slices.Concat(vertexGoogle,
		[]Path{free("GET /publishers/google/models"), free("GET /publishers/google/models/{name}")})...),
	shaped(dialect.OpenAIShape, underEach(vertexPlaces, under("/endpoints/openapi", chat)...)),
)

var vertexPlaces = []string{"/v1/projects/{project}/locations/{location}", "/v1beta1/projects/{project}/locations/{location}"}

var vertexGoogle = under("/publishers/google/models",
	post("/{model}:generateContent", dialect.GenerateContent),
	post("/{model}:streamGenerateContent", dialect.StreamGenerateContent),
	post("/{model}:embedContent", dialect.EmbedContent),
	post("/{embedding}:predict", dialect.Predict), // other models make pictures, films and sound so, and don't tell what they cost
	free("POST /{model}:countTokens"), free("POST /{model}:computeTokens"))

var vertexAnthropic = shaped(dialect.AnthropicShape, under("/publishers/anthropic/models",
	free("POST /count-tokens:rawPredict"),
	post("/{model}:rawPredict", dialect.Messages),
	post("/{model}:streamRawPredict", dialect.Messages)))

var vertexMistral = shaped(dialect.MistralShape, under("/publishers/mistralai/models/{model}",
	post(":rawPredict", dialect.ChatOfMaxTokens), post(":streamRawPredict", dialect.ChatOfMaxTokens)))

var vertexRefused = refusedUnder("/v1/projects/p/locations/global", slices.Concat(
	refused(stored, "GET /cachedContents", "POST /cachedContents", "DELETE /cachedContents/c-1", "GET /models", "DELETE /models/m-1", "GET /endpoints",
		"POST /tuningJobs", "GET /tuningJobs", "GET /reasoningEngines", "POST /reasoningEngines/r-1:query", "GET /ragCorpora", "POST /datasets",
		"GET /operations/o-1"),
	refused(later, "POST /batchPredictionJobs", "GET /batchPredictionJobs"),
	refused(untold, "POST /publishers/google/models/imagen-4.0-generate-001:predict", "POST /publishers/google/models/lyria-002:predict",
		"POST /publishers/google/models/veo-3:predictLongRunning", "POST /endpoints/e-1:predict", "POST /endpoints/e-1:rawPredict"),
	refused(stored, "POST /publishers/google/models/veo-3:fetchPredictOperation"),
))
