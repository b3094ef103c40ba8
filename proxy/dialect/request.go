package dialect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxDepth is how deep a request may nest. OpenAI refuses schemas deeper than ten; Python's reader gives up at 1,000.
const maxDepth = 512

// maxModel is the longest name of a model: it goes into events and labels.
const maxModel = 512

// maxChoices bounds n × prompts, so that no estimate overflows. OpenAI takes n up to 128 and 2,048 prompts.
const maxChoices = 1 << 20

// maxOthers bounds the other models that a request may name. OpenRouter and Perplexity take fewer.
const maxOthers = 32

// maxOutput is the largest OutputLimit that is told: times maxChoices it is still an int64.
const maxOutput = 1 << 40

// Request is what the gateway reads of a request body.
type Request struct {
	Model  string
	Stream bool
	// Others are further models that may answer in Model's place, or at its call.
	Others []string
	// Choices is how many answers the provider generates; at least 1. best_of and several prompts count.
	Choices int64
	// OutputLimit is the most output tokens per choice that the request allows; 0: it names none. A limit of 0 reads 1.
	OutputLimit int64
	// HasOutput is false for APIs whose answer costs no output tokens (embeddings).
	HasOutput bool
	// UsageAsked says that the client itself asked for usage in a stream.
	UsageAsked bool
	// Unbounded names what makes the cost unbounded by the body's size (a hosted tool, a file by reference …),
	// for strict admission; "": the body bounds it. What isn't known to be bounded counts as unbounded.
	Unbounded string
	// MinOutput is the smallest output limit that the provider accepts beside what else the request asks for; 0: its API's.
	MinOutput int64
	// AddedInput is how many tokens the provider may add to the prompt of its own, where it is known to.
	AddedInput int64
	// Background says that the provider would answer before it has generated (never metered).
	Background bool

	size    int64
	answers int64 // how many choices the response will hold: n × prompts
	splice  splice
}

// TextBytes is how long the request's text is, for estimates: the length of its body without the pictures, sounds and
// files that are known to stand in it.
func (r Request) TextBytes() int64 { return r.size }

// limit is a member of a request that bounds the output.
type limit struct {
	id   int
	name string
}

// The members of requests that something is made of. Which of them an API reads stands in its tree.
const (
	reqBody = iota + 1
	reqModel
	reqOther // another model
	reqStream
	reqN
	reqBestOf
	reqMaxTokens
	reqMaxCompletionTokens
	reqMaxOutputTokens
	reqStreamOptions
	reqIncludeUsage
	reqRunningUsage // usage in each chunk, where usage is asked for
	reqBackground
	reqConfig   // the object in which the limits stand
	reqBinary   // a picture, a sound or a file, as a string
	reqPrompt   // one prompt of several, or a token of one
	reqThinking // how much of the output may be thinking: the limit must be more
	reqAdding   // … that makes the provider add a text of its own to the prompt
	reqContent  // what only its own tree of listed members judges
	reqType     // a string that must be among those that are known to be bounded
	reqOwnLimit // a bound of the output in a model's own format: it is told, and never changed
)

// Head is what stands outside a request's body.
type Head struct {
	// Model is the one that the path names; "": the body names it. What the path says counts.
	Model string
	// Query is the raw query, ContentType the header's value.
	Query, ContentType string
}

// ReadRequest reads a request. Its error tells the client what is wrong with it.
//
// The body must be one valid JSON object, in valid UTF-8 (RFC 8259; encoding/json would replace what isn't, Python's
// reader refuses it), at most maxDepth deep. A member that is read must come once, in its own spelling after unescaping,
// and have the type that the API's reference gives; null counts as absent. So readers that take the first or the last
// of two members, or that fold letter case, all see what is seen here.
func (a *API) ReadRequest(h Head, body []byte) (Request, error) {
	r := requestReader{req: Request{
		Choices: 1, answers: 1, size: int64(len(body)), HasOutput: !a.format.noOutput, Unbounded: a.format.unbounded,
		Stream: a.format.streams == unlessDenied,
	}}
	r.req.splice.api = a
	if isForeign(h.ContentType) {
		return Request{}, fmt.Errorf("Content-Type %.80q: only UTF-8 is read", h.ContentType)
	}
	if a.format.form && isForm(h.ContentType) {
		if err := r.readForm(h.ContentType, body); err != nil {
			return Request{}, err
		}
		return r.finish(h)
	}
	r.scan.visitor = &r
	r.scan.reset(a.format.request)
	r.scan.feed(body)
	if err := wellFormed(body, r.scan.deepest); err != nil {
		return Request{}, err
	}
	if r.scan.doubt != "" {
		return Request{}, errors.New(r.scan.doubt)
	}
	if r.err != nil {
		return Request{}, r.err
	}
	return r.finish(h)
}

func wellFormed(body []byte, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("not JSON: nested deeper than %d", maxDepth)
	}
	if !utf8.Valid(body) {
		return errors.New("not JSON: not valid UTF-8")
	}
	if !gjson.ValidBytes(body) {
		var nothing json.RawMessage
		if err := json.Unmarshal(body, &nothing); err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		return errors.New("not JSON")
	}
	for _, c := range body {
		if !isSpace(c) {
			if c != '{' {
				break
			}
			return nil
		}
	}
	return errors.New("not JSON: not an object")
}

// requestReader makes a Request of the members that the scanner visits.
type requestReader struct {
	scan    scanner
	req     Request
	err     error
	n, best int64
	prompts int64
}

func (r *requestReader) see(v *value) {
	switch v.node.id {
	case reqBody:
		r.req.splice.body = object{stated, spanOf(v), v.size}
	case unlisted:
		r.unlisted(v)
	case reqType:
		r.judgeType(v)
	case reqPrompt:
		if v.kind == '"' || v.kind == '[' {
			r.prompts++
		}
	case reqModel:
		r.req.Model = r.modelName(v)
	case reqOther:
		r.other(v)
	case reqStream:
		r.stream(v)
	case reqBackground:
		r.req.Background = r.boolean(v)
	case reqN:
		r.n = r.count(v)
	case reqBestOf:
		r.best = r.count(v)
	case reqMaxTokens, reqMaxCompletionTokens, reqMaxOutputTokens:
		r.limit(v)
	case reqStreamOptions:
		r.req.splice.options = r.object(v)
	case reqConfig:
		r.req.splice.config = r.object(v)
	case reqThinking:
		if n, ok := wholeNumber(string(v.raw)); ok && n > 0 {
			r.req.MinOutput = min(n, maxOutput) + 1
		}
	case reqAdding:
		if v.size > 0 && !v.null() {
			r.req.AddedInput = r.req.splice.api.format.added
		}
	case reqIncludeUsage:
		r.req.UsageAsked = r.boolean(v)
		r.req.splice.include = spanOf(v)
	case reqOwnLimit:
		if n, ok := wholeNumber(string(v.raw)); ok && n > 0 {
			r.req.OutputLimit = max(r.req.OutputLimit, min(n, maxOutput))
		}
	case reqRunningUsage:
		if r.boolean(v) {
			r.req.splice.running = spanOf(v)
		}
	case reqBinary:
		if v.kind == '"' {
			r.req.size -= v.size
		}
		r.unbounded(v, v.node.key)
	}
}

func (r *requestReader) finish(h Head) (Request, error) {
	q := &r.req
	if h.Model != "" {
		q.Model = h.Model
		q.Unbounded = cmp.Or(q.Unbounded, q.splice.api.format.deployed)
	}
	for _, part := range q.splice.api.format.enlarging {
		if q.Unbounded == "" && strings.Contains(strings.ToLower(q.Model), part) {
			q.Unbounded = "model: for a name with " + part + " the provider reads more than the request"
		}
	}
	switch q.splice.api.format.streams {
	case always:
		q.Stream = true
	case never:
		q.Stream = false
	}
	r.prompts = max(r.prompts, 1)
	q.answers = max(r.n, 1) * r.prompts
	q.Choices = max(r.n, r.best, 1) * r.prompts
	if q.Choices > maxChoices {
		return Request{}, fmt.Errorf("n: more than %d answers in all", maxChoices)
	}
	for _, l := range q.splice.binding() {
		if l.state == stated && l.limit >= 0 {
			q.OutputLimit = min(max(l.limit, 1), maxOutput)
			break
		}
	}
	return *q, nil
}

func (r *requestReader) fail(v *value, what string) {
	if r.err == nil {
		r.err = errors.New(v.node.key + ": " + what)
	}
}

func (r *requestReader) text(v *value) string {
	switch {
	case v.null():
		return ""
	case v.kind != '"':
		r.fail(v, "not a string")
		return ""
	case v.size > maxModel:
		r.fail(v, fmt.Sprintf("longer than %d bytes", maxModel))
		return ""
	}
	return string(inner(v.raw))
}

// modelName is the name of a model. It goes into events, so that it must be a text that all databases take.
func (r *requestReader) modelName(v *value) string {
	name := r.text(v)
	if strings.ContainsFunc(name, unicode.IsControl) {
		r.fail(v, "holds a control character")
	}
	return name
}

// other keeps the name of another model. What it will cost is not bounded by what is known of the first.
func (r *requestReader) other(v *value) {
	if v.kind != '"' || r.err != nil {
		return
	}
	if len(r.req.Others) == maxOthers {
		r.fail(v, fmt.Sprintf("more than %d other models", maxOthers))
		return
	}
	r.req.Others = append(r.req.Others, r.modelName(v))
	r.unbounded(v, v.node.key)
}

func (r *requestReader) boolean(v *value) bool {
	if v.kind != 't' && v.kind != 'f' && !v.null() {
		r.fail(v, "neither true nor false")
	}
	return v.kind == 't'
}

// count reads how many choices are asked for; 0: it isn't said.
func (r *requestReader) count(v *value) int64 {
	if v.null() {
		return 0
	}
	n, ok := r.whole(v)
	if ok && (n < 1 || n > maxChoices) {
		r.fail(v, fmt.Sprintf("not between 1 and %d", maxChoices))
		return 0
	}
	return n
}

// whole reads an integer; 1e3 and 12.0 are some, 12.5 is none.
func (r *requestReader) whole(v *value) (int64, bool) {
	text := string(v.raw)
	if v.kind == '"' && r.req.splice.api.format.quoted {
		text = string(inner(v.raw))
	}
	n, ok := wholeNumber(text)
	if ok && gjson.Parse(text).Num == float64(n) {
		return n, true
	}
	r.fail(v, "not an integer")
	return 0, false
}

// limit reads a bound of the output. A negative one bounds nothing: llama.cpp and LM Studio take -1 for none.
func (r *requestReader) limit(v *value) {
	found := foundLimit{state: null, span: spanOf(v)}
	f := &r.req.splice.api.format
	if !v.null() {
		found.state = stated
		found.limit, _ = r.whole(v)
	}
	if f.zeroIsNone && found.limit == 0 {
		found.limit = -1
	}
	for at, l := range f.limits {
		if l.id == v.node.id {
			r.req.splice.limits[at] = found
		}
	}
}

func (r *requestReader) stream(v *value) {
	asked := r.boolean(v)
	if !v.null() {
		r.req.Stream = asked
	}
}

func (r *requestReader) object(v *value) object {
	switch {
	case v.null():
		return object{state: null, span: spanOf(v)}
	case v.kind != '{':
		r.fail(v, "not an object")
	}
	return object{stated, spanOf(v), v.size}
}

// unlisted judges a member that isn't known to cost no more than its bytes.
func (r *requestReader) unlisted(v *value) { r.unbounded(v, string(r.scan.name)) }

// unbounded notes the member name as what makes the cost unbounded; "": an element.
func (r *requestReader) unbounded(v *value, name string) {
	if r.req.Unbounded != "" || v.null() {
		return
	}
	path := r.scan.path()
	if path != "" && name != "" {
		path += "."
	}
	r.req.Unbounded = path + name
}

func (r *requestReader) judgeType(v *value) {
	if r.req.Unbounded != "" || v.null() {
		return
	}
	kind := "not a type"
	if v.kind == '"' && v.raw != nil {
		kind = string(inner(v.raw))
	}
	if !slices.Contains(v.node.only, kind) {
		r.req.Unbounded = cmp.Or(r.scan.path(), v.node.key) + ": " + kind[:min(len(kind), maxKey)]
	}
}
