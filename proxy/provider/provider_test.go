package provider

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/apis.md anew")

func TestPageOfPathsIsWhatTheCodeHas(t *testing.T) {
	const page = "../../docs/apis.md"
	if *update {
		if err := os.WriteFile(page, []byte(Describe()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != Describe() {
		t.Error("docs/apis.md differs from the tables; run: go test ./proxy/provider -update")
	}
}

func newOpenAI(t testing.TB, base string) *Provider {
	t.Helper()
	p, err := New(Settings{Name: "openai", API: "openai", BaseURL: base, Key: "sk-real"})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAddressKeepsThePathAsItCame(t *testing.T) {
	for _, tc := range []struct{ base, path, want string }{
		{"", "/v1/chat/completions", "https://api.openai.com/v1/chat/completions"},
		{"http://host:1/", "/v1/models/a%2Fb", "http://host:1/v1/models/a%2Fb"},
		{"http://host:1/proxy%2F1/", "/v1/models", "http://host:1/proxy%2F1/v1/models"},
	} {
		p := newOpenAI(t, tc.base)
		out := &http.Request{URL: &url.URL{}, Header: http.Header{}}
		p.Address(out, tc.path)
		if got := out.URL.Scheme + "://" + out.URL.Host + out.URL.RequestURI(); got != tc.want {
			t.Errorf("base %q, path %q: got %s, want %s", tc.base, tc.path, got, tc.want)
		}
	}
}

func TestSplitFindsTheProvidersName(t *testing.T) {
	known := func(name string) bool { return name == "openai" }
	for _, tc := range []struct {
		raw, name, rest string
		ok              bool
	}{
		{"/openai/v1/models", "openai", "/v1/models", true},
		{"/openai//v1/models", "openai", "/v1/models", true},
		{"/openai", "openai", "", true},
		{"/v1/models", "", "/v1/models", false},
		{"/%6Fpenai/v1/models", "", "/%6Fpenai/v1/models", false},
		{"//openai/v1/models", "", "//openai/v1/models", false},
		{"*", "", "*", false},
	} {
		name, rest, ok := Split(tc.raw, known)
		if name != tc.name || rest != tc.rest || ok != tc.ok {
			t.Errorf("Split(%q) = %q, %q, %v, want %q, %q, %v", tc.raw, name, rest, ok, tc.name, tc.rest, tc.ok)
		}
	}
}

func TestRowsAreSound(t *testing.T) {
	for name, row := range Rows {
		if row.System == "" || len(row.Paths) == 0 || len(row.Refused) == 0 || row.Refuse == nil {
			t.Errorf("%s: a row needs a system, paths, refused paths and a shape of refusals", name)
		}
		seen := map[string]bool{}
		for _, p := range row.Paths {
			if line := p.Method + " " + p.Pattern; seen[line] {
				t.Errorf("%s: %s stands twice", name, line)
			} else {
				seen[line] = true
			}
		}
		for _, r := range row.Refused {
			if line := r.Method + " " + r.Path; seen[line] {
				t.Errorf("%s: %s is refused twice, or served as well", name, line)
			} else {
				seen[line] = true
			}
		}
	}
}

func TestRegionsHaveOrigins(t *testing.T) {
	for _, tc := range []struct{ api, region, want string }{
		{"bedrock", "eu-central-1", "bedrock-runtime.eu-central-1.amazonaws.com"},
		{"bedrock-mantle", "us-east-1", "bedrock-mantle.us-east-1.api.aws"},
		{"vertex", "europe-west4", "europe-west4-aiplatform.googleapis.com"},
		{"vertex", "global", "aiplatform.googleapis.com"},
		{"vertex", "eu", "aiplatform.eu.rep.googleapis.com"},
		{"watsonx", "us-south", "us-south.ml.cloud.ibm.com"},
	} {
		if got := at(t, tc.api, func(s *Settings) { s.BaseURL, s.Region = "", tc.region }).Host(); got != tc.want {
			t.Errorf("%s in %s: %s, want %s", tc.api, tc.region, got, tc.want)
		}
	}
}

// TestWhoIsAskedForUsage: asking those who report it unasked can break the request, so the list is closed.
func TestWhoIsAskedForUsage(t *testing.T) {
	asked := map[string]bool{"openai": true, "azure-openai": true, "vllm": true, "ollama": true, "together": true, "fireworks": true, "alibaba": true, "cerebras": true}
	for name, row := range Rows {
		if row.AskUsage != asked[name] {
			t.Errorf("%s: asked for usage: %v, want %v", name, row.AskUsage, asked[name])
		}
	}
	p := at(t, "azure-openai", nil)
	r, _ := p.Route("POST", "/openai/deployments/d/chat/completions")
	for query, want := range map[string]bool{
		"": true, "api-version=2024-09-01-preview": true, "api-version=2025-01-01": true, "x=1&api-version=2024-02-01": false, "api-version=2023-07-01-preview": false,
		"api-version=preview": true, "api-version=2023-07-01-preview&api-version=2025-01-01": true, "api-version=2025-01-01&api-version=2023-07-01-preview": true,
		"api-version=&api-version=2023-07-01-preview": true,
	} {
		if got := p.Asks(r, query); got != want {
			t.Errorf("%q: asked: %v, want %v", query, got, want)
		}
	}
	no := false
	off := at(t, "openai", func(s *Settings) { s.AskUsage = &no })
	if r, _ := off.Route("POST", "/v1/chat/completions"); off.Asks(r, "") {
		t.Error("asked, although ask_usage is false")
	}
}

func TestServesKnowsWhatANameHides(t *testing.T) {
	for _, tc := range []struct {
		api, segment string
		want         bool
	}{
		{"openai", "v1", true}, {"openai", "chat", true}, {"openai", "groq", false}, {"bedrock", "model", true}, {"bedrock", "openai", true},
		{"huggingface", "together", true}, {"huggingface", "v1", true}, {"nobody", "v1", false},
	} {
		if got := Serves(tc.api, tc.segment); got != tc.want {
			t.Errorf("%s begins with %s: %v, want %v", tc.api, tc.segment, got, tc.want)
		}
	}
}
