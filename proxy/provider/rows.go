package provider

import (
	"maps"
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Rows are the providers that gateway.yaml may name, one row each.
var Rows = byName(
	Row{
		Name: "openai", System: "openai", Origin: "https://api.openai.com",
		Paths: optionalPrefix("/v1", openAI), AskUsage: true, Refuse: dialect.OpenAIShape,
	},
)

// openAI is OpenAI's own table: platform.openai.com/docs/api-reference, 2026-11.
var openAI = []Path{
	{Method: "POST", Pattern: "/chat/completions", API: dialect.Chat},
	{Method: "POST", Pattern: "/completions", API: dialect.Completions},
	{Method: "POST", Pattern: "/responses", API: dialect.Responses},
	{Method: "POST", Pattern: "/responses/compact", API: dialect.Compact},
	{Method: "POST", Pattern: "/embeddings", API: dialect.Embeddings},
	{Method: "POST", Pattern: "/responses/input_tokens"},
	{Method: "POST", Pattern: "/moderations"},
	{Method: "GET", Pattern: "/models"},
	{Method: "GET", Pattern: "/models/{model}"},
}

// Named are providers that gateway.yaml may name already although nothing of theirs is served: no row,
// so no path, so every request for them is refused.
var Named = []string{
	"anthropic", "gemini", "vertex", "azure-openai", "azure-ai", "bedrock", "bedrock-mantle", "cohere", "mistral", "groq",
	"deepseek", "xai", "openrouter", "perplexity", "together", "fireworks", "ollama", "vllm", "cerebras", "huggingface",
	"alibaba", "zai", "voyage", "writer", "watsonx",
}

// Names are all that gateway.yaml may name, sorted.
func Names() []string {
	names := slices.AppendSeq(slices.Clone(Named), maps.Keys(Rows))
	slices.Sort(names)
	return names
}

func byName(rows ...Row) map[string]*Row {
	m := make(map[string]*Row, len(rows))
	for _, r := range rows {
		m[r.Name] = &r
	}
	return m
}

// optionalPrefix gives each path with the prefix and without it, since clients of OpenAI's format differ.
func optionalPrefix(prefix string, paths []Path) []Path {
	both := make([]Path, 0, 2*len(paths))
	for _, p := range paths {
		p.Pattern = prefix + p.Pattern
		both = append(both, p)
	}
	return append(both, paths...)
}
