package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

// tokenServer gives service accounts tokens, or refuses them with what they sent.
type tokenServer struct {
	token string // "": it refuses
	lock  sync.Mutex
	asked []string // assertions
}

func (s *tokenServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	assertion := r.FormValue("assertion")
	s.lock.Lock()
	s.asked = append(s.asked, assertion)
	s.lock.Unlock()
	if s.token == "" {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"error":"invalid_grant","error_description":"%s is not known: %[1]s"}`, assertion)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"expires_in":3600}`, s.token)
}

// providerCanary is a request to a provider that speaks otherwise than OpenAI; %[1]s is the prompt, %[2]s a picture, a file's name,
// a user or a tool.
type providerCanary struct{ path, body string }

const (
	messageCanary = `"max_tokens":50,"system":"%[1]s","metadata":{"user_id":"%[2]s"},"tools":[{"name":"%[2]s","description":"%[1]s","input_schema":{"type":"object"}}],` +
		`"messages":[{"role":"user","content":[{"type":"text","text":"%[1]s"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"%[2]s"}}]}]}`
	contentCanary = `{"systemInstruction":{"parts":[{"text":"%[1]s"}]},"contents":[{"role":"user","parts":[{"text":"%[1]s"},{"inlineData":{"mimeType":"image/png","data":"%[2]s"}}]}],` +
		`"tools":[{"functionDeclarations":[{"name":"%[2]s","description":"%[1]s"}]}],"labels":{"user":"%[2]s"}}`
	converseCanary = `{"system":[{"text":"%[1]s"}],"messages":[{"role":"user","content":[{"text":"%[1]s"},{"document":{"name":"%[2]s","format":"txt","source":{"bytes":"%[2]s"}}}]}],` +
		`"toolConfig":{"tools":[{"toolSpec":{"name":"%[2]s","description":"%[1]s","inputSchema":{"json":{}}}}]},"requestMetadata":{"user":"%[2]s"}}`
	chatCanary = `"messages":[{"role":"system","content":"%[1]s"},{"role":"user","name":"%[2]s","content":"%[1]s"}],"tools":[{"type":"function","function":{"name":"%[2]s","parameters":{}}}]}`
	formCanary = "--B\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhisper-1\r\n--B\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\n%[1]s\r\n" +
		"--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"%[2]s.wav\"\r\nContent-Type: audio/wav\r\n\r\n%[2]s\r\n--B--\r\n"
	onVertex = "/vertex/v1/projects/acme-prod/locations/global/publishers/"
)

var providerCanaries = []providerCanary{
	{"/anthropic/v1/messages", `{"model":"claude-haiku-4-5",` + messageCanary},
	{"/anthropic/v1/messages", `{"model":"claude-haiku-4-5","stream":true,` + messageCanary},
	{"/gemini/v1beta/models/gemini-2.5-flash:generateContent", contentCanary},
	{"/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", contentCanary},
	{"/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent", contentCanary},
	{"/gemini/v1beta/models/gemini-embedding-2:embedContent", `{"content":{"parts":[{"text":"%[1]s"}]},"title":"%[2]s"}`},
	{onVertex + "google/models/gemini-2.5-flash:generateContent", contentCanary},
	{onVertex + "google/models/text-embedding-005:predict", `{"instances":[{"content":"%[1]s","title":"%[2]s"}]}`},
	{onVertex + "anthropic/models/claude-haiku-4-5:streamRawPredict", `{"anthropic_version":"vertex-2023-10-16","stream":true,` + messageCanary},
	{"/bedrock/model/eu.anthropic.claude-haiku-4-5-v1%3A0/converse", converseCanary},
	{"/bedrock/model/eu.anthropic.claude-haiku-4-5-v1%3A0/converse-stream", converseCanary},
	{"/bedrock/model/anthropic.claude-haiku-4-5-v1:0/invoke", `{"anthropic_version":"bedrock-2023-05-31",` + messageCanary},
	{"/bedrock/model/anthropic.claude-haiku-4-5-v1:0/invoke-with-response-stream", `{"anthropic_version":"bedrock-2023-05-31",` + messageCanary},
	{"/cohere/v2/chat", `{"model":"command-a-03-2025",` + chatCanary},
	{"/cohere/v2/chat", `{"model":"command-a-03-2025","stream":true,` + chatCanary},
	{"/cohere/v1/chat", `{"model":"command-r","stream":true,"message":"%[1]s","preamble":"%[1]s","documents":[{"title":"%[2]s"}]}`},
	{"/cohere/v2/embed", `{"model":"embed-v4.0","input_type":"search_query","texts":["%[1]s","%[2]s"],"embedding_types":["float"]}`},
	{"/cohere/v2/rerank", `{"model":"rerank-v3.5","query":"%[1]s","documents":["%[2]s"]}`},
	{"/ollama/api/chat", `{"model":"llama3.2",` + chatCanary},
	{"/ollama/api/generate", `{"model":"llama3.2","stream":false,"prompt":"%[1]s","system":"%[1]s","images":["%[2]s"]}`},
	{"/ollama/api/embed", `{"model":"nomic-embed-text","input":["%[1]s","%[2]s"]}`},
	{"/mistral/v1/chat/completions", `{"model":"mistral-small-latest","stream":true,` + chatCanary},
	{"/mistral/v1/ocr", `{"model":"mistral-ocr-latest","document":{"type":"document_url","document_url":"https://files.example/%[1]s","document_name":"%[2]s"}}`},
	{"/groq/openai/v1/chat/completions", `{"model":"llama-3.3-70b","stream":true,"user":"%[2]s",` + chatCanary},
	{"/voyage/v1/rerank", `{"model":"rerank-2.5","query":"%[1]s","documents":["%[2]s"]}`},
	{"/openai/v1/audio/transcriptions", formCanary},
	{"/openai/v1/images/generations", `{"model":"gpt-image-1","prompt":"%[1]s","user":"%[2]s"}`},
}

// TestPrivacyCanaryOfEveryDialect does with all dialects what TestPrivacyCanary does with OpenAI's, and looks at what
// providers and clients got, too: no provider the gateway's keys or its clients' own, no client a provider's credentials.
func TestPrivacyCanaryOfEveryDialect(t *testing.T) {
	m := newMarks("prompt", "label", "answer", "error", "cookie", "other credential", "query", "custom header", "access token", "AWS secret", "AWS session",
		"openai key", "anthropic key", "gemini key", "cohere key", "ollama key", "mistral key", "groq key", "voyage key")
	good, bad := &tokenServer{token: "ya29." + m["access token"]}, &tokenServer{}
	goodServer, badServer := httptest.NewServer(good), httptest.NewServer(bad)
	t.Cleanup(goodServer.Close)
	t.Cleanup(badServer.Close)
	fakes := map[string]*proxytest.Provider{}
	origins := map[string]string{}
	entries := ""
	for name, make := range map[string]func(proxytest.Options) *proxytest.Provider{
		"openai": proxytest.New, "anthropic": proxytest.NewAnthropic, "gemini": proxytest.NewGemini, "vertex": proxytest.NewVertex, "bedrock": proxytest.NewBedrock,
		"cohere": proxytest.NewCohere, "ollama": proxytest.NewOllama, "mistral": proxytest.NewMistral, "groq": proxytest.NewGroq, "voyage": proxytest.NewVoyage,
	} {
		o := proxytest.Options{APIKey: "sk-" + m[name+" key"], KeepBodies: true}
		switch name {
		case "vertex":
			o.APIKey = good.token
		case "bedrock":
			o.APIKey, o.Signed = "none", true
		}
		fakes[name] = make(o)
		server := httptest.NewServer(fakes[name])
		t.Cleanup(server.Close)
		origins[name] = server.URL
		if m[name+" key"] != "" && name != "openai" {
			entries += fmt.Sprintf("  %s: { base_url: %q, api_key: %q }\n", name, server.URL, o.APIKey)
		}
	}
	account := writeAccount(t, t.TempDir(), "service_account", goodServer.URL)
	entries += vertexEntry(origins["vertex"], account)
	entries += fmt.Sprintf("  broken: { api: vertex, base_url: %q, credentials_file: %q }\n", origins["vertex"], writeAccount(t, t.TempDir(), "service_account", badServer.URL))
	entries += fmt.Sprintf("  bedrock: { base_url: %q, region: eu-central-1, aws_access_key_id: AKIDCANARY, aws_secret_access_key: %q, aws_session_token: %q }\n",
		origins["bedrock"], m["AWS secret"], m["AWS session"])
	c := newCollector(t)
	standard := &safeLog{}
	log.SetOutput(standard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	p := startInProcess(t, origins["openai"], "sk-"+m["openai key"], entries+`telemetry: { otlp_endpoint: "`+c.origin+`" }`)
	m["gateway key"], m["key without tokens"] = p.account("acme", 1<<40, ""), p.account("empty", 0, "")
	m["private key"] = privateKey(t, account)

	asked, told := 0, 0
	answers := map[string][]byte{}
	ask := func(name string, q providerCanary, key, script, body string, want ...int) {
		asked++
		separator := "?"
		if strings.Contains(q.path, "?") {
			separator = "&"
		}
		r := p.request(t.Context(), "POST", p.data+q.path+separator+"q="+m["query"]+"&k="+key, key, body)
		r.Header.Set("Proxytest-Script", script)
		if strings.HasPrefix(body, "--B") {
			r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
		}
		for header, mark := range map[string]string{
			"Cookie": "cookie", "X-Custom": "custom header", "User-Agent": "custom header", "Baggage": "custom header", "X-Amz-Security-Token": "other credential",
			"X-Goog-Api-Key": "other credential", "X-Api-Key": "other credential", "Api-Key": "other credential", "Anthropic-Beta": "custom header",
		} {
			r.Header.Set(header, m[mark])
		}
		r.Header.Set("Anthropic-Version", "2023-06-01")
		res, answer := p.do(r)
		answers[fmt.Sprintf("answer %d of %s", asked, q.path)] = fmt.Appendf(answer, "%v", res.Header)
		if !slices.Contains(want, res.StatusCode) {
			t.Errorf("%s %s: %s: %.300s", name, q.path, res.Status, answer)
		}
	}
	says := `"text":"` + m["answer"] + ` and ` + m["answer"] + `","chunks":8`
	failure := fmt.Sprintf(`,"error":{"error":{"message":"%[1]s","type":"a message: %[1]s","status":"a message: %[1]s","code":"code: %[1]s"},"message":"%[1]s","detail":"%[1]s"}`, m["error"])
	for _, q := range providerCanaries {
		body := fmt.Sprintf(q.body, m["prompt"], m["label"])
		ask("plain", q, m["gateway key"], "{"+says+"}", body, 200)
		ask("no usage", q, m["gateway key"], "{"+says+`,"no_usage":true}`, body, 200)
		ask("an error inside", q, m["gateway key"], "{"+says+`,"error_after":1}`, body, 200)
		ask("400", q, m["gateway key"], `{"status":400`+failure+`}`, body, 400)
		ask("500", q, m["gateway key"], `{"status":500`+failure+`}`, body, 500)
		ask("empty", q, m["key without tokens"], "{}", body, 402)
		ask("no JSON", q, m["gateway key"], "{}", strings.TrimSuffix(strings.TrimSuffix(body, "--B--\r\n"), "}")+m["prompt"], 400)
		ask("twice", q, m["gateway key"], "{}", strings.Replace(body, "{", `{"model":"a","model":"`+m["prompt"]+`",`, 1), 400, 200)
	}
	ask("no token", providerCanary{path: strings.Replace(onVertex, "/vertex/", "/broken/", 1) + "google/models/gemini-2.5-flash:generateContent"}, m["gateway key"], "{}", `{"contents":[]}`, 502)
	for _, assertion := range slices.Concat(good.asked, bad.asked) {
		m["assertion "+assertion[len(assertion)-8:]] = assertion[:128] // as far as a log would show it
	}
	eventually(t, "events", func() bool { return len(p.events("acme")) >= len(providerCanaries)*5 })

	places := map[string][]byte{"metrics": []byte(p.scrape()), "events": fmt.Appendf(nil, "%+v", p.events("acme"))}
	readFiles(t, p.dir, "running: ", places)
	p.end()
	readFiles(t, p.dir, "stopped: ", places)
	places["log"], places["standard log"], places["spans"] = []byte(p.said.String()), []byte(standard.String()), c.everything()
	leaks := 0
	leak := func(format string, args ...any) {
		leaks++
		t.Errorf(format, args...)
	}
	for place, content := range places {
		for _, name := range m.in(content) {
			leak("the %s is in the %s", name, place)
		}
	}
	mayPass := []string{"prompt", "label", "answer", "error", "query", "custom header"}
	for place, content := range answers {
		for _, name := range m.in(content) {
			if name == "answer" || name == "error" {
				told++
			}
			if !slices.Contains(mayPass, name) {
				leak("the %s is in the %s", name, place)
			}
		}
	}
	received := 0
	for name, fake := range fakes {
		for _, got := range fake.Answered() {
			received++
			for _, mark := range m.in(fmt.Appendf(nil, "%v %s %s", got.Header, got.Path, got.Body)) {
				own := mark == name+" key" || name == "vertex" && mark == "access token" || name == "bedrock" && mark == "AWS session"
				if !own && !slices.Contains(mayPass, mark) {
					leak("%s got the %s: %s", name, mark, got.Path)
				}
			}
		}
		if fake.Calls() == 0 {
			t.Errorf("%s was not asked", name)
		}
	}
	if len(places["spans"]) == 0 || len(places["log"]) == 0 || !bytes.Contains(places["log"], []byte("no token")) || len(bad.asked) == 0 || told < 3*len(providerCanaries) {
		t.Error("the search finds nothing where something is")
	}
	fmt.Printf("FAULT privacy-canary-dialects requests=%d received=%d marks=%d places=%d leaks=%d RESULT %s\n", asked, received, len(m), len(places)+len(answers)+received, leaks,
		map[bool]string{true: "FAIL", false: "ok"}[t.Failed()])
}

// privateKey is a piece of the key in a service account's file.
func privateKey(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	var account struct {
		PrivateKey string `json:"private_key"`
	}
	if err == nil {
		err = json.Unmarshal(content, &account)
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(account.PrivateKey, "\n")[2]
}
