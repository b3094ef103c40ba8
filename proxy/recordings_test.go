package proxy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
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
	name    string
	path    string
	request []byte
	status  int
	header  http.Header
	body    []byte
	want    struct {
		HasUsage bool   `json:"has_usage"`
		Model    string `json:"model"`
		Input    int64  `json:"input_tokens_total"`
		Output   int64  `json:"output_tokens_total"`
		Cached   int64  `json:"cached_input_tokens"`
		Reason   int64  `json:"reasoning_tokens"`
		Note     string `json:"metering_note"`
	}
}

func readRecording(t *testing.T, name string) recording {
	t.Helper()
	r := recording{name: name}
	var request struct {
		Path string
		Body json.RawMessage
	}
	var head struct {
		Status  int
		Headers [][2]string
	}
	for file, into := range map[string]any{"request.json": &request, "response.headers.json": &head, "expected.json": &r.want} {
		b, err := os.ReadFile(filepath.Join(recordings, name, file))
		must(t, err)
		must(t, json.Unmarshal(b, into))
	}
	var err error
	r.body, err = os.ReadFile(filepath.Join(recordings, name, "response.body"))
	must(t, err)
	r.path, r.request, r.status, r.header = request.Path, request.Body, head.Status, http.Header{}
	for _, h := range head.Headers {
		switch http.CanonicalHeaderKey(h[0]) {
		case "Content-Encoding", "Content-Length", "Transfer-Encoding", "Connection", "Trailer":
		default:
			r.header.Add(h[0], h[1])
		}
	}
	return r
}

// TestRecordedTraffic plays all recorded exchanges with OpenAI through the gateway, whole and in pieces.
func TestRecordedTraffic(t *testing.T) {
	var names []string
	for _, api := range []string{"openai-chat", "openai-completions", "openai-responses", "responses-compact", "embeddings"} {
		found, err := filepath.Glob(filepath.Join(recordings, "openai."+api+".*"))
		must(t, err)
		names = append(names, found...)
	}
	if len(names) < 60 {
		if os.Getenv("CI") == "" && len(names) == 0 {
			t.Skip("the recordings are not beside this checkout")
		}
		t.Fatalf("%d recordings of OpenAI found in %s", len(names), recordings)
	}
	var exact, unknown, wrong int
	for _, piece := range []int{0, 1, 7, 4096} {
		player := &player{piece: piece}
		upstream := httptest.NewServer(player)
		defer upstream.Close()
		no := false
		r := newRig(t, func(_ *proxy.Settings, s *provider.Settings) {
			s.BaseURL = upstream.URL
			s.AskUsage = &no // what was recorded is what the recorded request asked for
		})
		for _, name := range names {
			rec := readRecording(t, filepath.Base(name))
			player.now = rec
			ok, known := r.plays(t, rec, piece)
			switch {
			case !ok:
				wrong++
			case known:
				exact++
			default:
				unknown++
			}
		}
	}
	fmt.Printf("FAULT recordings provider=openai exchanges=%d ways=4 exact=%d without_counts=%d wrong=%d RESULT %s\n",
		len(names), exact, unknown, wrong, map[bool]string{true: "ok", false: "FAIL"}[wrong == 0])
}

// plays sends the recorded request and holds the answer and its event against the recording.
func (r *rig) plays(t *testing.T, rec recording, piece int) (ok, known bool) {
	if rec.path == "" { // rebuilt from its payloads alone
		rec.path, rec.request = "/v1/responses", []byte(`{"model":"gpt-5-nano","input":"Hello","stream":true}`)
	}
	account, secret := r.account(1_000_000, func(a *accounting.Account, _ *policy.Key) { a.Admission = "observe" })
	res := r.do(request{path: rec.path, secret: secret, body: string(rec.request)})
	got := read(t, res)
	if bytes.Contains(rec.request, []byte(`"background": true`)) {
		return res.StatusCode == http.StatusNotFound && res.Header.Get("X-Tollgate-Error") == "unmetered_endpoint", false
	}
	ok = true
	fail := func(format string, args ...any) {
		ok = false
		t.Errorf("%s in pieces of %d: %s", rec.name, piece, fmt.Sprintf(format, args...))
	}
	if res.StatusCode != rec.status || !bytes.Equal(got, rec.body) {
		fail("status %d, want %d; %d bytes, want %d, equal: %v", res.StatusCode, rec.status, len(got), len(rec.body), bytes.Equal(got, rec.body))
	}
	for name, values := range rec.header {
		if strings.Join(res.Header[name], "|") != strings.Join(values, "|") && name != "Date" && !strings.HasPrefix(name, "X-Ratelimit") {
			fail("header %s: %q, want %q", name, res.Header[name], values)
		}
	}
	events := r.events(account)
	if len(events) != 1 {
		fail("%d events", len(events))
		return ok, false
	}
	e := events[0]
	if e.ID != res.Header.Get("X-Tollgate-Request-Id") {
		fail("event %s, X-Tollgate-Request-Id %s", e.ID, res.Header.Get("X-Tollgate-Request-Id"))
	}
	if rec.want.Note != "" { // where reading and not reading are both right
		return ok, e.Measured == accounting.ByProvider
	}
	if !rec.want.HasUsage {
		if e.Measured == accounting.ByProvider {
			fail("counts %+v, the provider reported none", e.Tokens)
		}
		if rec.status >= 300 && e.Tokens.Total != 0 {
			fail("an error was charged %d tokens", e.Tokens.Total)
		}
		return ok, false
	}
	want := accounting.Tokens{Input: rec.want.Input, Output: rec.want.Output, CachedInput: rec.want.Cached, ReasoningOutput: rec.want.Reason}
	if e.Measured != accounting.ByProvider || e.Tokens.Input != want.Input || e.Tokens.Output != want.Output ||
		e.Tokens.CachedInput != want.CachedInput || e.Tokens.ReasoningOutput != want.ReasoningOutput || e.Tokens.Total != want.Input+want.Output {
		fail("%s %+v, want %+v", e.Measured, e.Tokens, want)
	}
	if cmp.Compare(e.Charged.Total, e.Tokens.Total) != 0 || e.Model == "" {
		fail("charged %d of %d, model %q", e.Charged.Total, e.Tokens.Total, e.Model)
	}
	return ok, true
}

// player answers every request with one recording, in pieces.
type player struct {
	piece int
	now   recording
}

func (p *player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for name, values := range p.now.header {
		w.Header()[name] = values
	}
	body := p.now.body
	if p.piece == 0 && !strings.Contains(w.Header().Get("Content-Type"), "event-stream") {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	}
	w.WriteHeader(p.now.status)
	if p.piece == 0 {
		w.Write(body)
		return
	}
	flush := http.NewResponseController(w)
	for len(body) > 0 {
		n := min(p.piece, len(body))
		w.Write(body[:n])
		if p.piece > 1 || len(body)%64 == 0 { // a write each is enough; a packet each would take minutes
			flush.Flush()
		}
		body = body[n:]
	}
}
