// Package proxytest is a provider of its own: it answers as OpenAI's API does, or another provider's, as a request tells it
// to, and keeps an independent record of what it answered, against which a ledger can be held. Tests, benchmarks and
// `tollgate demo` use it.
package proxytest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Options shape a Provider. The zero value accepts any credentials and answers a fixed sentence.
type Options struct {
	// APIKey must be shown as the provider wants it, OpenAI in Authorization: Bearer; "" accepts everyone.
	APIKey string
	// Signed makes Bedrock accept what shows an AWS signature in place of the key; it is not verified.
	Signed bool
	// Persona writes the answers that no script gives; nil: Plain.
	Persona Persona
	// Script steers the requests that bring no "proxytest" member.
	Script Script
	// Keep is how many answers the witness keeps, the newest; 0: 100,000.
	Keep int
	// KeepBodies keeps the request bodies with them.
	KeepBodies bool
	// Log gets each answer as one JSON line in one Write, once it has ended. A file opened with O_APPEND outlives the process.
	Log io.Writer
	// Lean keeps no witness and renders the answers to equal requests once: for benchmarks.
	Lean bool
}

// Provider is an http.Handler. Its methods may be called concurrently.
type Provider struct {
	options Options
	service *service
	prefix  string // makes the ids of one Provider differ from another's
	calls   atomic.Int64
	serial  atomic.Int64
	witness *witness

	leanLock sync.RWMutex
	lean     map[[sha256.Size]byte]*answer
}

// New makes a provider that speaks OpenAI's API; it starts nothing.
func New(o Options) *Provider { return newProvider(o, &openAI) }

func newProvider(o Options, s *service) *Provider {
	if o.Persona == nil {
		o.Persona = Plain
	}
	if o.Keep == 0 {
		o.Keep = 100_000
	}
	random := make([]byte, 4)
	_, _ = rand.Read(random) // never fails since Go 1.24
	return &Provider{
		options: o,
		service: s,
		prefix:  hex.EncodeToString(random),
		witness: newWitness(o.Keep, o.Log),
		lean:    map[[sha256.Size]byte]*answer{},
	}
}

// Calls is how many requests arrived, of any kind.
func (p *Provider) Calls() int64 { return p.calls.Load() }

// Answered is what the witness kept, in the order of arrival. An answer stands there, with the tokens that
// it reports, before its first byte goes out.
func (p *Provider) Answered() []Answer { return p.witness.answers() }

// ServeHTTP answers one request.
func (p *Provider) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if p.options.Lean {
		_ = p.leanAnswer(r, body).play(w, r)
		return
	}
	a := p.answer(r, body)
	if a.id == "" {
		a.id, _ = p.identity(Script{})
	}
	sum := sha256.Sum256(body)
	seen := Answer{
		ID: a.id, API: a.api, Model: a.model, Stream: a.stream,
		Input: a.usage.input, Output: a.usage.output,
		Cached: a.usage.cached, CacheWrite: a.usage.cacheWrite, Reasoning: a.usage.reasoning, Units: a.usage.units,
		Path: r.URL.RequestURI(), Method: r.Method, Status: a.status, Header: r.Header.Clone(), BodySHA256: hex.EncodeToString(sum[:]),
	}
	if p.options.KeepBodies {
		seen.Body = body
	}
	entry := p.witness.begin(seen)
	whole := false
	defer func() { p.witness.end(entry, whole) }()
	whole = a.play(w, r) == nil
}

// leanLimit bounds how many different requests a lean provider remembers.
const leanLimit = 1024

func (p *Provider) leanAnswer(r *http.Request, body []byte) *answer {
	sum := sha256.Sum256(append([]byte(r.URL.RequestURI()+"\n"+r.Header.Get(Header)+"\n"), body...))
	p.leanLock.RLock()
	a := p.lean[sum]
	p.leanLock.RUnlock()
	if a != nil {
		return a
	}
	a = p.answer(r, body)
	p.leanLock.Lock()
	defer p.leanLock.Unlock()
	if len(p.lean) < leanLimit {
		p.lean[sum] = a
	}
	return a
}

// answer decides what to say, before anything is said.
func (p *Provider) answer(r *http.Request, body []byte) *answer {
	q := request{Proxytest: p.options.Script, path: r.URL.EscapedPath(), body: body}
	a := p.service.admit(p.options, r)
	if a == nil {
		a = p.reply(&q, r, body)
	}
	if a.id == "" {
		a.id = q.id
	}
	a.service = p.service
	return a.steered(q.Proxytest)
}

// reply is the answer to an admitted request.
func (p *Provider) reply(q *request, r *http.Request, body []byte) *answer {
	s := p.service
	operation := s.route(r.Method, q.path)
	if operation == nil {
		return s.failed(http.StatusNotFound, fmt.Sprintf("Invalid URL (%s %s)", r.Method, r.URL.Path))
	}
	if script := r.Header.Get(Header); script != "" {
		if err := json.Unmarshal([]byte(script), &q.Proxytest); err != nil {
			return s.failed(http.StatusBadRequest, Header+": "+err.Error())
		}
	}
	unread := s.read(q, r, body)
	q.id, q.created = p.identity(q.Proxytest)
	var a *answer
	switch {
	case q.Proxytest.Status != 0:
		a = s.failed(q.Proxytest.Status, "")
		if q.Proxytest.Error != nil {
			a.parts = [][]byte{q.Proxytest.Error}
		}
	case unread != nil:
		a = s.failed(http.StatusBadRequest, unread.Error())
	default:
		a = operation.answer(p.finish(q))
	}
	a.api = operation.name
	return a
}

// identity gives an answer's id and time; a scripted id fixes both, so that equal requests get equal bytes.
func (p *Provider) identity(s Script) (id string, created int64) {
	if s.ID != "" {
		return s.ID, 1764000000
	}
	return p.prefix + strconv.FormatInt(p.serial.Add(1), 36), time.Now().Unix()
}
