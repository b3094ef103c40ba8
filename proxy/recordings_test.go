package proxy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// recordings are real exchanges; they are data beside the repository and no part of it.
const recordings = "../../shared/recordings"

// recording is one exchange with what a correct meter reads of it.
type recording struct {
	name        string
	provider    string // the entry that it is played through
	method      string
	path        string // behind the provider's name
	contentType string
	request     []byte
	status      int
	header      http.Header
	body, wire  []byte // wire: as it came compressed; nil: it did not
	want        struct {
		API       string
		HasUsage  bool   `json:"has_usage"`
		HasCounts bool   `json:"has_token_counts"`
		Input     *int64 `json:"input_tokens_total"`
		Output    *int64 `json:"output_tokens_total"`
		Cached    *int64 `json:"cached_input_tokens"`
		Written   *int64 `json:"cache_creation_tokens"`
		Reason    *int64 `json:"reasoning_tokens"`
		Note      string `json:"metering_note"`
		Other     struct {
			Iterations map[string]int64 `json:"iterations_sum"`
		}
	}
}

// playedAs are recorded servers that gateway.yaml knows by another name or doesn't know: how each speaks, and what of its
// recorded paths belongs into base_url.
var playedAs = map[string]struct{ api, base string }{
	"azure-realtime": {"azure-openai", ""}, "gemini-live": {"gemini", ""}, "openai-realtime": {"openai", ""}, "xai-realtime": {"xai", ""},
	"crusoe": {"openai", ""}, "gpustack": {"openai", ""}, "litellm-proxy": {"openai", ""}, "lmstudio": {"openai", ""},
	"snowflake":                  {"openai", "/api/v2/cortex"},
	"ollama-cloud":               {"ollama", ""},
	"pydantic-gateway.anthropic": {"anthropic", "/anthropic"}, "pydantic-gateway.bedrock": {"bedrock", "/bedrock"},
	"pydantic-gateway.gemini": {"vertex", "/google-vertex"}, "pydantic-gateway.openai-chat": {"groq", "/groq"},
	"pydantic-gateway.openai-responses": {"openai", "/openai"},
}

// unpathed are the paths of exchanges of which only the answer was recorded.
var unpathed = map[string]string{
	"alibaba.openai-chat": "/compatible-mode/v1/chat/completions", "anthropic.anthropic-messages": "/v1/messages",
	"cerebras.openai-chat": "/v1/chat/completions", "cohere.cohere-v2-embed": "/v2/embed", "deepseek.openai-chat": "/chat/completions",
	"groq.openai-chat": "/openai/v1/chat/completions", "lmstudio.openai-responses": "/v1/responses",
	"openai.images": "/v1/images/generations", "openai.openai-responses": "/v1/responses",
	"voyage.embeddings": "/v1/embeddings", "xai.openai-chat": "/v1/chat/completions",
	"azure-realtime.realtime-ws": "/openai/v1/realtime?model=m", "openai-realtime.realtime-ws": "/v1/realtime?model=m",
	"gemini-live.realtime-ws":  "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent",
	"xai-realtime.realtime-ws": "/v1/realtime?model=m",
}

func readRecording(t *testing.T, name string) recording {
	t.Helper()
	r := recording{name: name, header: http.Header{}}
	var request struct {
		Method, Path string
		Headers      [][2]string
		Body         json.RawMessage
		BodyText     string `json:"body_text"`
	}
	readJSON(t, name, "request.json", &request)
	readJSON(t, name, "expected.json", &r.want)
	r.method, r.path, r.request, r.contentType = request.Method, request.Path, request.Body, "application/json"
	r.located(t)
	switch {
	case strings.Contains(name, ".realtime-ws."): // what comes after the upgrade is of no matter
		return r
	case strings.HasPrefix(request.BodyText, "{"):
		r.request = []byte(request.BodyText)
	case request.BodyText != "":
		r.form()
	case request.Path == "":
		r.request = fmt.Appendf(nil, `{"model":"m","messages":[],"stream":%t}`, strings.Contains(name, ".sse."))
	}
	var head struct {
		Status  int
		Headers [][2]string
	}
	readJSON(t, name, "response.headers.json", &head)
	var err error
	r.body, err = os.ReadFile(filepath.Join(recordings, name, "response.body"))
	must(t, err)
	r.wire, err = os.ReadFile(filepath.Join(recordings, name, "response.wire.gz"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	r.status = head.Status
	for _, h := range head.Headers {
		switch http.CanonicalHeaderKey(h[0]) {
		case "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive", "Trailer":
		default:
			r.header.Add(h[0], h[1])
		}
	}
	return r
}

func readJSON(t *testing.T, name, file string, into any) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(recordings, name, file))
	must(t, err)
	must(t, json.Unmarshal(b, into))
}

// located finds the entry that the exchange is played through, and its path there.
func (r *recording) located(t *testing.T) {
	t.Helper()
	server, rest, _ := strings.Cut(r.name, ".")
	api, _, _ := strings.Cut(rest, ".")
	r.provider = server
	if r.path == "" {
		if r.path = unpathed[server+"."+api]; r.path == "" {
			t.Fatalf("%s: no path is known", r.name)
		}
		r.method = http.MethodPost
		if api == "realtime-ws" {
			r.method = http.MethodGet
		}
	}
	for entry, as := range playedAs {
		if strings.HasPrefix(r.name, entry) {
			r.provider, r.path = entry, strings.TrimPrefix(r.path, as.base)
		}
	}
}

// form makes a form like the one that was recorded cut off.
func (r *recording) form() {
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	form.WriteField("model", "m")
	if strings.Contains(r.name, ".sse.") {
		form.WriteField("stream", "true")
	}
	file, _ := form.CreateFormFile("file", "voice.wav")
	file.Write(bytes.Repeat([]byte{0, 1, 2, 0xff}, 10_000))
	form.Close()
	r.request, r.contentType = b.Bytes(), form.FormDataContentType()
}

// played is what became of a recording.
type played string

const (
	exact    played = "exact"
	without  played = "without_counts"
	free     played = "free"
	rejected played = "refused"
	wrong    played = "wrong"
)

// notJSON is the one recorded request that is none. Its answer is metered in dialect's own test.
const notJSON = "not JSON"

// refusedWhy are the recorded APIs that the gateway refuses; every other recording has to pass.
var refusedWhy = map[string]string{
	"batches":                 "shows or makes things stored at the provider, and tells no usage of the request",
	"anthropic-batch-results": "shows things stored at the provider",
	"assistants":              "threads are stored at the provider",
	"responses-retrieve":      "shows a response stored at the provider",
	"realtime-ws":             "a WebSocket",
	"audio-speech":            "tells no usage",
	"background":              "background: true is answered before it is counted",
	notJSON:                   "a comma too much, which not every server minds",
}

var freeAPIs = []string{"anthropic-count-tokens", "bedrock-count-tokens", "gemini-count-tokens", "moderations", "responses-input-tokens"}

// TestRecordedTraffic plays all recorded exchanges through the gateway, whole, in pieces, and as they came compressed.
func TestRecordedTraffic(t *testing.T) {
	names := recordedNames(t)
	player := &player{}
	upstream := httptest.NewServer(player)
	defer upstream.Close()
	r := newRig(t, func(s *proxy.Settings, entry *provider.Settings) {
		no := false
		entry.AskUsage = &no // what was recorded is what the recorded request asked for
		entry.Region, entry.BaseURL = "us-east-1", upstream.URL
		addEntries(t, s, *entry, upstream.URL, names)
	})
	counts, why := map[played]int{}, map[string]int{}
	for _, name := range names {
		rec := readRecording(t, name)
		first := r.plays(t, player, rec, 0, false)
		counts[first]++
		switch first {
		case rejected:
			why[rec.refusedFor()+": "+refusedWhy[rec.refusedFor()]]++
			continue
		case free:
			continue
		}
		for _, piece := range []int{1, 7, 64, 4096} {
			if again := r.plays(t, player, rec, piece, false); again != first {
				counts[wrong]++
			}
		}
		if rec.wire != nil {
			if again := r.plays(t, player, rec, 0, true); again != first {
				counts[wrong]++
			}
			why["also as compressed"]++
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(why)) {
		t.Logf("%3d %s", why[reason], reason)
	}
	fmt.Printf("FAULT recordings layer=gateway exchanges=%d pieces=[0 1 7 64 4096] compressed=%d exact=%d without_counts=%d free=%d refused=%d wrong=%d RESULT %s\n",
		len(names), why["also as compressed"], counts[exact], counts[without], counts[free], counts[rejected], counts[wrong],
		map[bool]string{true: "ok", false: "FAIL"}[counts[wrong] == 0])
}

func recordedNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, "*", "expected.json"))
	must(t, err)
	if len(files) == 0 && os.Getenv("CI") == "" {
		t.Skip("the recordings are not beside this checkout")
	}
	if len(files) < 460 {
		t.Fatalf("%d recordings found in %s", len(files), recordings)
	}
	for i, f := range files {
		files[i] = filepath.Base(filepath.Dir(f))
	}
	return files
}

// addEntries configures each server that was recorded.
func addEntries(t *testing.T, s *proxy.Settings, like provider.Settings, origin string, names []string) {
	t.Helper()
	for _, name := range names {
		rec := recording{name: name, path: "/"}
		rec.located(t)
		if s.Providers[rec.provider] != nil {
			continue
		}
		entry := like
		entry.Name, entry.API, entry.BaseURL = rec.provider, rec.provider, origin
		if as, ok := playedAs[rec.provider]; ok {
			entry.API, entry.BaseURL = as.api, origin+as.base
		}
		p, err := provider.New(entry)
		must(t, err)
		s.Providers[rec.provider] = p
	}
}

func (r recording) refusedFor() string {
	if bytes.Contains(r.request, []byte(`"background": true`)) {
		return "background"
	}
	if r.contentType == "application/json" && len(r.request) > 0 && !json.Valid(r.request) {
		return notJSON
	}
	if refusedWhy[r.want.API] != "" {
		return r.want.API
	}
	return ""
}

// plays sends the recorded request and holds the answer and its event against the recording.
func (r *rig) plays(t *testing.T, p *player, rec recording, piece int, compressed bool) played {
	p.now, p.piece, p.asked = rec, piece, 0
	if compressed {
		p.now.body, p.now.header = rec.wire, rec.header.Clone()
		p.now.header.Set("Content-Encoding", "gzip")
	}
	account, secret := r.account(1_000_000, func(a *accounting.Account, _ *policy.Key) { a.Admission = "observe" })
	header := http.Header{"Content-Type": {rec.contentType}}
	if rec.want.API == "realtime-ws" {
		header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Sec-Websocket-Key": {"MDEyMzQ1Njc4OWFiY2RlZg=="}}
	}
	res := r.do(request{method: rec.method, path: "/" + rec.provider + rec.path, secret: secret, body: string(rec.request), header: header})
	got := read(t, res)
	is := exact
	fail := func(format string, args ...any) {
		is = wrong
		t.Errorf("%s in pieces of %d, compressed %t: %s", rec.name, piece, compressed, fmt.Sprintf(format, args...))
	}
	if why := rec.refusedFor(); why != "" {
		status, code := http.StatusNotFound, "unmetered_endpoint"
		if why == notJSON {
			status, code = http.StatusBadRequest, "invalid_request"
		}
		if res.StatusCode != status || res.Header.Get("X-Tollgate-Error") != code || p.asked != 0 {
			fail("not refused: %d, %s, %d calls of the provider", res.StatusCode, res.Header.Get("X-Tollgate-Error"), p.asked)
			return is
		}
		return rejected
	}
	if res.StatusCode != rec.status || !bytes.Equal(got, p.now.body) {
		fail("status %d, want %d; %d bytes, want %d, equal: %v; %s", res.StatusCode, rec.status, len(got), len(p.now.body), bytes.Equal(got, p.now.body), res.Header.Get("X-Tollgate-Error"))
		return is
	}
	for name, values := range p.now.header {
		if strings.Join(res.Header[name], "|") != strings.Join(values, "|") && name != "Date" && !strings.HasPrefix(name, "X-Ratelimit") {
			fail("header %s: %q, want %q", name, res.Header[name], values)
		}
	}
	events := r.events(account)
	if slices.Contains(freeAPIs, rec.want.API) {
		if len(events) != 0 {
			fail("free, and yet %d events", len(events))
			return is
		}
		return free
	}
	if len(events) != 1 {
		fail("%d events", len(events))
		return is
	}
	if problem := rec.judge(events[0]); problem != "" {
		fail("%s", problem)
	}
	if id := res.Header.Get("X-Tollgate-Request-Id"); events[0].ID != id {
		fail("event %s, X-Tollgate-Request-Id %s", events[0].ID, id)
	}
	if is == exact && events[0].Measured != accounting.ByProvider {
		return without
	}
	return is
}

// judge holds an event against what a correct meter reads; "": it is right.
func (r recording) judge(e accounting.Event) string {
	w := &r.want
	switch {
	case strings.Contains(w.Note, "are both right"):
		return ""
	case !w.HasUsage || !w.HasCounts:
		if e.Measured == accounting.ByProvider {
			return fmt.Sprintf("counts %+v, the provider reported none", e.Tokens)
		}
		if r.status >= 300 && e.Tokens.Total != 0 {
			return fmt.Sprintf("an error was charged %d tokens", e.Tokens.Total)
		}
		return ""
	case w.Input == nil: // the rest is estimated
		if e.Measured != accounting.ByEstimate || e.Tokens.Output != *w.Output || e.Tokens.Input == 0 {
			return fmt.Sprintf("%s %+v, want output %d and an estimated input", e.Measured, e.Tokens, *w.Output)
		}
		return ""
	}
	if want := r.tokens(); e.Measured != accounting.ByProvider || e.Tokens != want {
		return fmt.Sprintf("%s %+v, want %+v", e.Measured, e.Tokens, want)
	}
	if e.Charged.Total != e.Tokens.Total || e.Model == "" {
		return fmt.Sprintf("charged %d of %d, model %q", e.Charged.Total, e.Tokens.Total, e.Model)
	}
	return ""
}

// tokens are those of the recording in classes that don't overlap.
func (r recording) tokens() accounting.Tokens {
	or0 := func(n *int64) int64 { return *cmp.Or(n, new(int64)) }
	w := &r.want
	want := accounting.Tokens{Input: or0(w.Input), Output: or0(w.Output), CachedInput: or0(w.Cached), CacheWriteInput: or0(w.Written)}
	if i := w.Other.Iterations; i != nil {
		want.CachedInput, want.CacheWriteInput = i["cache_read_input_tokens"], i["cache_creation_input_tokens"]
		want.Input, want.Output = i["input_tokens"]+want.CachedInput+want.CacheWriteInput, i["output_tokens"]
	}
	want.CachedInput = min(want.CachedInput, want.Input)
	want.CacheWriteInput = min(want.CacheWriteInput, want.Input-want.CachedInput)
	want.ReasoningOutput = min(or0(w.Reason), want.Output)
	want.Total = want.Input + want.Output
	return want
}

// player answers every request with one recording, in pieces.
type player struct {
	piece int
	asked int
	now   recording
}

func (p *player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.asked++
	for name, values := range p.now.header {
		w.Header()[name] = values
	}
	body := p.now.body
	if p.piece == 0 && !strings.Contains(w.Header().Get("Content-Type"), "event-stream") {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(p.now.status)
	if p.piece == 0 {
		w.Write(body)
		return
	}
	flush := http.NewResponseController(w)
	every := 1 + len(body)/p.piece/100 // a packet for each piece would take minutes; dialect's own test cuts everywhere
	for i := 0; len(body) > 0; i++ {
		n := min(p.piece, len(body))
		w.Write(body[:n])
		if i%every == 0 {
			flush.Flush()
		}
		body = body[n:]
	}
}
