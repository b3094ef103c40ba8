package provider

import "slices"

// openAI is OpenAI's own table, and that of all who speak its format and have no row: with and without /v1, since their
// clients differ. Source: platform.openai.com/docs/api-reference, 2026-11.
var openAI = underEach([]string{"/v1", ""},
	chat, completions, responses, compact, embeddings, images, imageEdits, transcriptions,
	free("POST /responses/input_tokens"), free("POST /moderations"), models, model)

var openAIRefused = refusedUnder("/v1", slices.Concat(
	openAIStored,
	refused(stored,
		"GET /chat/completions", "GET /chat/completions/c-1", "DELETE /chat/completions/c-1",
		"POST /assistants", "GET /assistants/a-1", "POST /threads", "POST /threads/t-1/runs", "GET /threads/t-1/messages",
		"POST /conversations", "GET /conversations/c-1/items", "POST /vector_stores", "POST /vector_stores/v-1/search",
		"POST /containers", "POST /uploads", "POST /evals", "POST /skills", "POST /chatkit/sessions", "DELETE /models/ft-1"),
	refused(untold, "POST /audio/speech", "POST /audio/translations", "POST /images/variations", "POST /videos"),
	refused(socket, "GET /realtime", "POST /realtime/calls"),
	refused(bypass, "POST /realtime/client_secrets", "POST /realtime/sessions"),
	refused(operators, "GET /organization/users", "GET /organization/usage/completions", "GET /organization/admin_api_keys"),
))

// openAIStored are what all have in common who took more than the models from OpenAI.
var openAIStored = slices.Concat(
	refused(stored,
		"GET /responses/resp-1", "DELETE /responses/resp-1", "POST /responses/resp-1/cancel", "GET /responses/resp-1/input_items",
		"GET /files", "POST /files", "GET /files/f-1/content", "DELETE /files/f-1", "POST /fine_tuning/jobs"),
	refused(later, "POST /batches", "GET /batches", "POST /batches/b-1/cancel"),
)
