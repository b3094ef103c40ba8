package provider

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestKeyStandsWhereTheProviderLooks(t *testing.T) {
	const base = "http://127.0.0.1:1"
	type headers = map[string]string
	for _, tc := range []struct {
		name    string
		auth    Auth
		s       Settings
		want    headers
		missing string
	}{
		{"bearer", Bearer, Settings{Key: "k"}, headers{"Authorization": "Bearer k"}, ""},
		{"bearer, none", Bearer, Settings{}, headers{}, "providers.p.api_key"},
		{"bearer, none, elsewhere", Bearer, Settings{BaseURL: base}, headers{}, ""},
		{"x-api-key", XAPIKey, Settings{Key: "k"}, headers{"X-Api-Key": "k"}, ""},
		{"x-api-key, elsewhere", XAPIKey, Settings{Key: "k", BaseURL: base}, headers{"X-Api-Key": "k"}, ""},
		{"x-goog-api-key", XGoogKey, Settings{Key: "k", BaseURL: base}, headers{"X-Goog-Api-Key": "k"}, ""},
		{"api-key", APIKey, Settings{Key: "k", BaseURL: base}, headers{"Api-Key": "k"}, ""},
		{"optional", OptionalKey, Settings{}, headers{}, ""},
		{"optional, given", OptionalKey, Settings{Key: "k"}, headers{"Authorization": "Bearer k"}, ""},
		{"vertex express", GoogleAuth, Settings{Key: "k", Region: "r"}, headers{"X-Goog-Api-Key": "k"}, ""},
		{"vertex elsewhere", GoogleAuth, Settings{Key: "k", BaseURL: base}, headers{"Authorization": "Bearer k"}, ""},
		{"vertex, none", GoogleAuth, Settings{Region: "r"}, headers{}, "providers.p.credentials_file"},
		{"watsonx elsewhere", IBMAuth, Settings{Key: "k", BaseURL: base}, headers{"Authorization": "Bearer k"}, ""},
		{"watsonx, none", IBMAuth, Settings{Region: "r"}, headers{}, "providers.p.api_key"},
		{"bedrock", AWS, Settings{Key: "k", Region: "r"}, headers{"Authorization": "Bearer k"}, ""},
		{"bedrock elsewhere", AWS, Settings{Key: "k", BaseURL: base}, headers{"Authorization": "Bearer k"}, ""},
		{"bedrock, none", AWS, Settings{Region: "r"}, headers{}, "providers.p.api_key"},
		{"headers of the file", Bearer, Settings{Key: "k", Headers: headers{"api-version": "1", "Authorization": "Basic x"}},
			headers{"Api-Version": "1", "Authorization": "Bearer k"}, ""},
		{"a credential among them", Bearer, Settings{BaseURL: base, Headers: headers{"authorization": "Basic x"}},
			headers{"Authorization": "Basic x"}, ""},
	} {
		tc.s.Name = "p"
		p := newProvider(t, tc.s, &Row{Name: "row", Auth: tc.auth, Origin: "https://{region}.example.com"})
		out := outbound(t, p, "POST", "/v1/x", "")
		if err := p.Authorize(out, []byte("{}")); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		got := headers{}
		for name := range out.Header {
			got[name] = out.Header.Get(name)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.name, diff)
		}
		if got := p.Missing(); got != tc.missing {
			t.Errorf("%s: missing %q, want %q", tc.name, got, tc.missing)
		}
	}
}

func TestSettingOfTheCredential(t *testing.T) {
	for want, tc := range map[string]struct {
		auth Auth
		s    Settings
	}{
		"providers.p.aws_access_key_id": {AWS, Settings{AWSKeyID: "a", AWSSecret: "b", Region: "eu-west-1"}},
		"providers.p.credentials_file":  {GoogleAuth, Settings{CredentialsFile: keyFile(t, "http://t", nil)}},
		"providers.p.api_key":           {GoogleAuth, Settings{Key: "k"}},
	} {
		tc.s.Name = "p"
		p := newProvider(t, tc.s, &Row{Name: "row", Auth: tc.auth, Origin: "https://example.com"})
		if p.Setting != want || !p.HasCredentials() || p.Missing() != "" {
			t.Errorf("got %q, %q, want %q", p.Setting, p.Missing(), want)
		}
		if !p.RejectsCredentials(&http.Response{StatusCode: http.StatusUnauthorized}) {
			t.Error("a 401 is no refusal")
		}
	}
}
