package provider

import (
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// voyage is docs.voyageai.com/reference, 2026-11. It has no list of models.
var voyage = under("/v1",
	embeddings, post("/contextualizedembeddings", dialect.Embeddings), post("/multimodalembeddings", dialect.Embeddings), rerank)

var voyageRefused = refusedUnder("/v1", slices.Concat(
	refused(stored, "GET /files", "POST /files", "GET /files/f-1/content", "DELETE /files/f-1"),
	refused(later, "POST /batches", "GET /batches", "POST /batches/b-1/cancel"),
))
