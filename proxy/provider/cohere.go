package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// cohere is both versions of Cohere's API and its door for OpenAI's clients: docs.cohere.com/reference, 2026-11.
var cohere = slices.Concat(
	under("/v2",
		post("/chat", dialect.CohereChat), post("/embed", dialect.CohereEmbed), post("/rerank", dialect.CohereRerank), transcriptions),
	under("/v1",
		post("/chat", dialect.CohereChatV1), post("/generate", dialect.CohereGenerate),
		post("/embed", dialect.CohereEmbed), post("/rerank", dialect.CohereRerank),
		free("POST /tokenize"), free("POST /detokenize"), models, model),
	shaped(dialect.OpenAIShape, under("/compatibility/v1", chatMax, embeddings)),
)

var cohereRefused = slices.Concat(
	refusedUnder("/v1", slices.Concat(
		refused(stored, "GET /datasets", "POST /datasets", "GET /datasets/d-1", "DELETE /datasets/d-1", "GET /connectors", "POST /connectors",
			"GET /finetuning/finetuned-models", "POST /finetuning/finetuned-models"),
		refused(later, "POST /embed-jobs", "GET /embed-jobs", "POST /embed-jobs/e-1/cancel"),
		refused(untold, "POST /classify", "POST /summarize"),
		refused(operators, "POST /check-api-key", "GET /datasets/usage"))),
	refused(later, "POST /v2/batches", "GET /v2/batches", "POST /v2/batches/b-1:cancel"),
	refused(untold, "POST /v2/parse"),
)
