package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// watsonx is watsonx.ai's inference, by model or by deployment, its older paths, and its gateway for OpenAI's clients:
// cloud.ibm.com/apidocs/watsonx-ai, 2026-11.
var watsonx = slices.Concat(
	underEach([]string{"/ml/v1", "/ml/v1/deployments/{deployment}"},
		post("/text/generation", dialect.WatsonxGenerate),
		post("/text/generation_stream", dialect.WatsonxGenerateStream),
		post("/text/chat", dialect.WatsonxChat),
		post("/text/chat_stream", dialect.WatsonxChatStream)),
	under("/ml/v1",
		post("/text/embeddings", dialect.WatsonxEmbeddings),
		post("/text/rerank", dialect.WatsonxRerank),
		free("POST /text/tokenization"), free("GET /foundation_model_specs"), free("GET /foundation_model_tasks")),
	under("/ml/v1-beta",
		post("/generation/text", dialect.WatsonxGenerate),
		post("/generation/text_stream", dialect.WatsonxGenerateStream)),
	shaped(dialect.OpenAIShape, under("/ml/gateway/v1", chat, completions, embeddings, models)),
)

var watsonxRefused = slices.Concat(
	refusedUnder("/ml", slices.Concat(
		refused(stored, "GET /v1/prompts", "POST /v1/prompts", "GET /v1/trainings", "POST /v1/trainings", "GET /v4/deployments", "DELETE /v4/deployments/d-1",
			"GET /v4/models", "POST /v1/text/extractions", "GET /v1/text/extractions/e-1"),
		refused(untold, "POST /v1/time_series/forecast", "POST /v1/text/detection", "POST /v1/deployments/d-1/time_series/forecast"),
		refused(operators, "GET /gateway/v1/providers", "POST /gateway/v1/providers", "POST /gateway/v1/tenants"))),
	refused(stored, "GET /v2/projects", "GET /v2/spaces", "GET /v2/connections"),
)
