package proxy_test

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// trick is a request that tries to get past what one provider's table, dialect or dropped headers let through.
type trick struct {
	name, line string   // line is method and target; # stands for the key in it
	head       []string // further header lines
	body       string
	by         string    // whose key: "", cheap (may use only the models cheap and cheap-*) or short (10 output tokens)
	answer     [2]string // content type and body of the provider's answer
	want       outcome
}

// outcome is what must come of a trick: a refusal before the provider (status), a free answer, or an event.
type outcome struct {
	status int
	free   bool
	api    string
	model  string
	// charged is exact where it is not 0; an event always costs something.
	charged int64
	stream  bool
}

func refusedWith(status int) outcome      { return outcome{status: status} }
func charged(api, model string) outcome   { return outcome{api: api, model: model} }
func streaming(api, model string) outcome { return outcome{api: api, model: model, stream: true} }

// mirror is a provider that answers as the request's headers ask, and keeps what came.
type mirror struct {
	lock sync.Mutex
	seen map[string][]*http.Request // by trick
	sent map[string]string          // bodies
}

func (m *mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	name := r.Header.Get("X-Attack")
	m.lock.Lock()
	m.seen[name] = append(m.seen[name], r)
	m.sent[name] = string(body)
	m.lock.Unlock()
	answer, _ := base64.StdEncoding.DecodeString(r.Header.Get("X-Answer"))
	w.Header().Set("Content-Type", cmp.Or(r.Header.Get("X-Answer-Type"), "application/json"))
	w.Write([]byte(cmp.Or(string(answer), `{"ok":true}`)))
}

const (
	oneTurn  = `{"contents":[{"parts":[{"text":"Where is my order?"}]}]}`
	oneText  = `{"instances":[{"content":"Where is my order?"}]}`
	message  = `{"model":"m","max_tokens":5,"messages":[{"role":"user","content":"Where is my order?"}]}`
	flash    = "/gemini/v1beta/models/gemini-2.5-flash"
	inAcme   = "/vertex/v1/projects/acme/locations/global/publishers/google/models/"
	toMirror = "multipart/form-data; boundary=B"
)

func formOf(parts ...string) string {
	return "--B\r\n" + strings.Join(parts, "\r\n--B\r\n") + "\r\n--B--\r\n"
}

func fieldOf(params, text string) string {
	return "Content-Disposition: form-data; " + params + "\r\n\r\n" + text
}

// all gives many targets one outcome.
func all(kind, method, prefix, body string, want outcome, targets ...string) (tricks []trick) {
	for _, target := range targets {
		tricks = append(tricks, trick{name: kind + " " + target, line: method + " " + prefix + target, body: body, want: want})
	}
	return tricks
}

var pathTricks = slices.Concat(
	all("gemini", "POST", "", oneTurn, charged("generateContent", "gemini-2.5-flash"), flash+":generateContent", "/gemini//v1beta/models/gemini-2.5-flash:generateContent",
		"/gemini/v1alpha/models/gemini-2%2E5-flash:generateContent", "http://evil.example"+flash+":generateContent", "https://u:p@evil.example"+flash+":generateContent"),
	all("gemini", "POST", flash, oneTurn, refusedWith(404),
		"%3AgenerateContent", ":generate%43ontent", ":GenerateContent", ":generateContent/", ":generateContent.", ":generateContent;x=y", ":generateContent%20",
		":generateContent%00", ":countTokens:generateContent", ":generateContent:countTokens", "%3AgenerateContent:countTokens", "%2Fx:countTokens",
		":batchGenerateContent", ":predict", ":predictLongRunning", "", "/", "/operations/o-1:generateContent", "%2F..%2F..%2Ffiles:generateContent", "%5C:generateContent",
		"%FF:generateContent", "%C0%AE%C0%AE%C0%AF:generateContent", "%252F:generateContent", "%23:generateContent", ";v=1:generateContent", "/:generateContent"),
	all("gemini", "POST", "", oneTurn, refusedWith(404),
		"/gemini/v1beta//models/gemini-2.5-flash:generateContent", "/gemini/v1beta/models//gemini-2.5-flash:generateContent", "/gemini/./v1beta/models/m:generateContent",
		"/gemini/v1beta/../v1beta/models/m:generateContent", "/Gemini/v1beta/models/m:generateContent", "/gemini%2Fv1beta/models/m:generateContent",
		"/%67emini/v1beta/models/m:generateContent", "//gemini/v1beta/models/m:generateContent", "/gemini/v2/models/m:generateContent", "/gemini/v1beta/tunedModels/m:generateContent",
		"/gemini/v1beta/models/..:generateContent", "/gemini/v1beta/models/.:generateContent", "/gemini/v1beta/models/%2e%2e:generateContent",
		"/gemini/v1beta/models/:generateContent", "/gemini/upload/v1beta/files", "/gemini/v1beta/models/"+strings.Repeat("m", 3000)+":generateContent"),
	all("gemini", "GET", flash, "", refusedWith(404), ":generateContent", ":streamGenerateContent?alt=sse", "/operations/o", "%2Foperations%2Fo"),
	all("gemini", "post", flash, oneTurn, refusedWith(404), ":generateContent"),
	all("gemini", "PUT", flash, oneTurn, refusedWith(404), ":generateContent"),

	all("vertex", "POST", inAcme, oneTurn, charged("generateContent", "gemini-2.5-flash"), "gemini-2.5-flash:generateContent"),
	all("vertex", "POST", "/vertex/v1/", oneTurn, charged("generateContent", "m"), "projects/ac%6de/locations/x/publishers/google/models/m:generateContent", "publishers/google/models/m:generateContent"),
	all("vertex", "POST", "/vertex/v1/", oneTurn, refusedWith(404),
		"projects/other/locations/x/publishers/google/models/m:generateContent", "projects/Acme/locations/x/publishers/google/models/m:generateContent",
		"projects/acme%2F..%2Fother/locations/x/publishers/google/models/m:generateContent", "projects/acme/../other/locations/x/publishers/google/models/m:generateContent",
		"projects/acme;x/locations/x/publishers/google/models/m:generateContent", "projects//locations/x/publishers/google/models/m:generateContent",
		"projects/acme/locations/x%2Fy/publishers/google/models/m:generateContent", "projects/acme/locations/x/publishers/meta/models/m:rawPredict",
		"projects/acme/locations/x/endpoints/e-1:predict", "projects/acme/locations/x/publishers/google/models/m:rawPredict",
		"projects/acme/locations/x/publishers/anthropic/models/count-tokens%3ArawPredict", "projects/acme/locations/x/publishers/anthropic/models/m:predict"),
	all("vertex", "POST", inAcme, `{"instances":[{"prompt":"a bicycle"}]}`, refusedWith(404), "imagen-4.0-generate-001:predict", "lyria-002:predict", "veo-3:predict",
		"imagen-4%2Fembedding:predict", "imagen-4:predict:predict"),
	all("vertex", "POST", inAcme, oneText, charged("predict", "text-embedding-005"), "text-embedding-005:predict"),
	all("vertex", "POST", "/vertex/v1/projects/acme/locations/x/publishers/anthropic/models/", message, charged("messages", "claude-haiku-4-5@20251001"), "claude-haiku-4-5%4020251001:rawPredict"),
	all("vertex", "POST", "/vertex/v1/projects/acme/locations/x/publishers/anthropic/models/", message, outcome{free: true}, "count-tokens:rawPredict"),
	all("vertex", "POST", "/vertex/v1/projects/acme/locations/x/publishers/anthropic/models/", message, charged("messages", "Count-tokens"), "Count-tokens:rawPredict"),

	all("bedrock", "POST", "/bedrock/model/", `{"messages":[]}`, charged("converse", "arn:aws:bedrock:eu-central-1:1:inference-profile/eu.claude:0"),
		"arn%3Aaws%3Abedrock%3Aeu-central-1%3A1%3Ainference-profile%2Feu.claude%3A0/converse", "arn:aws:bedrock:eu-central-1:1:inference-profile%2Feu.claude:0/converse"),
	all("bedrock", "POST", "/bedrock/model/", `{"messages":[]}`, refusedWith(404),
		"arn:aws:bedrock:eu-central-1:1:inference-profile/eu.claude:0/converse", "m/converse/", "m/Converse", "m/converse%00", "m/converse;x", "m//converse", "/converse", "../converse",
		"%2e%2e/converse", "a%2F..%2Fb/converse", "a%2F%2Fb/converse", "a%252Fb/converse", "a%5Cb/converse", "m/invoke/../converse", "m/async-invoke", "m/invoke-with-bidirectional-stream",
		"m;n/invoke", "m%3Bn/invoke", "m%3Fx/invoke", "m%23/invoke"),
	all("bedrock", "GET", "/bedrock/", "", refusedWith(404), "model/m/converse", "async-invoke", "foundation-models"),

	all("azure", "POST", "/azure-openai/openai/deployments/", message, charged("chat.completions", "gpt-5"), "gpt-5/chat/completions?api-version=2024-10-21", "gpt%2D5/chat/completions",
		"gpt-5/chat/completions?api-version=2023-05-15&api-version=2024-10-21", "gpt-5/chat/completions?API-VERSION=2024-10-21"),
	all("azure", "POST", "/azure-openai", message, charged("chat.completions", "gpt-5"), "//openai/deployments/gpt-5/chat/completions"),
	all("azure", "POST", "/azure-openai/openai/", message, refusedWith(404), "deployments/a%2Fb/chat/completions", "deployments/a%3Ab/chat/completions", "deployments/./chat/completions",
		"deployments//chat/completions", "deployments/d/chat/completions%2F..%2Fbatch", "deployments/d/chat/completions/", "deployments/d/extensions/chat/completions", "deployments/d/Chat/completions",
		"Deployments/d/chat/completions", "deployments/d/audio/speech", "threads", "v1/files", "deployments/d/batch", "deployments"),

	all("huggingface", "POST", "/huggingface/", message, charged("chat.completions", "m"), "together/v1/chat/completions", "v1/chat/completions"),
	all("huggingface", "POST", "/huggingface/", message, refusedWith(404), "a%2Fb/v1/chat/completions", "../v1/chat/completions", "%2e%2e/v1/chat/completions", "a/b/v1/chat/completions",
		"a:b/v1/chat/completions", "together/v1/files", "hf-inference/models/m", "together/v1/chat/completions/", "a;b/v1/chat/completions", "together/v1/embeddings"),
	all("openrouter", "GET", "/openrouter/api/v1/", "", outcome{free: true}, "models/openai/gpt-5/endpoints", "models/openai/gpt-5%3Afree/endpoints", "models"),
	all("openrouter", "GET", "/openrouter/api/v1/", "", refusedWith(404), "models/a%2Fb/c/endpoints", "models/../keys/endpoints", "models/a/endpoints", "generation?id=g-1", "keys", "key", "credits",
		"models/a/b/c/endpoints", "models/a/b/endpoints/"),
	all("anthropic", "POST", "/anthropic/v1/", message, refusedWith(404), "messages/", "messages.", "Messages", "messages/batches", "messages%2Fcount_tokens", "messages;beta", "complete", "messages//count_tokens"),
	all("anthropic", "POST", "/anthropic/v1/", message, charged("messages", "m"), "messages", "messages?beta=true"),
	all("cohere", "POST", "/cohere/", `{"model":"m"}`, refusedWith(404), "v2/chat/", "v2/batches", "v1/embed-jobs", "v1/classify", "v3/chat", "v2/Chat", "v2/generate"),
	all("ollama", "POST", "/ollama/api/", `{"model":"m"}`, refusedWith(404), "pull", "push", "create", "delete", "chat/", "Chat", "blobs/sha256:0", "web_search", "../api/chat"),
	all("watsonx", "POST", "/watsonx/ml/v1/", `{"model_id":"m","input":"Hello"}`, refusedWith(404), "deployments/a%2Fb/text/generation", "deployments/../text/generation",
		"text/generation/", "text/extractions", "deployments//text/generation", "Text/generation"),
)

// queryTricks are parameters of queries, at Gemini where nothing else is said.
var queryTricks = slices.Concat(
	all("query", "POST", flash+":generateContent?", oneTurn, refusedWith(404),
		"alt=proto", "alt=media", "$alt=proto", "%24alt=proto", "ALT=proto", "al%74=proto", "alt=%70roto", "alt=sse&alt=proto", "alt=json;alt=proto", "alt=atom",
		"fields=candidates", "$fields=candidates", "%24fields=usageMetadata.promptTokenCount", "f%69elds=a", "a=1;fields=b", "callback=f", "$callback=f", "$req=e30", "$ct=a", "%24req=e30",
		"$userProject=other", "userProject=other", "$httpMethod=GET", "%24httpHeaders=a%3Ab", "$HTTPMETHOD=DELETE", "x;$httpmethod=DELETE"),
	all("query", "POST", flash+":generateContent?", oneTurn, charged("generateContent", "gemini-2.5-flash"),
		"alt=json", "$alt=json;enum-encoding=int", "%24alt=json%3Benum-encoding%3Dint", "prettyPrint=false", "$prettyPrint=true", "$.xgafv=1", "alt=", "a=fields=b&b=$httpMethod"),
	all("query", "POST", flash+":streamGenerateContent?", oneTurn, streaming("generateContent", "gemini-2.5-flash"), "alt=sse", "", "$alt=sse", "alt=sse&alt=json"),
	all("query", "POST", flash+":streamGenerateContent?", oneTurn, refusedWith(404), "alt=proto", "alt=sse&callback=f"),
	all("query", "GET", "/gemini/v1beta/models?", "", outcome{free: true}, "fields=models.name", "alt=proto", "pageSize=5"),
	all("query", "GET", "/gemini/v1beta/models?", "", refusedWith(404), "$httpMethod=DELETE", "%24userProject=other", "$req=e30"),
	all("query", "POST", "/vertex/v1/publishers/google/models/m:generateContent?", oneTurn, refusedWith(404), "alt=proto", "$fields=candidates"),
	[]trick{
		{name: "key in the query", line: "POST " + flash + ":generateContent?key=#&alt=json", by: "none", body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
		{name: "key in a hidden name", line: "POST " + flash + ":generateContent?%6bey=#", by: "none", body: oneTurn, want: refusedWith(401)},
		{name: "key in the query elsewhere", line: "POST /anthropic/v1/messages?key=#", by: "none", body: message, want: refusedWith(401)},
		{name: "key and name", line: "POST " + flash + ":generateContent?a=1&%6bey=#&k=Bearer+#;x=#", body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
		{name: "keys of others", line: "POST " + flash + ":generateContent?key=AIzaOther&key=#", body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
	},
)

// headerTricks are headers that change what is done, for whom, or how the answer looks.
var headerTricks = []trick{
	{name: "field mask", line: "POST " + flash + ":generateContent", head: []string{"X-Goog-FieldMask: candidates", "X_Goog_FieldMask: candidates"}, body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
	{name: "another project", line: "POST " + flash + ":generateContent", head: []string{"X-Goog-User-Project: other", "X-Goog-Encode-Response-If-Executable: base64"}, body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
	{name: "another method", line: "POST " + flash + ":generateContent", head: []string{"X-HTTP-Method-Override: GET"}, body: oneTurn, want: charged("generateContent", "gemini-2.5-flash")},
	{name: "another payer", line: "POST /huggingface/v1/chat/completions", head: []string{"X-HF-Bill-To: other"}, body: message, want: charged("chat.completions", "m")},
	{name: "another workspace", line: "POST /alibaba/compatible-mode/v1/chat/completions", head: []string{"X-DashScope-WorkSpace: other"}, body: message, want: charged("chat.completions", "m")},
	{name: "a client's signature", line: "POST /bedrock/model/m/converse", by: "none", head: []string{"Authorization: AWS4-HMAC-SHA256 Credential=#/20261125/us-east-1/bedrock/aws4_request, Signature=00"}, body: `{}`, want: refusedWith(401)},
	{name: "a signature beside", line: "POST /bedrock/model/m/converse?X-Amz-Signature=00", head: []string{"X-Amz-Security-Token: other", "X-Amz-Date: 20261125T000000Z"}, body: `{}`, want: charged("converse", "m")},
	{name: "another API's credential", line: "POST /anthropic/v1/messages", head: []string{"X-Goog-Api-Key: AIzaOther", "Api-Key: other", "X-Api-Key: sk-ant-other"}, body: message, want: charged("messages", "m")},
	{name: "two types", line: "POST /openai/v1/audio/transcriptions", head: []string{"Content-Type: " + toMirror, "Content-Type: multipart/form-data; boundary=C"},
		body: formOf(fieldOf(`name="model"`, "cheap")), want: refusedWith(400)},
	{name: "UTF-7", line: "POST /mistral/v1/chat/completions", by: "cheap", head: []string{"Content-Type: application/json; charset=utf-7"},
		body: `{"model":"cheap","x":"+ACI-,+ACI-model+ACI-:+ACI-dear"}`, want: refusedWith(400)},
	{name: "later, by a header", line: "POST /alibaba/compatible-mode/v1/chat/completions", head: []string{"X-DashScope-Async: enable", "Prefer: respond-async"}, body: message, want: charged("chat.completions", "m")},
	{name: "a part of the answer", line: "POST /anthropic/v1/messages", head: []string{"Range: bytes=0-9", "If-Range: x"}, body: message, want: charged("messages", "m")},
	{name: "compressed", line: "POST /anthropic/v1/messages", head: []string{"Content-Encoding: gzip"}, body: message, want: refusedWith(415)},

	{name: "lines", line: "POST /cohere/v1/chat", body: `{"model":"m","stream":true,"message":"Hi"}`, answer: [2]string{"application/stream+json", cohereLines}, want: outcome{api: "chat", model: "m", stream: true, charged: 17}},
	{name: "events for lines", line: "POST /cohere/v1/chat", head: []string{"Accept: text/event-stream"}, body: `{"model":"m","stream":true,"message":"Hi"}`,
		answer: [2]string{"text/event-stream", "data: " + strings.ReplaceAll(cohereLines, "\n", "\n\ndata: ")}, want: outcome{api: "chat", model: "m", stream: true, charged: 17}},
	{name: "a picture for JSON", line: "POST /bedrock/model/m/invoke", head: []string{"Accept: image/png"}, body: `{"prompt":"a bicycle"}`, answer: [2]string{"image/png", "\x89PNG\r\n"}, want: outcome{api: "invoke", model: "m", charged: 1000}},
	{name: "protobuf for JSON", line: "POST " + flash + ":generateContent", head: []string{"Accept: application/x-protobuf"}, body: oneTurn, answer: [2]string{"application/x-protobuf", strings.Repeat("\x0a\x02Hi", 100)},
		want: outcome{api: "generateContent", model: "gemini-2.5-flash", charged: int64(len(oneTurn)+3)/4 + 100}},
	{name: "a script for JSON", line: "POST " + flash + ":streamGenerateContent", body: oneTurn, answer: [2]string{"text/javascript", "f(" + strings.Repeat(" ", 398) + ")"},
		want: outcome{api: "generateContent", model: "gemini-2.5-flash", stream: true, charged: int64(len(oneTurn)+3)/4 + 101}},
	{name: "text like JSON", line: "POST /openai/v1/audio/transcriptions", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="model"`, "cheap"), fieldOf(`name="response_format"`, "text")),
		answer: [2]string{"text/plain", "[Music] " + strings.Repeat("word", 100)}, want: outcome{api: "audio.transcriptions", model: "cheap", charged: (int64(len(formOf(fieldOf(`name="model"`, "cheap"), fieldOf(`name="response_format"`, "text"))))+3)/4 + 102}},
	{name: "text without its tokens", line: "POST " + flash + ":generateContent", body: oneTurn,
		answer: [2]string{"application/json", `{"candidates":[{"content":{"parts":[{"text":"` + strings.Repeat("word", 100) + `"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12}}`},
		want:   outcome{api: "generateContent", model: "gemini-2.5-flash", charged: 112}},
	{name: "lines unasked", line: "POST /ollama/api/chat", body: `{"model":"m","stream":null,"messages":[]}`, answer: [2]string{"application/x-ndjson", `{"message":{"content":"a"},"done":false}` + "\n" + `{"done":true,"prompt_eval_count":3,"eval_count":4}` + "\n"},
		want: outcome{api: "chat", model: "m", stream: true, charged: 7}},
}

const cohereLines = `{"event_type":"text-generation","text":"Hi"}` + "\n" +
	`{"event_type":"stream-end","finish_reason":"COMPLETE","response":{"meta":{"tokens":{"input_tokens":12,"output_tokens":5}}}}`

// bodyTricks say one thing to one reader and another to the next, or something else than the path.
var bodyTricks = slices.Concat(
	all("alias", "POST", flash+":generateContent?", `{"generationConfig":{"maxOutputTokens":5},"generation_config":{"maxOutputTokens":5000}}`, refusedWith(400), ""),
	[]trick{
		{name: "alias inside", line: "POST " + flash + ":generateContent", body: `{"generationConfig":{"maxOutputTokens":5,"max_output_tokens":5000}}`, want: refusedWith(400)},
		{name: "choices by alias", line: "POST " + flash + ":generateContent", body: `{"generation_config":{"candidateCount":1,"candidate_count":8}}`, want: refusedWith(400)},
		{name: "config in capitals", line: "POST " + flash + ":generateContent", body: `{"GenerationConfig":{"maxOutputTokens":5000},"generationConfig":{"maxOutputTokens":5}}`, want: refusedWith(400)},
		{name: "contents twice", line: "POST " + flash + ":generateContent", body: `{"contents":[],"contents":[{"parts":[{"text":"Hi"}]}]}`, want: refusedWith(400)},
		{name: "model of the body", line: "POST " + flash + ":generateContent", body: `{"model":"models/gemini-2.5-pro","contents":[]}`, want: charged("generateContent", "gemini-2.5-flash")},
		{name: "no stream in a stream's path", line: "POST " + flash + ":streamGenerateContent", body: `{"stream":false,"contents":[]}`, want: streaming("generateContent", "gemini-2.5-flash")},
		{name: "limit twice", line: "POST /bedrock/model/m/converse", body: `{"inferenceConfig":{"maxTokens":5,"maxTokens":5000}}`, want: refusedWith(400)},
		{name: "limits twice", line: "POST /bedrock/model/m/converse", body: `{"inferenceConfig":{"maxTokens":5},"inferenceConfig":{}}`, want: refusedWith(400)},
		{name: "model of Claude's body", line: "POST /vertex/v1/projects/acme/locations/x/publishers/anthropic/models/cheap-1:streamRawPredict", by: "cheap", body: strings.Replace(message, `"m"`, `"dear"`, 1), want: charged("messages", "cheap-1")},
		{name: "stream of embeddings", line: "POST /openai/v1/embeddings", body: `{"model":"m","stream":true,"input":"Hello"}`, want: streaming("embeddings", "m")},
		{name: "stream of ollama's embeddings", line: "POST /ollama/api/embed", body: `{"model":"m","stream":true,"input":"Hello"}`, want: charged("embed", "m")},
		{name: "ollama streams unasked", line: "POST /ollama/api/generate", body: `{"model":"m","prompt":"Hello"}`, want: streaming("generate", "m")},
		{name: "ollama's flag in capitals", line: "POST /ollama/api/generate", body: `{"model":"m","Stream":true,"stream":false}`, want: refusedWith(400)},
		{name: "ollama's flag with a long s", line: "POST /ollama/api/generate", body: `{"model":"m","ſtream":true,"stream":false}`, want: refusedWith(400)},
		{name: "ollama's model twice", line: "POST /ollama/api/chat", body: `{"model":"cheap","MODEL":"dear"}`, want: refusedWith(400)},
		{name: "model as a list", line: "POST /anthropic/v1/messages", body: `{"model":["m"]}`, want: refusedWith(400)},
		{name: "NUL in a model", line: "POST /anthropic/v1/messages", body: `{"model":"a\u0000b"}`, want: refusedWith(400)},
		{name: "comment in JSON", line: "POST " + flash + ":generateContent", body: `{"contents":[] /* x */}`, want: refusedWith(400)},
		{name: "two values", line: "POST /cohere/v2/chat", body: `{"model":"cheap"}{"model":"dear"}`, want: refusedWith(400)},
		{name: "byte order mark", line: "POST /cohere/v2/chat", body: "\xef\xbb\xbf" + `{"model":"cheap"}`, want: refusedWith(400)},
		{name: "list of requests", line: "POST /cohere/v2/chat", body: `[{"model":"cheap"}]`, want: refusedWith(400)},
		{name: "later, in the background", line: "POST /azure-openai/openai/v1/responses", body: `{"model":"m","background":true}`, want: refusedWith(404)},
		{name: "later, at OpenRouter", line: "POST /openrouter/api/v1/responses", body: `{"model":"m","b\u0061ckground":true}`, want: refusedWith(404)},
		{name: "later, at xAI", line: "POST /xai/v1/chat/completions", body: `{"model":"m","deferred":true}`, want: refusedWith(404)},
		{name: "form of a chat", line: "POST /mistral/v1/chat/completions", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="model"`, "m")), want: refusedWith(400)},
		{name: "form of a message", line: "POST /anthropic/v1/messages", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="model"`, "m")), want: refusedWith(400)},
		{name: "JSON called a form", line: "POST /mistral/v1/chat/completions", head: []string{"Content-Type: " + toMirror}, body: message, want: charged("chat.completions", "m")},
		{name: "form called JSON", line: "POST /openai/v1/audio/transcriptions", body: formOf(fieldOf(`name="model"`, "m")), want: refusedWith(400)},
		{name: "JSON for sound", line: "POST /openrouter/api/v1/audio/transcriptions", body: `{"model":"m","input_audio":{"data":"AAAA"}}`, want: charged("audio.transcriptions", "m")},
	},
	inForms("model as a file", formOf(fieldOf(`name="model"; filename="a"`, "dear"), fieldOf(`name="model"`, "cheap"))),
	inForms("model twice", formOf(fieldOf(`name="model"`, "cheap"), fieldOf(`name="model"`, "dear"))),
	inForms("model encoded", formOf("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: base64\r\n\r\nZGVhcg==")),
	inForms("no end", strings.TrimSuffix(formOf(fieldOf(`name="model"`, "cheap")), "--\r\n")),
	inForms("form behind the form", formOf(fieldOf(`name="model"`, "cheap"))+formOf(fieldOf(`name="model"`, "dear"))),
	inForms("form in a form", formOf("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: multipart/mixed; boundary=C\r\nContent-Transfer-Encoding: 7bit\r\n x: y\r\n\r\n--C\r\n\r\ndear\r\n--C--")),
)

func inForms(name, body string) (tricks []trick) {
	for _, path := range []string{"/openai/v1/audio/transcriptions", "/openai/v1/images/edits", "/groq/openai/v1/audio/transcriptions", "/azure-openai/openai/deployments/cheap/audio/transcriptions"} {
		tricks = append(tricks, trick{name: name + " at " + path, line: "POST " + path, head: []string{"Content-Type: " + toMirror}, body: body, want: refusedWith(400)})
	}
	return tricks
}

// keyTricks try to get past what a key may use.
var keyTricks = []trick{
	{name: "dear in the body", line: "POST /mistral/v1/chat/completions", by: "cheap", body: `{"model":"dear"}`, want: refusedWith(403)},
	{name: "dear in the path", line: "POST /gemini/v1beta/models/dear:generateContent", by: "cheap", body: `{"model":"cheap","contents":[]}`, want: refusedWith(403)},
	{name: "dear in the path, escaped", line: "POST /gemini/v1beta/models/d%65ar:generateContent", by: "cheap", body: oneTurn, want: refusedWith(403)},
	{name: "cheap in the path, escaped", line: "POST /gemini/v1beta/models/ch%65ap:generateContent", by: "cheap", body: oneTurn, want: charged("generateContent", "cheap")},
	{name: "dear deployment", line: "POST /azure-openai/openai/deployments/dear/chat/completions", by: "cheap", body: `{"model":"cheap"}`, want: refusedWith(403)},
	{name: "cheap deployment", line: "POST /azure-openai/openai/deployments/cheap/chat/completions", by: "cheap", body: `{"model":"dear"}`, want: charged("chat.completions", "cheap")},
	{name: "dear by ARN", line: "POST /bedrock/model/arn%3Aaws%3Abedrock%3Ax%3A1%3Ainference-profile%2Fcheap/converse", by: "cheap", body: `{}`, want: refusedWith(403)},
	{name: "dear in a form", line: "POST /openai/v1/audio/transcriptions", by: "cheap", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="model"`, "dear")), want: refusedWith(403)},
	{name: "cheap in a form", line: "POST /openai/v1/audio/transcriptions", by: "cheap", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="model"`, "cheap"), fieldOf(`name="file"; filename="a"`, "dear")), want: charged("audio.transcriptions", "cheap")},
	{name: "none in a form", line: "POST /openai/v1/audio/transcriptions", by: "cheap", head: []string{"Content-Type: " + toMirror}, body: formOf(fieldOf(`name="prompt"`, "cheap")), want: refusedWith(403)},
	{name: "dear at watsonx", line: "POST /watsonx/ml/v1/text/chat", by: "cheap", body: `{"model":"cheap","model_id":"dear"}`, want: refusedWith(403)},
	{name: "deployment at watsonx", line: "POST /watsonx/ml/v1/deployments/dear/text/chat", by: "cheap", body: `{"model_id":"cheap"}`, want: refusedWith(403)},
	{name: "dear in reserve", line: "POST /openrouter/api/v1/chat/completions", by: "cheap", body: `{"model":"cheap","models":["dear"]}`, want: refusedWith(403)},
	{name: "dear alone in reserve", line: "POST /openrouter/api/v1/chat/completions", by: "cheap", body: `{"model":"cheap","models":["cheap-1","dear"],"route":"fallback"}`, want: refusedWith(403)},
	{name: "dear in reserve at Perplexity", line: "POST /perplexity/v1/agent", by: "cheap", body: `{"model":"cheap","m\u006fdels":["dear"]}`, want: refusedWith(403)},
	{name: "dear in reserve at OpenRouter's messages", line: "POST /openrouter/api/v1/messages", by: "cheap", body: `{"model":"cheap","models":["dear"]}`, want: refusedWith(403)},
	{name: "cheap in reserve", line: "POST /openrouter/api/v1/chat/completions", by: "cheap", body: `{"model":"cheap","models":["cheap-1"]}`, want: charged("chat.completions", "cheap")},
	{name: "dear by a router", line: "POST /vertex/v1/publishers/google/models/cheap:generateContent", by: "cheap", body: `{"contents":[],"generation_config":{"routingConfig":{"manual_mode":{"modelName":"dear"}}}}`, want: refusedWith(403)},
	{name: "dear advisor", line: "POST /anthropic/v1/messages", by: "cheap", body: `{"model":"cheap","max_tokens":5,"messages":[],"tools":[{"type":"advisor_20260301","name":"advisor","model":"dear"}]}`, want: refusedWith(403)},
	{name: "free of another model", line: "POST /gemini/v1beta/models/dear:countTokens", by: "cheap", body: oneTurn, want: refusedWith(403)},

	{name: "no limit where none can be told", line: "POST /bedrock/model/m/invoke", by: "short", body: `{"prompt":"Hi"}`, want: refusedWith(403)},
	{name: "another limit where none can be told", line: "POST /bedrock/model/m/invoke-with-response-stream", by: "short", body: `{"max_tokens":5,"max_gen_len":500}`, want: refusedWith(403)},
	{name: "a limit that is low enough", line: "POST /bedrock/model/m/invoke", by: "short", body: `{"max_tokens":5}`, want: charged("invoke", "m")},
	{name: "a compaction without a limit", line: "POST /openai/v1/responses/compact", by: "short", body: `{"model":"m","input":"Hi"}`, want: refusedWith(403)},
}

// TestTricksOnProviders plays each trick over a connection of its own. What it does not refuse must have reached the
// provider once, unbent and with the operator's credential alone, and stand in the books at a price.
func TestTricksOnProviders(t *testing.T) {
	m := &mirror{seen: map[string][]*http.Request{}, sent: map[string]string{}}
	upstream := httptest.NewServer(m)
	t.Cleanup(upstream.Close)
	r := newRig(t, func(set *proxy.Settings, s *provider.Settings) {
		set.Units.Image = 1000
		for name := range provider.Rows {
			entry := *s
			entry.Name, entry.API, entry.BaseURL, entry.Project = name, name, upstream.URL, "acme"
			p, err := provider.New(entry)
			must(t, err)
			set.Providers[name] = p
		}
		s.BaseURL = upstream.URL
	})
	secrets, accounts := map[string]string{"none": ""}, map[string]string{}
	for name, change := range map[string]func(*accounting.Account, *policy.Key){
		"":      nil,
		"cheap": func(_ *accounting.Account, k *policy.Key) { k.Models = []string{"cheap", "cheap-*"} },
		"short": func(_ *accounting.Account, k *policy.Key) { k.MaxOutputTokens = new(int64(10)) },
	} {
		accounts[name], secrets[name] = r.account(1<<40, change)
	}
	tricks := slices.Concat(pathTricks, queryTricks, headerTricks, bodyTricks, keyTricks)
	statuses := make([][]int, len(tricks))
	var crowd errgroup.Group
	crowd.SetLimit(24)
	for i := range tricks {
		crowd.Go(func() error {
			statuses[i] = sendRaw(t, strings.TrimPrefix(r.server.URL, "http://"), tricks[i].raw(i, secrets), false)
			return nil
		})
	}
	must(t, crowd.Wait())
	events := map[string][]accounting.Event{}
	for _, account := range accounts {
		for _, e := range r.events(account) {
			events[e.User] = append(events[e.User], e)
		}
	}
	forwarded, problems := 0, 0
	for i, trick := range tricks {
		id := fmt.Sprint("t", i)
		seen := m.seen[id]
		forwarded += len(seen)
		for _, problem := range trick.judge(statuses[i], seen, m.sent[id], events[id], slices.Collect(maps.Values(secrets))) {
			problems++
			t.Errorf("%s: %s", trick.name, clipped(problem))
		}
		delete(m.seen, id)
	}
	if len(m.seen) > 0 {
		t.Errorf("%d requests at the provider of no trick's", len(m.seen))
	}
	for _, account := range accounts {
		if v := r.mustView(account); v.Held != 0 {
			t.Errorf("%d tokens are held", v.Held)
		}
	}
	fmt.Printf("FAULT provider-tricks tricks=%d forwarded=%d forwarded_bad=%d RESULT %s\n", len(tricks), forwarded, problems, map[bool]string{true: "FAIL", false: "ok"}[t.Failed()])
}

// raw is the trick on the wire.
func (k trick) raw(i int, secrets map[string]string) string {
	secret := secrets[k.by]
	key := cmp.Or(secret, secrets[""])
	lines := []string{strings.ReplaceAll(k.line, "#", key) + " HTTP/1.1", "Host: gateway", fmt.Sprint("X-Attack: t", i), fmt.Sprint("X-Tollgate-User: t", i), "Connection: close"}
	if secret != "" {
		lines = append(lines, "Authorization: Bearer "+secret)
	}
	for _, line := range k.head {
		lines = append(lines, strings.ReplaceAll(line, "#", key))
	}
	if k.body != "" {
		lines = append(lines, fmt.Sprint("Content-Length: ", len(k.body)))
	}
	if k.answer[0] != "" {
		lines = append(lines, "X-Answer-Type: "+k.answer[0], "X-Answer: "+base64.StdEncoding.EncodeToString([]byte(k.answer[1])))
	}
	return strings.Join(lines, "\r\n") + "\r\n\r\n" + k.body
}

// judge says what of the trick's outcome is not as it must be.
func (k trick) judge(statuses []int, seen []*http.Request, body string, events []accounting.Event, secrets []string) (problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	want := cmp.Or(k.want.status, http.StatusOK)
	if len(statuses) != 1 || statuses[0] != want {
		bad("answered %v, want %d", statuses, want)
	}
	passes, booked := 1, 1
	if k.want.status != 0 {
		passes, booked = 0, 0
	} else if k.want.free {
		booked = 0
	}
	if len(seen) != passes || len(events) != booked {
		bad("%d requests at the provider and %d events, want %d and %d", len(seen), len(events), passes, booked)
		return problems
	}
	for _, e := range events {
		if e.API != k.want.api || e.RequestedModel != k.want.model || e.Stream != k.want.stream || e.Charged.Total == 0 ||
			k.want.charged != 0 && e.Charged.Total != k.want.charged {
			bad("event of %s, %q, stream %v, charged %d (%s), want %+v", e.API, e.RequestedModel, e.Stream, e.Charged.Total, e.Measured, k.want)
		}
	}
	for _, r := range seen {
		problems = append(problems, k.judgeForwarded(r, body, secrets)...)
	}
	return problems
}

// judgeForwarded holds what reached the provider against what was sent.
func (k trick) judgeForwarded(r *http.Request, body string, secrets []string) (problems []string) {
	method, target, _ := strings.Cut(k.line, " ")
	if _, rest, ok := strings.Cut(target, "://"); ok {
		target = rest[strings.IndexByte(rest, '/'):]
	}
	path, _, _ := strings.Cut(target, "?")
	sent, _, _ := strings.Cut(r.RequestURI, "?")
	if r.Method != method || !strings.HasSuffix(strings.ReplaceAll(path, "//", "/"), sent) || strings.Count(sent, "/") != strings.Count(strings.ReplaceAll(path, "//", "/"), "/")-1 {
		problems = append(problems, fmt.Sprintf("the provider got %s %s", r.Method, r.RequestURI))
	}
	whole := fmt.Sprint(r.RequestURI, r.Header, body)
	for _, secret := range secrets {
		if secret != "" && strings.Contains(whole, secret[3:]) {
			problems = append(problems, "the gateway's key reached the provider")
		}
	}
	shown := 0
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		for _, v := range r.Header[name] {
			if shown++; strings.TrimPrefix(v, "Bearer ") != providerKey {
				problems = append(problems, name+": "+v)
			}
		}
	}
	if shown != 1 {
		problems = append(problems, fmt.Sprintf("%d credentials reached the provider", shown))
	}
	for _, name := range []string{"X-Goog-Fieldmask", "X_goog_fieldmask", "X-Goog-User-Project", "X-Goog-Encode-Response-If-Executable", "X-Http-Method-Override",
		"X-Hf-Bill-To", "X-Dashscope-Workspace", "X-Dashscope-Async", "Prefer", "Range", "If-Range", "X-Amz-Security-Token", "X-Tollgate-User", "Cookie"} {
		if v := r.Header.Values(name); v != nil {
			problems = append(problems, fmt.Sprintf("%s: %q reached the provider", name, v))
		}
	}
	return problems
}
