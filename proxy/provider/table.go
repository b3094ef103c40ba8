package provider

import (
	"strings"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Paths that many providers took over from OpenAI, and from Anthropic.
var (
	chat           = post("/chat/completions", dialect.Chat)
	chatMax        = post("/chat/completions", dialect.ChatOfMaxTokens)
	completions    = post("/completions", dialect.Completions)
	responses      = post("/responses", dialect.Responses)
	compact        = post("/responses/compact", dialect.Compact)
	embeddings     = post("/embeddings", dialect.Embeddings)
	images         = post("/images/generations", dialect.Images)
	imageEdits     = post("/images/edits", dialect.ImageEdits)
	transcriptions = post("/audio/transcriptions", dialect.Transcriptions)
	rerank         = post("/rerank", dialect.Rerank)
	models         = free("GET /models")
	model          = free("GET /models/{model}")

	messages    = Path{Method: "POST", Pattern: "/messages", API: dialect.Messages, Refuse: dialect.AnthropicShape}
	countTokens = Path{Method: "POST", Pattern: "/messages/count_tokens", Refuse: dialect.AnthropicShape}
)

// Reasons of refusals.
const (
	stored    = "shows, makes or changes what is stored at the provider, where all accounts are one"
	operators = "belongs to the operator: keys, balances, users, settings"
	later     = "runs later, when nobody counts it any more"
	untold    = "costs, and its answer does not tell how much"
	socket    = "a connection whose messages are not read"
	bypass    = "hands out a credential with which a client would go past the gateway"
)

// post is a metered path.
func post(pattern string, api *dialect.API) Path {
	return Path{Method: "POST", Pattern: pattern, API: api}
}

// free is a path that costs nothing and shows nothing of others.
func free(door string) Path {
	method, pattern, _ := strings.Cut(door, " ")
	return Path{Method: method, Pattern: pattern}
}

// under puts a prefix before paths.
func under(prefix string, paths ...Path) []Path { return underEach([]string{prefix}, paths...) }

// underEach gives each path once for each prefix.
func underEach(prefixes []string, paths ...Path) []Path {
	all := make([]Path, 0, len(prefixes)*len(paths))
	for _, prefix := range prefixes {
		for _, p := range paths {
			p.Pattern = prefix + p.Pattern
			all = append(all, p)
		}
	}
	return all
}

// shaped gives paths whose clients read a refusal otherwise than the row's.
func shaped(refuse dialect.Shape, paths []Path) []Path {
	for i := range paths {
		paths[i].Refuse = refuse
	}
	return paths
}

// refused are doors that stay shut for one reason.
func refused(why string, doors ...string) []Refused {
	all := make([]Refused, len(doors))
	for i, door := range doors {
		method, path, _ := strings.Cut(door, " ")
		all[i] = Refused{method, path, why}
	}
	return all
}

// refusedUnder puts a prefix before the paths of refusals.
func refusedUnder(prefix string, all []Refused) []Refused {
	moved := make([]Refused, len(all))
	for i, r := range all {
		moved[i] = Refused{r.Method, prefix + r.Path, r.Why}
	}
	return moved
}
