package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"
)

const (
	// syncWait bounds the read barrier, callWait all that one call asks of the store.
	syncWait = 2 * time.Second
	callWait = 15 * time.Second
)

// Options are what the admin plane is made of. Functions may be called concurrently.
type Options struct {
	Store Store
	// Sync returns when everything that this replica journalled before the call is in the store.
	Sync func(ctx context.Context) error
	// Held is what running requests hold of an account.
	Held func(account string) int64
	// Kick makes this replica read the store's changes at once. It does not block.
	Kick func()
	// Plans, Activities (beside chat, ingest, training and preview) and Providers are the running configuration's.
	Plans      func() map[string]int64
	Activities func() []string
	Providers  func() []string
	// Tokens are who may come in; names are unique.
	Tokens func() []Token
	// SessionTTL is how long a sign-in lasts.
	SessionTTL func() time.Duration
	// Pages are the dashboard's files; index.html is the page.
	Pages fs.FS
	// Ready says why the gateway can't serve; nil: it can.
	Ready    func() error
	Registry *prometheus.Registry
	Now      func() time.Time // nil: time.Now
	Log      *slog.Logger
}

// Handler is the admin plane. Everything under /api/ wants a token as a bearer or the session that one began, except
// for the OpenAPI document; the dashboard's files, health and metrics want none. It sends no CORS field, and a session
// counts for requests from its own origin alone, so that no page of another origin can use it.
type Handler struct {
	Options
	mux     http.ServeMux
	once    *once
	origin  *http.CrossOriginProtection
	guesses *rate.Limiter
	pages   pages
}

// The paths that a token's role or account decides about.
const (
	accountsPath = "/api/v1/accounts"
	accountPath  = accountsPath + "/{account}"
	grantPath    = accountPath + "/grants/{grant}"
)

// New makes the handler and starts nothing.
func New(o Options) *Handler {
	if o.Now == nil {
		o.Now = time.Now
	}
	h := &Handler{Options: o, once: newOnce(o), origin: http.NewCrossOriginProtection(), guesses: newGuesses(), pages: newPages(o.Pages)}
	for pattern, calls := range h.guardedCalls() {
		h.mux.Handle(pattern, h.guarded(pattern, calls))
	}
	for pattern, calls := range h.openCalls() {
		h.mux.Handle(pattern, h.open(calls))
	}
	h.mux.HandleFunc("/", h.showPage)
	return h
}

// guardedCalls are those for which a token is asked.
func (h *Handler) guardedCalls() map[string]methods {
	const account = accountPath
	return map[string]methods{
		accountsPath:                {"GET": h.get(h.listAccounts, "limit", "cursor"), "POST": h.post(h.createAccount, again)},
		accountPath:                 {"GET": h.get(h.showAccount), "PATCH": h.patch(h.changeAccount), "DELETE": h.delete(h.deleteAccount)},
		account + "/tokens":         {"GET": h.get(h.showTokens)},
		account + "/grants":         {"GET": h.get(h.listGrants, "limit", "cursor"), "POST": h.post(h.createGrant, again)},
		grantPath:                   {"GET": h.get(h.showGrant), "DELETE": h.delete(h.voidGrant)},
		account + "/keys":           {"GET": h.get(h.listKeys, "limit", "cursor"), "POST": h.post(h.createKey, keyMadeBefore)},
		account + "/keys/{key}":     {"GET": h.get(h.showKey), "PATCH": h.patch(h.changeKey), "DELETE": h.delete(h.revokeKey)},
		account + "/events":         {"GET": h.get(h.listEvents, "limit", "cursor", "from", "to", "activity", "chatbot", "model", "key", "outcome")},
		account + "/events/{event}": {"GET": h.get(h.showEvent)},
		account + "/usage":          {"GET": h.get(h.showUsage, usageParameters...)},
		account + "/usage.csv":      {"GET": h.get(h.showUsageCSV, usageParameters...)},
		account + "/ledger":         {"GET": h.get(h.listLedger, "limit", "cursor")},
		"/api":                      nil,
		"/api/":                     nil,
	}
}

// openCalls are those for which none is asked, or which ask by themselves.
func (h *Handler) openCalls() map[string]methods {
	return map[string]methods{
		sessionPath:            {"GET": h.showSession, "POST": h.signIn, "DELETE": h.signOut},
		"/api/v1/openapi.json": {"GET": showOpenAPI},
		"/healthz":             {"GET": showHealth},
		"/readyz":              {"GET": h.showReady},
		"/metrics":             {"GET": showMetrics(h.Registry)},
	}
}

// ServeHTTP sends nobody elsewhere: a path that the mux would clean and redirect is none. Neither is one of which no
// store keeps a name.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if clean := path.Clean(r.URL.Path); clean != r.URL.Path && clean+"/" != r.URL.Path || !isText(r.URL.Path) {
		h.open(nil).ServeHTTP(w, r)
		return
	}
	h.mux.ServeHTTP(w, r)
}

// endpoint is one call of the API.
type endpoint func(r *http.Request) (reply, error)

// methods are the calls of one path. None: there is no such path.
type methods map[string]endpoint

// reply is the answer of an endpoint that went well.
type reply struct {
	status int
	body   any    // its JSON form is sent, if stream is nil
	tag    string // the ETag; "": none
	stream func(http.ResponseWriter) error
	header map[string]string
	// kept is what a repeat of a POST may be shown; nil: body.
	kept   any
	cookie *http.Cookie
}

func (m methods) endpoint(method string) (endpoint, *problem, string) {
	if len(m) == 0 {
		return nil, absent("there is nothing at this path"), ""
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if e, ok := m[method]; ok {
		return e, nil, ""
	}
	allow := slices.Collect(maps.Keys(m))
	if _, ok := m[http.MethodGet]; ok {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	return nil, &problem{status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed,
		message: "this path takes " + either(allow)}, strings.Join(allow, ", ")
}

// guarded serves calls to those who show a token that may make them.
func (h *Handler) guarded(pattern string, calls methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		caller, refused := h.caller(r)
		if refused == nil {
			refused = caller.permit(r.Method, pattern, r.PathValue("account"))
		}
		if refused != nil {
			h.refuse(w, r, refused)
			return
		}
		h.open(calls).ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, caller)))
	})
}

// open serves calls to everyone.
func (h *Handler) open(calls methods) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call, p, allow := calls.endpoint(r.Method)
		if p != nil {
			if allow != "" {
				w.Header().Set("Allow", allow)
			}
			h.refuse(w, r, p)
			return
		}
		answer, err := call(r)
		if err != nil {
			h.refuse(w, r, outward(err))
			return
		}
		h.answer(w, r, answer)
	})
}

// refuse is the border between errors and clients: each error is logged here, once.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, p *problem) {
	if p.cause != nil && r.Context().Err() == nil {
		h.Log.Error("admin", "method", r.Method, "route", r.Pattern, "status", p.status, "error", p.Error())
	}
	switch p.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="tollgate"`)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "1")
	}
	body, err := json.Marshal(p)
	if err != nil {
		panic("BUG: a problem has no JSON form: " + err.Error())
	}
	h.write(w, p.status, body)
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, a reply) {
	if a.tag != "" {
		w.Header().Set("ETag", a.tag)
	}
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	if a.cookie != nil {
		http.SetCookie(w, a.cookie)
	}
	if a.status == http.StatusNoContent {
		w.WriteHeader(a.status)
		return
	}
	if a.stream != nil {
		if err := a.stream(w); err != nil && r.Context().Err() == nil {
			h.Log.Warn("admin", "method", r.Method, "route", r.Pattern, "error", err)
		}
		return
	}
	h.write(w, a.status, encode(a.body))
}

// encode is the JSON form of an answer. Bytes are one already.
func encode(body any) []byte {
	if raw, ok := body.(json.RawMessage); ok {
		return raw
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic("BUG: an answer has no JSON form: " + err.Error())
	}
	return text
}

func (h *Handler) write(w http.ResponseWriter, status int, body []byte) {
	head := w.Header()
	head.Set("Content-Type", "application/json")
	head.Set("Content-Length", strconv.Itoa(len(body)+1))
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(body)
	io.WriteString(w, "\n")
}

// get is a read: it comes after everything that this replica has journalled.
func (h *Handler) get(f func(context.Context, *http.Request, query) (reply, error), parameters ...string) endpoint {
	return func(r *http.Request) (reply, error) {
		q, err := readQuery(r, parameters)
		if err != nil {
			return reply{}, err
		}
		ctx, cancel := context.WithTimeout(r.Context(), callWait)
		defer cancel()
		if err := h.settled(ctx); err != nil {
			return reply{}, err
		}
		return f(ctx, r, q)
	}
}

// settled is the read barrier.
func (h *Handler) settled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, syncWait)
	defer cancel()
	if err := h.Sync(ctx); err != nil {
		return unavailable("the newest events are not in the store yet; try again", err)
	}
	return nil
}

// patch is a change of one thing.
func (h *Handler) patch(f func(context.Context, *http.Request, *form, int64) (reply, error)) endpoint {
	return func(r *http.Request) (reply, error) {
		version, err := readVersion(r)
		if err != nil {
			return reply{}, err
		}
		body, err := readBody(r)
		if err != nil {
			return reply{}, err
		}
		members, err := parseForm(body)
		if err != nil {
			return reply{}, err
		}
		return h.change(r, func(ctx context.Context) (reply, error) { return f(ctx, r, members, version) })
	}
}

// delete ends one thing.
func (h *Handler) delete(f func(context.Context, *http.Request) (reply, error)) endpoint {
	return func(r *http.Request) (reply, error) {
		return h.change(r, func(ctx context.Context) (reply, error) { return f(ctx, r) })
	}
}

// change runs a write to its end, though the client may leave: what was begun is either done or not. The log says
// what was done, and replicas hear of it at once.
func (h *Handler) change(r *http.Request, f func(context.Context) (reply, error)) (reply, error) {
	if _, err := readQuery(r, nil); err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), callWait)
	defer cancel()
	answer, err := f(ctx)
	if err == nil {
		h.Log.Info("changed", "method", r.Method, "path", r.URL.Path, "status", answer.status)
		h.Kick()
	}
	return answer, err
}

// tag is the ETag of a version.
func tag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// contentTag is the ETag of a thing that has no version.
func contentTag(view any) string {
	hash := sha256.Sum256(encode(view))
	return `"` + hex.EncodeToString(hash[:12]) + `"`
}

// readVersion is the version that If-Match asks for; 0 fits any.
func readVersion(r *http.Request) (int64, error) {
	match := r.Header.Get("If-Match")
	if match == "" || match == "*" {
		return 0, nil
	}
	number, opened := strings.CutPrefix(match, `"`)
	number, closed := strings.CutSuffix(number, `"`)
	if !opened || !closed || strings.ContainsAny(number, `",`) {
		return 0, unreadable("If-Match", "If-Match must be one ETag, as a GET gave it, or *")
	}
	version, err := strconv.ParseInt(number, 10, 64)
	if err != nil || version < 1 {
		return neverVersion, nil
	}
	return version, nil
}

// neverVersion is the version of an ETag that no answer ever had.
const neverVersion = -1
