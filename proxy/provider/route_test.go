package provider

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/proxy/dialect"
)

func TestRoutes(t *testing.T) {
	p := newOpenAI(t, "")
	metered := map[string]string{
		"POST /v1/chat/completions":  "chat.completions",
		"POST /chat/completions":     "chat.completions",
		"POST /v1/completions":       "completions",
		"POST /v1/responses":         "responses",
		"POST /v1/responses/compact": "responses.compact",
		"POST /v1/embeddings":        "embeddings",
		"POST /embeddings":           "embeddings",
	}
	for request, api := range metered {
		method, path, _ := strings.Cut(request, " ")
		r, ok := p.Route(method, path)
		if !ok || r.API == nil || r.API.Name != api {
			t.Errorf("%s: got %+v, %v, want %s", request, r, ok, api)
		}
	}
	free := map[string]string{
		"GET /v1/models":                           "",
		"GET /v1/models/gpt-4o":                    "gpt-4o",
		"GET /v1/models/ft%3Agpt-4o%3Aacme%3A%3A1": "ft:gpt-4o:acme::1",
		"GET /models/org%2Fmodel":                  "org/model",
		"POST /v1/moderations":                     "",
		"POST /v1/responses/input_tokens":          "",
	}
	for request, model := range free {
		method, path, _ := strings.Cut(request, " ")
		if r, ok := p.Route(method, path); !ok || r.API != nil || r.Model != model {
			t.Errorf("%s: got %+v, %v, want free with model %q", request, r, ok, model)
		}
	}
}

// shut are doors that must stay shut: at the provider they list, read, change or delete what all accounts
// share, cost tokens that nobody counts, or are spelt so that two readers may read two paths.
var shut = []string{
	"GET /v1/files", "POST /v1/files", "GET /v1/files/file-1/content", "DELETE /v1/files/file-1", "POST /v1/uploads",
	"GET /v1/batches", "POST /v1/batches", "POST /v1/batches/b/cancel", "GET /v1/responses", "GET /v1/responses/resp_1",
	"DELETE /v1/responses/resp_1", "POST /v1/responses/resp_1/cancel", "GET /v1/responses/resp_1/input_items",
	"GET /v1/chat/completions", "GET /v1/chat/completions/c_1", "DELETE /v1/chat/completions/c_1", "GET /v1/conversations/c",
	"POST /v1/conversations", "POST /v1/threads", "POST /v1/threads/runs", "GET /v1/assistants", "POST /v1/assistants",
	"GET /v1/vector_stores", "POST /v1/vector_stores/v/search", "GET /v1/containers", "POST /v1/fine_tuning/jobs",
	"DELETE /v1/models/ft-1", "POST /v1/videos", "POST /v1/audio/speech", "GET /v1/realtime", "POST /v1/realtime/sessions",
	"POST /v1/realtime/calls", "GET /v1/organization/users", "GET /v1/organization/usage/completions", "GET /v1/dashboard/billing/usage",
	"POST /v1/evals", "PUT /v1/chat/completions", "HEAD /v1/models", "GET /v1", "GET /", "POST /v2/chat/completions",
	"POST /v1/chat/completions/", "POST /v1/chat//completions", "POST //v1/chat/completions", "POST /v1/chat/%63ompletions", "POST /v1%2Fchat/completions",
	"POST /v1/chat/completions%00", "POST /v1/chat/completions;x", "POST /v1/./chat/completions", "POST /v1/x/../chat/completions",
	"GET /v1/models/", "GET /v1/models/..", "GET /v1/models/%2e%2e", "GET /v1/models/a%2F..%2F..%2Ffiles", "GET /v1/models/a/b",
	"GET /v1/models/%2Fa", "GET /v1/models/a%3Fb", "GET /v1/models/a%5Cb", "GET /v1/models/a%00", "GET /v1/models/%252e%252e",
	"GET /V1/models", "get /v1/models", "CONNECT /v1/chat/completions",
}

func TestEverythingElseIsRefused(t *testing.T) {
	p := newOpenAI(t, "")
	for _, request := range shut {
		method, path, _ := strings.Cut(request, " ")
		if r, ok := p.Route(method, path); ok {
			t.Errorf("%s: found %+v, want a refusal", request, r)
		}
	}
}

// at is a provider of a row, somewhere.
func at(t testing.TB, api string, change func(*Settings)) *Provider {
	t.Helper()
	s := Settings{Name: api, API: api, BaseURL: "http://127.0.0.1:1", Key: "k"}
	if change != nil {
		change(&s)
	}
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestRoutesOfTheOthers(t *testing.T) {
	const vertexModel = "/v1/projects/p/locations/europe-west1/publishers/"
	for _, tc := range []struct {
		api, request string
		want         *dialect.API // nil: free
		model        string
	}{
		{"anthropic", "POST /v1/messages", dialect.Messages, ""},
		{"anthropic", "POST /v1/messages/count_tokens", nil, ""},
		{"gemini", "POST /v1beta/models/gemini-2.5-flash:generateContent", dialect.GenerateContent, "gemini-2.5-flash"},
		{"gemini", "POST /v1/models/gemini-2.5-flash:streamGenerateContent", dialect.StreamGenerateContent, "gemini-2.5-flash"},
		{"gemini", "POST /v1beta/models/gemini-embedding-001:batchEmbedContents", dialect.EmbedContent, "gemini-embedding-001"},
		{"gemini", "POST /v1beta/models/gemini-2.5-flash:countTokens", nil, "gemini-2.5-flash"},
		{"gemini", "GET /v1beta/models", nil, ""},
		{"gemini", "GET /v1beta/models/gemini-2.5-flash", nil, "gemini-2.5-flash"},
		{"gemini", "POST /v1beta/openai/chat/completions", dialect.Chat, ""},
		{"vertex", "POST " + vertexModel + "google/models/gemini-2.5-pro:generateContent", dialect.GenerateContent, "gemini-2.5-pro"},
		{"vertex", "POST " + vertexModel + "google/models/text-embedding-004:predict", dialect.Predict, "text-embedding-004"},
		{"vertex", "POST " + vertexModel + "anthropic/models/claude-sonnet-4@20250514:streamRawPredict", dialect.Messages, "claude-sonnet-4@20250514"},
		{"vertex", "POST " + vertexModel + "anthropic/models/claude-sonnet-4%4020250514:rawPredict", dialect.Messages, "claude-sonnet-4@20250514"},
		{"vertex", "POST " + vertexModel + "anthropic/models/count-tokens:rawPredict", nil, ""},
		{"vertex", "POST " + vertexModel + "mistralai/models/mistral-medium-3:rawPredict", dialect.ChatOfMaxTokens, "mistral-medium-3"},
		{"vertex", "POST /v1beta1/publishers/google/models/gemini-2.5-flash:generateContent", dialect.GenerateContent, "gemini-2.5-flash"},
		{"vertex", "POST /v1beta1/projects/p/locations/global/endpoints/openapi/chat/completions", dialect.Chat, ""},
		{"azure-openai", "POST /openai/deployments/gpt-5.2_2025/chat/completions", dialect.Chat, "gpt-5.2_2025"},
		{"azure-openai", "POST /openai/v1/responses", dialect.Responses, ""},
		{"azure-ai", "POST /models/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"azure-ai", "POST /openai/v1/embeddings", dialect.Embeddings, ""},
		{"bedrock", "POST /model/us.amazon.nova-2-lite-v1:0/converse", dialect.Converse, "us.amazon.nova-2-lite-v1:0"},
		{"bedrock", "POST /model/anthropic.claude-v2%3A1/invoke-with-response-stream", dialect.InvokeStream, "anthropic.claude-v2:1"},
		{"bedrock", "POST /model/arn%3Aaws%3Asagemaker%3Aus-east-1%3A7%3Aendpoint%2Fe-1/invoke", dialect.Invoke, "arn:aws:sagemaker:us-east-1:7:endpoint/e-1"},
		{"bedrock", "POST /model/anthropic.claude-v2/count-tokens", nil, "anthropic.claude-v2"},
		{"bedrock-mantle", "POST /openai/v1/responses", dialect.Responses, ""},
		{"cohere", "POST /v1/chat", dialect.CohereChatV1, ""},
		{"cohere", "POST /v2/chat", dialect.CohereChat, ""},
		{"mistral", "POST /v1/ocr", dialect.OCR, ""},
		{"mistral", "POST /v1/chat/moderations", nil, ""},
		{"deepseek", "POST /beta/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"deepseek", "POST /responses", dialect.Responses, ""},
		{"openrouter", "POST /api/v1/images", dialect.Images, ""},
		{"openrouter", "GET /api/v1/models/openai/gpt-4o/endpoints", nil, "openai/gpt-4o"},
		{"huggingface", "POST /together/v1/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"huggingface", "POST /v1/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"huggingface", "POST /hf-inference/models/meta-llama/Llama-3/v1/chat/completions", dialect.ChatOfMaxTokens, "meta-llama/Llama-3"},
		{"huggingface", "POST /hf-inference/models/gpt2/v1/chat/completions", dialect.ChatOfMaxTokens, "gpt2"},
		{"huggingface", "POST /clarifai/v2/ext/openai/v1/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"azure-ai", "POST /v1/chat/completions", dialect.ChatOfMaxTokens, ""},
		{"azure-ai", "POST /embeddings", dialect.Embeddings, ""},
		{"ollama", "POST /api/generate", dialect.OllamaGenerate, ""},
		{"vllm", "POST /v1/completions", dialect.CompletionsOfVLLM, ""},
		{"vllm", "POST /tokenize", nil, ""},
		{"voyage", "POST /v1/rerank", dialect.Rerank, ""},
		{"writer", "POST /v1/chat", dialect.ChatOfMaxTokens, ""},
		{"watsonx", "POST /ml/v1-beta/generation/text_stream", dialect.WatsonxGenerateStream, ""},
		{"watsonx", "POST /ml/v1/deployments/d-1/text/chat", dialect.WatsonxChat, "d-1"},
	} {
		method, path, _ := strings.Cut(tc.request, " ")
		r, ok := at(t, tc.api, nil).Route(method, path)
		if !ok || r.API != tc.want || r.Model != tc.model {
			t.Errorf("%s: %s: got %+v, %v, want model %q", tc.api, tc.request, r, ok, tc.model)
		}
	}
}

// TestNamesCannotBend: a name in a path is one name, wherever a server decodes it.
func TestNamesCannotBend(t *testing.T) {
	for api, requests := range map[string][]string{
		"gemini": {
			"POST /v1beta/models/:generateContent", "POST /v1beta/models/a%2Fb:generateContent", "POST /v1beta/models/a:countTokens:generateContent",
			"POST /v1beta/models/a%3AcountTokens:generateContent", "POST /v1beta/models/a%3AgenerateContent", "POST /v1beta/models/a:generate%43ontent",
			"POST /v1beta/models/..:generateContent", "POST /v1beta/models/a:generateContent/", "POST /v1beta/models/a/b:generateContent",
			"POST /v1beta/models/a%3F:generateContent", "POST /v1beta/models/a:GenerateContent", "POST /v1beta/tunedModels/a:generateContent",
			"GET /v1beta/models/a:generateContent", "GET /v1beta/models/veo%2Foperations%2Fo-1", "GET /v1beta/models/a:batchGenerateContent",
			"POST /v1beta/models/a:generateContent%00", "POST /v1beta/models/a%00:generateContent", "POST /v1beta/models/a;b:generateContent",
			"POST /v1beta/models/a%ff:generateContent", "POST /v1beta/models/%c0%ae%c0%ae%c0%afa:generateContent", "GET /v1beta/models/" + strings.Repeat("a", 2049),
		},
		"vertex": {
			"POST /v1/projects/p/locations/l/publishers/google/models/a%2F..%2F..:generateContent", "POST /v1/projects/p%2Fq/locations/l/publishers/google/models/a:generateContent",
			"POST /v1/projects/p/locations/l%2Fm/publishers/google/models/a:generateContent", "POST /v1/projects/../locations/l/publishers/google/models/a:generateContent",
			"POST /v1/projects/p/locations/l/publishers/meta/models/a:rawPredict", "POST /v1/projects/p/locations/l/publishers/google/models/a:rawPredict",
			"POST /v1/projects//locations/l/publishers/google/models/a:generateContent",
			"POST /v1/publishers/google/models/imagen-4.0-generate-001:predict", "POST /v1/publishers/google/models/imagen-4%2Fembedding:predict",
			"POST /v1/publishers/google/models/Embedding-1:predict",
		},
		"bedrock": {
			"POST /model/../invoke", "POST /model/%2e%2e/invoke", "POST /model/a%2F..%2Fb/invoke", "POST /model//invoke", "POST /model/a/b/invoke", "POST /model/a/invoke/",
			"POST /model/a%252Fb/invoke", "POST /model/a/Invoke", "POST /model/a%5Cb/invoke",
		},
		"azure-openai": {
			"POST /openai/deployments/a%2Fb/chat/completions", "POST /openai/deployments/a%3Ab/chat/completions", "POST /openai/deployments/./chat/completions",
			"POST //openai/deployments/a/chat/completions", "POST /openai/deployments/a/chat/completions%2F..%2Fbatch",
		},
		"huggingface": {"POST /hf-inference/models/a%2Fb/c/v1/chat/completions", "POST /hf-inference/models/../a/v1/chat/completions", "POST /a%2Fb/v1/chat/completions", "POST /../v1/chat/completions", "POST //v1/chat/completions", "POST /a/b/v1/chat/completions"},
	} {
		p := at(t, api, nil)
		for _, request := range requests {
			method, path, _ := strings.Cut(request, " ")
			if r, ok := p.Route(method, path); ok {
				t.Errorf("%s: %s: found %+v, want a refusal", api, request, r)
			}
		}
	}
}

func TestNoPathLeavesThePinnedProject(t *testing.T) {
	const path = "/locations/global/publishers/google/models/gemini-2.5-flash:generateContent"
	pinned := at(t, "vertex", func(s *Settings) { s.Project = "acme" })
	for project, want := range map[string]bool{"acme": true, "ac%6De": true, "other": false, "acme%2Fother": false, "Acme": false, "": false} {
		if r, ok := pinned.Route("POST", "/v1/projects/"+project+path); ok != want {
			t.Errorf("project %q: got %+v, %v, want %v", project, r, ok, want)
		}
	}
	if _, ok := pinned.Route("POST", "/v1/publishers/google/models/gemini-2.5-flash:generateContent"); !ok {
		t.Error("a path without a project was refused")
	}
	if _, ok := at(t, "vertex", nil).Route("POST", "/v1/projects/other"+path); !ok {
		t.Error("without a pinned project another one was refused")
	}
}

func TestRefusalsSpeakThePathsLanguage(t *testing.T) {
	for _, tc := range []struct{ api, request, want string }{
		{"gemini", "POST /v1beta/models/a:generateContent", `"status":"RESOURCE_EXHAUSTED"`},
		{"gemini", "POST /v1beta/openai/chat/completions", `"code":"insufficient_quota"`},
		{"vertex", "POST /v1/projects/p/locations/l/publishers/anthropic/models/a:rawPredict", `"type":"billing_error"`},
		{"deepseek", "POST /anthropic/v1/messages", `"type":"billing_error"`},
		{"bedrock", "POST /openai/v1/chat/completions", `"code":"insufficient_quota"`},
	} {
		method, path, _ := strings.Cut(tc.request, " ")
		body, _ := at(t, tc.api, nil).Shape(method, path)(dialect.Refusal{Status: 402, Code: "insufficient_quota", Message: "m"})
		if !strings.Contains(strings.ReplaceAll(string(body), ": ", ":"), tc.want) {
			t.Errorf("%s: %s: refused with %s, want %s in it", tc.api, tc.request, body, tc.want)
		}
	}
}

func TestRefusedPathsAreInNoTable(t *testing.T) {
	n := 0
	for name, row := range Rows {
		p := at(t, name, nil)
		for _, r := range row.Refused {
			n++
			if route, ok := p.Route(r.Method, r.Path); ok {
				t.Errorf("%s: %s %s, which %s, is %+v", name, r.Method, r.Path, r.Why, route)
			}
		}
	}
	if n < 45 {
		t.Errorf("%d refused paths are listed", n)
	}
}

// FuzzRoute holds the tables against a second reading of the same path, by regular expressions: what is found must,
// decoded and cleaned as a careless server would, still be the path that was found.
func FuzzRoute(f *testing.F) {
	names := Names()
	for _, request := range shut {
		method, path, _ := strings.Cut(request, " ")
		f.Add(0, method, path)
	}
	var providers []*Provider
	for i, name := range names {
		providers = append(providers, at(f, name, nil))
		for _, p := range Rows[name].Paths {
			f.Add(i, p.Method, placeholder.ReplaceAllString(p.Pattern, "a%2Fb"))
			f.Add(i, p.Method, placeholder.ReplaceAllString(p.Pattern, "a%3Ab"))
		}
	}
	f.Fuzz(func(t *testing.T, which int, method, raw string) {
		p := providers[uint(which)%uint(len(providers))]
		r, ok := p.Route(method, raw)
		if !ok {
			return
		}
		groups := reading(r.Pattern).FindStringSubmatch(raw)
		if groups == nil {
			t.Fatalf("%s: %q was taken for %q", p.Name, raw, r.Pattern)
		}
		whole := regexp.MustCompile(`\{model\}(/|$)`).MatchString(r.Pattern)
		model := ""
		for i, group := range groups[1:] {
			decoded, err := url.PathUnescape(group)
			kind := placeholder.FindAllString(r.Pattern, -1)[i]
			if err != nil || strings.Contains(decoded, "/") && !(kind == "{model}" && whole) {
				t.Fatalf("%s: %q names %q and was taken for %q", p.Name, raw, decoded, r.Pattern)
			}
			if kind == "{model}" || kind == "{name}" || kind == "{deployment}" {
				model = decoded
			}
		}
		decoded, err := url.PathUnescape(raw)
		cleaned := (&url.URL{Path: "/"}).JoinPath(decoded).Path
		if err != nil || cleaned != decoded || model != r.Model {
			t.Fatalf("%s: %q reads as %q and cleans to %q, taken for %q with model %q", p.Name, raw, decoded, cleaned, r.Pattern, r.Model)
		}
	})
}

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

// reading is a pattern as a regular expression over the raw path.
func reading(pattern string) *regexp.Regexp {
	var b strings.Builder
	last := 0
	for _, at := range placeholder.FindAllStringIndex(pattern, -1) {
		b.WriteString(regexp.QuoteMeta(pattern[last:at[0]]))
		b.WriteString(`([^/]+)`)
		last = at[1]
	}
	b.WriteString(regexp.QuoteMeta(pattern[last:]))
	return regexp.MustCompile("^" + b.String() + "$")
}
