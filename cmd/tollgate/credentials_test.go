package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/tollgate/tollgate/config"
)

// writeAccount writes a service account's key file.
func writeAccount(t *testing.T, dir, kind, tokenURI string) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	content, err := json.Marshal(map[string]string{
		"type": kind, "project_id": "acme-prod", "client_email": "gateway@acme-prod.iam.gserviceaccount.com", "token_uri": tokenURI,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "account.json")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// cloud is Vertex and its token server. A token is accepted for a second beyond the life that it was given with, so
// that a slow machine fails no request that a fast one would not.
type cloud struct {
	*httptest.Server
	life    time.Duration
	down    atomic.Bool
	fetched atomic.Int64
	ends    sync.Map // token → time.Time
}

func newCloud(t *testing.T, life time.Duration) *cloud {
	c := &cloud{life: life}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		c.fetched.Add(1)
		if c.down.Load() {
			http.Error(w, "down", http.StatusServiceUnavailable)
			return
		}
		value := rand.Text()
		c.ends.Store(value, time.Now().Add(c.life+time.Second))
		fmt.Fprintf(w, `{"access_token":%q,"expires_in":%d}`, value, int(c.life.Seconds()))
		return
	}
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if end, ok := c.ends.Load(token); !ok || time.Now().After(end.(time.Time)) {
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, `{"error":{"code":401,"status":"UNAUTHENTICATED"}}`)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, `{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}}`)
}

const generatePath = "/vertex/v1/projects/acme-prod/locations/europe-west4/publishers/google/models/gemini-2.5-flash:generateContent"

const generateBody = `{"contents":[{"parts":[{"text":"Hi"}]}]}`

// vertexEntry is one more entry of providers, as startInProcess adds it.
func vertexEntry(origin, file string) string {
	return fmt.Sprintf("  vertex: { base_url: %q, credentials_file: %q }\n", origin, file)
}

func TestVertexTokenIsRenewedUnderLoadWithoutAFailedRequest(t *testing.T) {
	c := newCloud(t, time.Second)
	p := startInProcess(t, c.URL, testProviderKey, vertexEntry(c.URL, writeAccount(t, t.TempDir(), "service_account", c.URL+"/token")))
	key := p.account("acme", 100_000_000, "")
	var clients sync.WaitGroup
	var asked, failed atomic.Int64
	end := time.Now().Add(3 * time.Second)
	for range 8 {
		clients.Go(func() {
			for time.Now().Before(end) {
				asked.Add(1)
				res, err := http.DefaultClient.Do(p.request(t.Context(), "POST", p.data+generatePath, key, generateBody))
				if err != nil {
					failed.Add(1)
					continue
				}
				answer, _ := io.ReadAll(res.Body)
				res.Body.Close()
				if res.StatusCode != http.StatusOK && failed.Add(1) == 1 {
					t.Errorf("%s: %s", res.Status, answer)
				}
			}
		})
	}
	clients.Wait()
	t.Logf("%d requests, %d failed, %d tokens fetched", asked.Load(), failed.Load(), c.fetched.Load())
	if failed.Load() != 0 || c.fetched.Load() < 3 {
		t.Errorf("%d of %d requests failed over %d tokens", failed.Load(), asked.Load(), c.fetched.Load())
	}
}

// TestProviderWithoutAToken: nothing is sent, nothing is charged, and the log names the setting.
func TestProviderWithoutAToken(t *testing.T) {
	c := newCloud(t, time.Hour)
	c.down.Store(true)
	p := startInProcess(t, c.URL, testProviderKey, vertexEntry(c.URL, writeAccount(t, t.TempDir(), "service_account", c.URL+"/token")))
	key := p.account("acme", 1_000_000, "")
	res, answer := p.do(p.request(t.Context(), "POST", p.data+generatePath, key, generateBody))
	if res.StatusCode != http.StatusBadGateway || res.Header.Get("X-Tollgate-Error") != "provider_unavailable" || strings.Contains(string(answer), "credentials_file") {
		t.Errorf("%s: %s", res.Status, answer)
	}
	if events := p.events("acme"); len(events) != 0 {
		t.Errorf("got %+v", events)
	}
	eventually(t, "the log names the setting", func() bool {
		return strings.Contains(p.said.String(), "providers.vertex.credentials_file: no token: "+c.URL+"/token answered 503")
	})
	other := strings.Replace(generatePath, "acme-prod", "other", 1)
	if res, _ := p.do(p.request(t.Context(), "POST", p.data+other, key, generateBody)); res.StatusCode != http.StatusNotFound {
		t.Errorf("another project's path: %s", res.Status)
	}
}

func TestReloadKeepsTheToken(t *testing.T) {
	c := newCloud(t, time.Hour)
	entry := vertexEntry(c.URL, writeAccount(t, t.TempDir(), "service_account", c.URL+"/token"))
	p := startInProcess(t, c.URL, testProviderKey, entry)
	key := p.account("acme", 1_000_000, "")
	ask := func() int {
		res, _ := p.do(p.request(t.Context(), "POST", p.data+generatePath, key, generateBody))
		return res.StatusCode
	}
	if status := ask(); status != http.StatusOK {
		t.Fatal(status)
	}
	c.down.Store(true)
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	if err := os.WriteFile(file, []byte(yamlFor(p.dir, c.URL, testProviderKey, entry+"plans: { new: { monthly_tokens: 1 } }\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p.reload(t.Context(), file)
	if !strings.Contains(p.said.String(), `"msg":"reloaded"`) {
		t.Fatal(p.said.String())
	}
	if status := ask(); status != http.StatusOK || c.fetched.Load() != 1 {
		t.Errorf("%d after a reload, %d tokens fetched", status, c.fetched.Load())
	}
}

// TestBedrockGetsASignatureOfTheSplicedBody: strict admission sets a limit, and what AWS's SDK says of the request as it
// arrived is what stands in it.
func TestBedrockGetsASignatureOfTheSplicedBody(t *testing.T) {
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	var got *http.Request
	var body []byte
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}`)
	}))
	defer upstream.Close()
	p := startInProcess(t, upstream.URL, testProviderKey, fmt.Sprintf(
		"  bedrock: { base_url: %q, region: eu-central-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: %q }\npolicy: { admission: strict }\n", upstream.URL, secret))
	key := p.account("acme", 1_000_000, "")
	const path = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse"
	const sent = `{"messages":[{"role":"user","content":[{"text":"Hi"}]}]}`
	r := p.request(t.Context(), "POST", p.data+"/bedrock"+path, key, sent)
	r.Header.Set("Amz-Sdk-Request", "attempt=1; max=3")
	r.Header.Set("X-Amz-Date", "20200101T000000Z")
	if res, answer := p.do(r); res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", res.Status, answer)
	}
	if string(body) == sent || !strings.Contains(string(body), "maxTokens") || got.RequestURI != path {
		t.Errorf("arrived at %s: %s", got.RequestURI, body)
	}
	at, err := time.Parse("20060102T150405Z", got.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("signed at %s: %v", at, err)
	}
	again, err := http.NewRequest("POST", upstream.URL+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("Content-Type", got.Header.Get("Content-Type"))
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: secret}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, again, hex.EncodeToString(sum[:]), "bedrock", "eu-central-1", at); err != nil {
		t.Fatal(err)
	}
	if got, want := got.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got.Header.Get("Amz-Sdk-Request") != "" {
		t.Error("the client's attempts reach the provider")
	}
}

// TestDoctorShowsCredentials: tokens are fetched and requests signed for it as for any other request.
func TestDoctorShowsCredentials(t *testing.T) {
	t.Parallel()
	c := newClinic(t)
	_, origin := newUpstream(t)
	up, down := newCloud(t, time.Hour), newCloud(t, time.Hour)
	down.down.Store(true)
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "/eu-central-1/bedrock") {
			w.Header().Set("X-Amzn-Errortype", "UnrecognizedClientException")
			w.WriteHeader(http.StatusForbidden)
			return
		}
		http.NotFound(w, r)
	}))
	defer aws.Close()
	_, found := c.examine(yamlFor(filepath.Join(c.dir, "data"), origin, testProviderKey, fmt.Sprintf(`
  google: { api: vertex, base_url: %q, credentials_file: %q }
  silent: { api: vertex, base_url: %q, credentials_file: %q }
  signed: { api: bedrock, base_url: %[5]q, region: eu-central-1, aws_access_key_id: a, aws_secret_access_key: b }
  elsewhere: { api: bedrock, base_url: %[5]q, region: us-east-1, aws_access_key_id: a, aws_secret_access_key: b }
`, up.URL, writeAccount(t, t.TempDir(), "service_account", up.URL+"/token"),
		down.URL, writeAccount(t, t.TempDir(), "service_account", down.URL+"/token"), aws.URL)))
	c.want(found, "providers.google", fine, "answers")
	c.want(found, "providers.silent", failing, "providers.silent.credentials_file: no token: ")
	c.want(found, "providers.signed", fine, "nothing free to ask")
	c.want(found, "providers.elsewhere", failing, "rejects the key")
}

func TestCheckReadsKeyFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "gateway.yaml")
	src := fmt.Sprintf("providers:\n  vertex:\n    region: europe-west4\n    credentials_file: %q\n"+
		"  bedrock: { base_url: \"http://127.0.0.1:1\", aws_access_key_id: a, aws_secret_access_key: b }\n", writeAccount(t, dir, "authorized_user", "http://t"))
	if err := os.WriteFile(file, []byte(src), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := load(file)
	problems, ok := err.(config.Problems)
	if !ok || len(problems) != 2 {
		t.Fatalf("got %v", err)
	}
	for i, want := range []string{
		file + ":4:23: providers.vertex.credentials_file: is no service account's key: ",
		file + ":5:3: providers.bedrock.region: is needed to sign requests, as base_url names none",
	} {
		if got := problems[i].String(); !strings.HasPrefix(got, want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
