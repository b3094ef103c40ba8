package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// mistral is docs.mistral.ai/api, 2026-11.
var mistral = under("/v1",
	chatMax, post("/fim/completions", dialect.ChatOfMaxTokens), embeddings, transcriptions, post("/ocr", dialect.OCR),
	free("POST /moderations"), free("POST /chat/moderations"), models, model)

var mistralRefused = refusedUnder("/v1", slices.Concat(
	refused(stored, "GET /files", "POST /files", "GET /files/f-1/content", "GET /files/f-1/url", "DELETE /files/f-1", "POST /fine_tuning/jobs",
		"DELETE /models/ft-1", "POST /agents", "POST /agents/completions", "POST /conversations", "GET /conversations/c-1/history",
		"GET /libraries", "POST /libraries/l-1/documents", "GET /audio/voices", "GET /observability/traces/t-1"),
	refused(later, "POST /batch/jobs", "GET /batch/jobs", "POST /batch/jobs/b-1/cancel"),
	refused(untold, "POST /audio/speech", "POST /classifications", "POST /chat/classifications"),
	refused(operators, "GET /users/me", "GET /service-accounts", "GET /connectors"),
))
