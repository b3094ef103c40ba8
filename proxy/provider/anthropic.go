package provider

import "slices"

// anthropic is the Messages API: platform.claude.com/docs/en/api, 2026-11.
var anthropic = under("/v1", messages, countTokens, models, model)

var anthropicRefused = refusedUnder("/v1", slices.Concat(
	refused(later, "POST /messages/batches", "GET /messages/batches", "GET /messages/batches/b-1/results", "POST /messages/batches/b-1/cancel"),
	refused(stored, "GET /files", "POST /files", "GET /files/f-1/content", "DELETE /files/f-1", "POST /skills",
		"POST /agents", "POST /sessions", "GET /sessions/s-1/events", "POST /memory_stores", "GET /vaults"),
	refused(untold, "POST /complete"),
	refused(operators, "GET /organizations/me", "GET /organizations/api_keys", "GET /organizations/usage_report/messages"),
))
