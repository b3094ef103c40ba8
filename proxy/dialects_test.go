package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// operation is a request to a provider that isn't OpenAI; %d in its body is the output limit.
type operation struct {
	provider, api, path, body string
	// bounded: strict admission takes it, and lowers its limit. unlimited: it has no output limit.
	bounded, unlimited bool
}

const turn = `"messages":[{"role":"user","content":"Where is my order?"}]`

var operations = []operation{
	{"anthropic", "messages", "/v1/messages", `{"model":"claude-haiku-4-5","max_tokens":%d,` + turn + `}`, true, false},
	{"anthropic", "messages", "/v1/messages?beta=true", `{"model":"claude-haiku-4-5","stream":true,"max_tokens":%d,` + turn + `}`, true, false},
	{"gemini", "generateContent", "/v1beta/models/gemini-2.5-flash:generateContent", `{"contents":[{"role":"user","parts":[{"text":"Where is it?"}]}],"generationConfig":{"maxOutputTokens":%d}}`, true, false},
	{"gemini", "generateContent", "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", `{"contents":[{"parts":[{"text":"Where is it?"}]}],"generationConfig":{"maxOutputTokens":%d}}`, true, false},
	{"gemini", "generateContent", "/v1beta/models/gemini-2.5-flash:streamGenerateContent", `{"contents":[{"parts":[{"text":"Where is it?"}]}],"generationConfig":{"maxOutputTokens":%d}}`, true, false},
	{"gemini", "embedContent", "/v1beta/models/gemini-embedding-2:embedContent", `{"content":{"parts":[{"text":"Where is my order?"}]}}`, true, true},
	{"vertex", "generateContent", "/v1/projects/p/locations/global/publishers/google/models/gemini-2.5-flash:generateContent", `{"contents":[{"role":"user","parts":[{"text":"Where is it?"}]}],"generationConfig":{"maxOutputTokens":%d}}`, true, false},
	{"vertex", "predict", "/v1/projects/p/locations/global/publishers/google/models/text-embedding-005:predict", `{"instances":[{"content":"Where is my order?"}]}`, true, true},
	{"vertex", "messages", "/v1/projects/p/locations/global/publishers/anthropic/models/claude-haiku-4-5:streamRawPredict", `{"anthropic_version":"vertex-2023-10-16","stream":true,"max_tokens":%d,` + turn + `}`, true, false},
	{"bedrock", "converse", "/model/anthropic.claude-haiku-4-5-v1%3A0/converse", `{"messages":[{"role":"user","content":[{"text":"Where is my order?"}]}],"inferenceConfig":{"maxTokens":%d}}`, true, false},
	{"bedrock", "converse", "/model/anthropic.claude-haiku-4-5-v1:0/converse-stream", `{"messages":[{"role":"user","content":[{"text":"Where is my order?"}]}],"inferenceConfig":{"maxTokens":%d}}`, true, false},
	{"bedrock", "invoke", "/model/anthropic.claude-haiku-4-5-v1%3A0/invoke", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":%d,` + turn + `}`, false, false},
	{"bedrock", "invoke", "/model/anthropic.claude-haiku-4-5-v1%3A0/invoke-with-response-stream", `{"anthropic_version":"bedrock-2023-05-31","max_tokens":%d,` + turn + `}`, false, false},
	{"cohere", "chat", "/v2/chat", `{"model":"command-a-03-2025","max_tokens":%d,` + turn + `}`, false, false},
	{"cohere", "chat", "/v2/chat", `{"model":"command-a-03-2025","stream":true,"max_tokens":%d,` + turn + `}`, false, false},
	{"cohere", "chat", "/v1/chat", `{"model":"command-r","stream":true,"max_tokens":%d,"message":"Where is my order?"}`, false, false},
	{"cohere", "embed", "/v2/embed", `{"model":"embed-v4.0","input_type":"search_query","texts":["Where is my order?"],"embedding_types":["float"]}`, true, true},
	{"ollama", "chat", "/api/chat", `{"model":"llama3.2","options":{"num_predict":%d},` + turn + `}`, true, false},
	{"ollama", "chat", "/api/chat", `{"model":"llama3.2","stream":false,"options":{"num_predict":%d},` + turn + `}`, true, false},
	{"ollama", "embed", "/api/embed", `{"model":"nomic-embed-text","input":"Where is my order?"}`, true, true},
	{"mistral", "chat.completions", "/v1/chat/completions", `{"model":"mistral-small-latest","stream":true,"max_tokens":%d,` + turn + `}`, true, false},
	{"groq", "chat.completions", "/openai/v1/chat/completions", `{"model":"llama-3.3-70b","stream":true,"max_tokens":%d,` + turn + `}`, true, false},
	{"voyage", "rerank", "/v1/rerank", `{"model":"rerank-2.5","query":"order","documents":["a parcel","an order"]}`, false, true},
}

// newHouse is a rig with a fake of each provider that speaks otherwise than OpenAI.
func newHouse(t *testing.T) (*rig, map[string]*proxytest.Provider) {
	fakes := map[string]*proxytest.Provider{}
	for name, make := range map[string]func(proxytest.Options) *proxytest.Provider{
		"anthropic": proxytest.NewAnthropic, "gemini": proxytest.NewGemini, "vertex": proxytest.NewVertex, "bedrock": proxytest.NewBedrock,
		"cohere": proxytest.NewCohere, "ollama": proxytest.NewOllama, "mistral": proxytest.NewMistral, "groq": proxytest.NewGroq, "voyage": proxytest.NewVoyage,
	} {
		fakes[name] = make(proxytest.Options{APIKey: providerKey, KeepBodies: true})
	}
	r := newRig(t, func(s *proxy.Settings, entry *provider.Settings) {
		s.Units = accounting.UnitPrices{AudioSecond: 10, Image: 1000, Page: 100, Search: 500}
		for name, fake := range fakes {
			upstream := httptest.NewServer(fake)
			t.Cleanup(upstream.Close)
			e := *entry
			e.Name, e.API, e.BaseURL = name, name, upstream.URL
			p, err := provider.New(e)
			must(t, err)
			s.Providers[name] = p
		}
	})
	return r, fakes
}

func (o operation) with(limit int) string {
	if o.unlimited {
		return o.body
	}
	return fmt.Sprintf(o.body, limit)
}

func (o operation) String() string { return o.provider + o.path }

func TestEveryDialectIsChargedWhatItsProviderCounted(t *testing.T) {
	r, fakes := newHouse(t)
	for _, o := range operations {
		account, secret := r.account(1_000_000, nil)
		res := r.do(request{path: "/" + o.provider + o.path, secret: secret, body: o.with(50), header: anthropicVersion})
		if body := read(t, res); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", o, res.StatusCode, body)
			continue
		}
		said := fakes[o.provider].Answered()
		last := said[len(said)-1]
		e := r.events(account)[0]
		if e.API != o.api || e.Measured != accounting.ByProvider || e.Tokens.Input != last.Input || e.Tokens.Output != last.Output || last.Input == 0 {
			t.Errorf("%s: event %s, %s %+v, the provider said %d and %d", o, e.API, e.Measured, e.Tokens, last.Input, last.Output)
		}
		if e.Stream != (last.Stream || strings.Contains(o.path, "tream")) || e.RequestedModel == "" {
			t.Errorf("%s: stream %v, model %q", o, e.Stream, e.RequestedModel)
		}
	}
}

// anthropicVersion is what Anthropic's API asks of its clients; no other minds.
var anthropicVersion = http.Header{"Anthropic-Version": {"2023-06-01"}, "Content-Type": {"application/json"}}

func TestEveryDialectsLimitIsLoweredToTheKeys(t *testing.T) {
	r, fakes := newHouse(t)
	limit := int64(7)
	_, secret := r.account(1_000_000, func(_ *accounting.Account, k *policy.Key) { k.MaxOutputTokens = &limit })
	for _, o := range operations {
		if o.unlimited {
			continue
		}
		for _, body := range []string{o.with(50), limits.ReplaceAllString(o.body, "")} {
			if o.provider == "bedrock" && o.api == "invoke" || o.api == "messages" && !strings.Contains(body, "50") {
				continue // its limit is no common one; its limit is mandatory
			}
			read(t, r.do(request{path: "/" + o.provider + o.path, secret: secret, body: body, header: anthropicVersion}))
			said := fakes[o.provider].Answered()
			if got := string(said[len(said)-1].Body); !strings.Contains(got, ":7") || strings.Contains(got, "50") {
				t.Errorf("%s: the provider got %s", o, got)
			}
		}
	}
}

// limits are the members that bound the output, with what stands around them alone.
var limits = regexp.MustCompile(`"max_tokens":%d,|,?"(generationConfig|inferenceConfig|options)":\{"\w+":%d\}`)

func TestEveryDialectIsBoundedOrRefusedInStrict(t *testing.T) {
	r, fakes := newHouse(t)
	for _, o := range operations {
		_, secret := r.account(600, func(a *accounting.Account, _ *policy.Key) { a.Admission = "strict" })
		before := fakes[o.provider].Calls()
		res := r.do(request{path: "/" + o.provider + o.path, secret: secret, body: o.with(5000), header: anthropicVersion})
		body := read(t, res)
		calls := fakes[o.provider].Calls() - before
		if o.bounded && (res.StatusCode != http.StatusOK || calls != 1) {
			t.Errorf("%s: %d %s", o, res.StatusCode, body)
		}
		if !o.bounded && (res.StatusCode != http.StatusForbidden || res.Header.Get("X-Tollgate-Error") != "not_allowed" || calls != 0) {
			t.Errorf("%s: %d, %d calls of the provider: %s", o, res.StatusCode, calls, body)
		}
	}
}

// Each client finds the message where it looks for one, and learns that trying again is of no use.
func TestEveryDialectsRefusalIsItsClients(t *testing.T) {
	r, fakes := newHouse(t)
	where := map[string]string{
		"anthropic": `"type":"error"`, "gemini": `"status":"RESOURCE_EXHAUSTED"`, "vertex": `"error":`, "bedrock": `"message":`,
		"cohere": `"message":`, "ollama": `{"error":"`, "mistral": `"message":`, "groq": `"code":"insufficient_quota"`, "voyage": `"detail":"`,
	}
	_, secret := r.account(0, nil)
	for _, o := range operations {
		res := r.do(request{path: "/" + o.provider + o.path, secret: secret, body: o.with(50), header: anthropicVersion})
		body := string(read(t, res))
		if res.StatusCode != http.StatusPaymentRequired || res.Header.Get("X-Should-Retry") != "false" || res.Header.Get("Retry-After") != "" ||
			!strings.Contains(body, where[o.provider]) || !strings.Contains(body, "monthly") {
			t.Errorf("%s: %d %v %s", o, res.StatusCode, res.Header, body)
		}
		if fakes[o.provider].Calls() != 0 {
			t.Errorf("%s: the provider was called", o)
		}
	}
}

func TestUnitsAreChargedAtTheirPrice(t *testing.T) {
	r, _ := newHouse(t)
	tests := []struct {
		path, body string
		charged    int64
	}{
		{"/mistral/v1/ocr", `{"model":"mistral-ocr-latest","document":{"type":"document_url","document_url":"https://example.com/a.pdf"},"proxytest":{"pages":3}}`, 300},
		{"/cohere/v2/rerank", `{"model":"rerank-v3.5","query":"order","documents":["a parcel","an order"]}`, 500},
		{"/openai/v1/images/generations", `{"model":"dall-e-3","prompt":"a parcel","n":2}`, 2000},
	}
	for _, test := range tests {
		account, secret := r.account(1_000_000, nil)
		if res := r.do(request{path: test.path, secret: secret, body: test.body}); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d %s", test.path, res.StatusCode, read(t, res))
		} else {
			io.Copy(io.Discard, res.Body)
		}
		e := r.events(account)[0]
		if e.Charged.Total != test.charged || e.Measured != accounting.ByProvider || e.Tokens.Total != 0 {
			t.Errorf("%s: charged %d, %s, %+v", test.path, e.Charged.Total, e.Measured, e.Tokens)
		}
	}
}
