package clients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

// row is one client in the matrix.
type row struct {
	client   string // as the table names it
	provider string // whose fake it talks to
	calls    []string
	secure   bool                         // it must be spoken to by TLS
	answer   func(*testing.T, ask) answer // nil: the npm process answers
}

// The calls that clients have, and the cases that need no call of their own: an account whose pools are both empty.
const (
	plain       = "plain"
	stream      = "stream"
	embeddings  = "embeddings"
	empty       = "empty "
	emptyPlain  = empty + plain
	emptyStream = empty + stream
)

var columns = []string{plain, stream, embeddings, emptyPlain, emptyStream}

var (
	chats = []string{plain, stream}
	all   = []string{plain, stream, embeddings}
)

// rows are the matrix; what the npm ones ask stands in cases.mjs under the same names.
var rows = []row{
	{client: "npm openai", provider: "openai", calls: all},
	{client: "npm openai responses", provider: "openai", calls: chats},
	{client: "npm ai openai", provider: "openai", calls: all},
	{client: "npm ai openai chat", provider: "openai", calls: chats},
	{client: "go openai-go", provider: "openai", calls: all, answer: openaiGo.answer},
	{client: "go openai-go responses", provider: "openai", calls: chats, answer: openaiGoResponses.answer},
	{client: "go go-openai", provider: "openai", calls: all, answer: goOpenAI.answer},

	{client: "npm anthropic", provider: "anthropic", calls: chats},
	{client: "npm ai anthropic", provider: "anthropic", calls: chats},
	{client: "go anthropic", provider: "anthropic", calls: chats, answer: anthropicGo.answer},

	{client: "npm gemini", provider: "gemini", calls: all},
	{client: "npm ai google", provider: "gemini", calls: all},
	{client: "go gemini", provider: "gemini", calls: all, answer: geminiGo.answer},

	{client: "npm mistral", provider: "mistral", calls: all},
	{client: "npm cohere v2", provider: "cohere", calls: all},
	{client: "npm cohere v1", provider: "cohere", calls: all},
	{client: "npm ollama", provider: "ollama", calls: all},
	{client: "npm groq", provider: "groq", calls: chats},

	{client: "npm bedrock converse", provider: "bedrock", calls: chats},
	{client: "npm bedrock invoke", provider: "bedrock", calls: all},
	{client: "go bedrock converse", provider: "bedrock", calls: chats, secure: true, answer: bedrockGoConverse.answer},
	{client: "go bedrock invoke", provider: "bedrock", calls: all, secure: true, answer: bedrockGoInvoke.answer},
}

// ask is one call of one client.
type ask struct {
	Client string `json:"client"`
	Call   string `json:"call"`
	Origin string `json:"origin"`
	Key    string `json:"key"`
	Text   string `json:"text"` // in the request, and in no other case's
}

// answer is what the client gave back.
type answer struct {
	Result json.RawMessage `json:"result"`
	Error  *failure        `json:"error"`
}

// failure is what the client raised.
type failure struct {
	Own     bool   `json:"own"` // it is of the client's own error type
	Type    string `json:"type"`
	Message string `json:"message"`
}

// pair is one case of one row: what is asked on each route, and what came of it.
type pair struct {
	row             row
	name            string
	key             key
	direct, through *ask // direct is nil for an empty account
	without, with   answer
}

// TestClientsSeeNoDifference asks each client the same of a provider and of a gateway before that provider.
func TestClientsSeeNoDifference(t *testing.T) {
	matrix := rows
	if !npmReady(t) {
		matrix = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.answer == nil })
	}
	w := newWorld(t)
	var pairs []*pair
	for _, r := range matrix {
		pairs = append(pairs, w.pairs(t, r)...)
	}
	answerAll(t, pairs)
	verdicts := map[string]string{}
	var equal, oneRequest int
	for _, p := range pairs {
		fine := t.Run(p.row.client+" "+p.name, func(t *testing.T) { w.judge(t, p) })
		verdicts[p.row.client+p.name] = verdict(fine)
		switch {
		case fine && p.direct == nil:
			oneRequest++
		case fine:
			equal++
		}
	}
	t.Log(table(matrix, verdicts))
	fmt.Printf("FAULT sdk clients=%d cases=%d equal=%d one_request=%d RESULT %s\n", clientsOf(matrix), len(pairs), equal, oneRequest, verdict(!t.Failed()))
}

// clientsOf counts SDKs: several rows may show one.
func clientsOf(matrix []row) int {
	names := map[string]bool{}
	for _, r := range matrix {
		names[strings.Join(strings.Fields(r.client)[:2], " ")] = true
	}
	return len(names)
}

// pairs are a row's cases, each with a key of its own.
func (w *world) pairs(t *testing.T, r row) (all []*pair) {
	for _, call := range r.calls {
		p := &pair{row: r, name: call, key: w.newKey(t, "full", r.client+" "+call)}
		p.direct = &ask{r.client, call, r.door(t, w.fakes[r.provider].origin), providerKey, p.text()}
		p.through = &ask{r.client, call, r.door(t, w.gateway.data) + "/" + r.provider, p.key.Secret, p.text()}
		all = append(all, p)
	}
	for _, call := range chats {
		p := &pair{row: r, name: empty + call, key: w.newKey(t, "empty", r.client+" "+call)}
		p.through = &ask{r.client, call, r.door(t, w.front.origin) + "/" + r.provider, p.key.Secret, p.text()}
		all = append(all, p)
	}
	return all
}

// door is where a row's client finds what answers at an origin.
func (r row) door(t *testing.T, origin string) string {
	t.Helper()
	if r.secure {
		return secure(t, origin)
	}
	return origin
}

func (p *pair) text() string {
	return fmt.Sprintf("[%s: %s] What does a tollgate do?", p.row.client, p.name)
}

// answerAll asks one after the other, the direct route first; one npm process answers all that are its.
func answerAll(t *testing.T, pairs []*pair) {
	t.Helper()
	var asks []ask
	var answers []*answer
	put := func(r row, a *ask, into *answer) {
		switch {
		case a == nil:
		case r.answer != nil:
			*into = r.answer(t, *a)
		default:
			asks, answers = append(asks, *a), append(answers, into)
		}
	}
	for _, p := range pairs {
		put(p.row, p.direct, &p.without)
		put(p.row, p.through, &p.with)
	}
	for i, a := range npmAnswers(t, asks) {
		*answers[i] = a
	}
}

func (w *world) judge(t *testing.T, p *pair) {
	if p.direct == nil {
		w.judgeEmpty(t, p)
		return
	}
	if p.without.Error != nil || p.with.Error != nil {
		t.Fatalf("errors: direct %+v, through the gateway %+v", p.without.Error, p.with.Error)
	}
	if !shows(p.name, p.without.Result) {
		t.Errorf("the direct result shows no answer: %.500s", p.without.Result)
	}
	if diff := cmp.Diff(value(t, p.without.Result), value(t, p.with.Result)); diff != "" {
		t.Errorf("the gateway makes a difference (-direct +through):\n%s", diff)
	}
	seen := w.fakes[p.row.provider].answered(p.text())
	if len(seen) != 2 {
		t.Fatalf("the provider answered %d requests, want one direct and one through the gateway", len(seen))
	}
	direct, through := seen[0], seen[1]
	if !bytes.Equal(direct.Body, through.Body) && !bytes.Equal(direct.Body, unasked(through.Body)) {
		t.Errorf("the provider got %s, and through the gateway %s", direct.Body, through.Body)
	}
	events := w.events(t, "full", p.key)
	if len(events) != 1 {
		t.Fatalf("%d events, want 1: %+v", len(events), events)
	}
	e := events[0]
	if e.Measured != "provider" || e.Outcome != "completed" || e.Provider != p.row.provider || e.Stream != through.Stream {
		t.Errorf("the event is %+v, want a completed one of %s with the provider's counts, stream %v", e, p.row.provider, through.Stream)
	}
	if e.Model == "" || through.Model != "" && e.Model != through.Model {
		t.Errorf("the event's model is %q, the answer's %q", e.Model, through.Model)
	}
	if e.Tokens.Input != through.Input || e.Tokens.Output != through.Output || through.Input == 0 {
		t.Errorf("the event has %+v, the provider said input %d, output %d", e.Tokens, through.Input, through.Output)
	}
}

// unasked is a request's body without the gateway's asking for usage.
func unasked(body []byte) []byte { return asking.ReplaceAll(body, nil) }

var asking = regexp.MustCompile(`"stream_options":\{"include_usage":true\},|,"stream_options":\{"include_usage":true\}`)

func (w *world) judgeEmpty(t *testing.T, p *pair) {
	failed := p.with.Error
	if failed == nil {
		t.Fatalf("no error from an empty account but %.200s", p.with.Result)
	}
	if !failed.Own || !strings.Contains(failed.Message, "both pools are empty") {
		t.Errorf("the client raised %+v, want an error of its own type that says why", failed)
	}
	if n := w.front.requests(p.key.Secret); n != 1 {
		t.Errorf("the client sent %d requests, want 1", n)
	}
	if seen := w.fakes[p.row.provider].answered(p.text()); len(seen) != 0 {
		t.Errorf("the provider saw %d requests, want none", len(seen))
	}
	if events := w.events(t, "empty", p.key); len(events) != 0 {
		t.Errorf("a refusal is on the ledger: %+v", events)
	}
}

// value is JSON without its order of members.
func value(t *testing.T, raw json.RawMessage) (v any) {
	t.Helper()
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatalf("result %.200s: %v", raw, err)
	}
	return v
}

// shows tells whether a result holds what the fakes say: Plain's nine words, a chunk for each, or a vector.
func shows(call string, result json.RawMessage) bool {
	const words, vector = 9, 1000 // chunks; bytes
	switch call {
	case plain:
		return bytes.Contains(result, []byte(proxytest.Plain("")))
	case stream:
		var chunks []json.RawMessage
		return json.Unmarshal(result, &chunks) == nil && len(chunks) >= words
	}
	return len(result) > vector
}

func verdict(fine bool) string {
	if fine {
		return "ok"
	}
	return "FAIL"
}

func table(matrix []row, verdicts map[string]string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n%-26s", "")
	for _, c := range columns {
		fmt.Fprintf(&b, "%-14s", c)
	}
	for _, r := range matrix {
		fmt.Fprintf(&b, "\n%-26s", r.client)
		for _, c := range columns {
			v := verdicts[r.client+c]
			if v == "" {
				v = "-"
			}
			fmt.Fprintf(&b, "%-14s", v)
		}
	}
	return b.String()
}

// h1AndH2C is how both a provider and the gateway are spoken to in clear: some SDKs speak HTTP/2 alone.
func h1AndH2C() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetUnencryptedHTTP2(true)
	return p
}
