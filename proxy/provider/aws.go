package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// bedrock is the runtime's operations on one model, and its door for OpenAI's clients:
// docs.aws.amazon.com/bedrock/latest/APIReference, 2026-11.
var bedrock = slices.Concat(
	under("/model/{model}",
		post("/converse", dialect.Converse),
		post("/converse-stream", dialect.ConverseStream),
		post("/invoke", dialect.Invoke),
		post("/invoke-with-response-stream", dialect.InvokeStream),
		free("POST /count-tokens")),
	shaped(dialect.OpenAIShape, under("/openai/v1", chat)),
)

var bedrockRefused = slices.Concat(
	refused(stored, "GET /async-invoke", "GET /async-invoke/i-1", "GET /foundation-models", "GET /custom-models", "POST /agents/a-1/sessions/s-1/text",
		"POST /retrieveAndGenerate", "POST /knowledgebases/k-1/retrieve", "POST /sessions"),
	refused(later, "POST /async-invoke", "POST /model-invocation-job"),
	refused(untold, "POST /guardrail/g-1/version/1/apply"),
	refused(socket, "POST /model/amazon.nova-sonic-v1:0/invoke-with-bidirectional-stream"),
)

// bedrockMantle is Bedrock's door for the clients of OpenAI and of Anthropic, as their SDKs call it.
var bedrockMantle = slices.Concat(
	underEach([]string{"/v1", "/openai/v1"}, chat, responses, models, model),
	under("/anthropic/v1", messages, countTokens),
)

var bedrockMantleRefused = slices.Concat(
	refusedUnder("/v1", openAIStored),
	refusedUnder("/openai/v1", openAIStored),
	refused(later, "POST /anthropic/v1/messages/batches"),
	refused(operators, "GET /v1/organization/projects", "POST /v1/organization/projects"),
)
