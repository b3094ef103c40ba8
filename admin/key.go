package admin

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// ttlMax is ten years; a key that shall live longer has no end.
const ttlMax = 10 * 366 * 24 * 60 * 60

var label = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,64}$`)

// builtinActivities are those that every gateway knows.
var builtinActivities = []string{"chat", "ingest", "training", "preview"}

// KeyView is the JSON form of a key.
type KeyView struct {
	ID                string        `json:"id"`
	Secret            string        `json:"secret,omitempty"` // in the answer that made it, nowhere else
	Account           string        `json:"account"`
	Name              string        `json:"name"`
	Scope             policy.Scope  `json:"scope"`
	Activity          string        `json:"activity"`
	Chatbot           string        `json:"chatbot"`
	Labels            policy.Labels `json:"labels"`
	MonthlyCap        *int64        `json:"monthly_cap"`
	RequestsPerMinute *int64        `json:"requests_per_minute"`
	Concurrent        *int64        `json:"concurrent"`
	MaxOutputTokens   *int64        `json:"max_output_tokens"`
	Models            []string      `json:"models"`
	Providers         []string      `json:"providers"`
	Origins           []string      `json:"origins"`
	ExpiresAt         *time.Time    `json:"expires_at"`
	RevokedAt         *time.Time    `json:"revoked_at"`
	CreatedAt         time.Time     `json:"created_at"`
	UpdatedAt         time.Time     `json:"updated_at"`
	// Used is what was charged to the key in the running period; only where one key is read.
	Used *int64 `json:"used,omitempty"`
}

func viewKey(k policy.Key) KeyView {
	return KeyView{
		ID: k.ID, Account: k.Account, Name: k.Name, Scope: k.Scope, Activity: k.Activity, Chatbot: k.Chatbot, Labels: k.Labels,
		MonthlyCap: k.MonthlyCap, RequestsPerMinute: k.RequestsPerMinute, Concurrent: k.Concurrent, MaxOutputTokens: k.MaxOutputTokens,
		Models: present(k.Models), Providers: present(k.Providers), Origins: present(k.Origins),
		ExpiresAt: instant(k.ExpiresAt), RevokedAt: instant(k.RevokedAt), CreatedAt: k.CreatedAt.UTC(), UpdatedAt: k.UpdatedAt.UTC(),
	}
}

// present is an empty list for nil, so that JSON has [] and not null.
func present(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// newSecret is what a client shows: tg_ and 256 random bits.
func newSecret() string {
	var random [32]byte
	rand.Read(random[:])
	return "tg_" + base64.RawURLEncoding.EncodeToString(random[:])
}

func (h *Handler) createKey(ctx context.Context, r *http.Request, f *form) (reply, error) {
	scope := f.choice("scope", notNull, string(policy.ScopeCall), string(policy.ScopeView))
	members := h.readKey(f)
	if err := f.done(); err != nil {
		return reply{}, err
	}
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	k := policy.Key{ID: newID("key"), Account: a.ID, Scope: policy.Scope(scope.or(string(policy.ScopeCall))),
		Activity: "chat", Labels: policy.LabelsOpen}
	if err := members.apply(&k); err != nil {
		return reply{}, err
	}
	secret := newSecret()
	k, err = h.Store.CreateKey(ctx, k, policy.HashSecret(secret), h.Now())
	if err != nil {
		return reply{}, err
	}
	kept := viewKey(k)
	shown := kept
	shown.Secret = secret
	return reply{status: http.StatusCreated, body: shown, kept: kept, tag: tag(k.Version)}, nil
}

// keyMadeBefore answers a repeated POST of a key: its secret can't be shown again.
func keyMadeBefore(r accounting.Remembered) (reply, error) {
	var k KeyView
	if err := json.Unmarshal(r.Answer, &k); err != nil {
		return reply{}, unavailable("the answer to this Idempotency-Key can't be read", err)
	}
	return reply{}, &problem{status: http.StatusConflict, code: codeAlreadyExists, field: "Idempotency-Key", id: k.ID,
		message: "this Idempotency-Key made the key " + k.ID + " before; its secret was shown then and is not kept"}
}

func (h *Handler) listKeys(ctx context.Context, r *http.Request, q query) (reply, error) {
	p, err := q.page("keys")
	if err != nil {
		return reply{}, err
	}
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	keys, err := h.Store.Keys(ctx, a.ID, p.after, p.ask())
	if err != nil {
		return reply{}, err
	}
	return listed(p, keys, func(k policy.Key) string { return k.ID }, viewKey), nil
}

func (h *Handler) showKey(ctx context.Context, r *http.Request, _ query) (reply, error) {
	pools, err := h.pools(ctx, r)
	if err != nil {
		return reply{}, err
	}
	k, err := h.Store.AccountKey(ctx, pools.Account.ID, r.PathValue("key"))
	if err != nil {
		return reply{}, missing(err, "key", r.PathValue("key"), pools.Account.ID)
	}
	used, err := h.Store.Used(ctx, k.ID, pools.Running().Start)
	if err != nil {
		return reply{}, err
	}
	v := viewKey(k)
	v.Used = &used
	return reply{status: http.StatusOK, body: v, tag: tag(k.Version)}, nil
}

func (h *Handler) changeKey(ctx context.Context, r *http.Request, f *form, version int64) (reply, error) {
	members := h.readKey(f)
	if err := f.done("id", "scope", "account"); err != nil {
		return reply{}, err
	}
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	id := r.PathValue("key")
	k, err := h.Store.ChangeKey(ctx, a.ID, id, version, members.change, h.Now())
	if err != nil {
		return reply{}, missing(err, "key", id, a.ID)
	}
	return reply{status: http.StatusOK, body: viewKey(k), tag: tag(k.Version)}, nil
}

func (h *Handler) revokeKey(ctx context.Context, r *http.Request) (reply, error) {
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	k, err := h.Store.RevokeKey(ctx, a.ID, r.PathValue("key"), h.Now())
	if err != nil {
		return reply{}, missing(err, "key", r.PathValue("key"), a.ID)
	}
	return reply{status: http.StatusOK, body: viewKey(k)}, nil
}

// keyMembers are the members of a key that a request may give.
type keyMembers struct {
	name, activity, chatbot, labels                                 member[string]
	monthlyCap, requestsPerMinute, concurrent, maxOutputTokens, ttl member[int64]
	models, providers, origins                                      member[[]string]
	expiresAt                                                       member[time.Time]
	now                                                             time.Time
}

func (h *Handler) readKey(f *form) keyMembers {
	now := h.Now()
	m := keyMembers{
		name:              f.text("name", notNull),
		activity:          f.choice("activity", notNull, h.activities()...),
		chatbot:           f.text("chatbot", notNull),
		labels:            f.choice("labels", notNull, string(policy.LabelsOpen), string(policy.LabelsFixed)),
		monthlyCap:        f.whole("monthly_cap", orNull, 0, tokensMax),
		requestsPerMinute: f.whole("requests_per_minute", orNull, 1, tokensMax),
		concurrent:        f.whole("concurrent", orNull, 1, tokensMax),
		maxOutputTokens:   f.whole("max_output_tokens", orNull, 1, tokensMax),
		models:            f.texts("models", notEmpty),
		providers:         f.texts("providers", h.checkProvider),
		origins:           f.texts("origins", checkOrigin),
		expiresAt:         f.future("expires_at", now),
		ttl:               f.whole("ttl_seconds", orNull, 1, ttlMax),
		now:               now,
	}
	if m.chatbot.value != "" && !label.MatchString(m.chatbot.value) {
		f.refuse(wrong("chatbot", "chatbot must be 1 to 64 letters, digits and . _ : @ -, not %q", m.chatbot.value))
	}
	if m.ttl.pointer() != nil && m.expiresAt.pointer() != nil {
		f.refuse(wrong("ttl_seconds", "give either ttl_seconds or expires_at"))
	}
	return m
}

func (h *Handler) activities() []string { return slices.Concat(builtinActivities, h.Activities()) }

func notEmpty(s string) string {
	if s == "" {
		return "must not be empty"
	}
	return ""
}

func (h *Handler) checkProvider(name string) string {
	providers := h.Providers()
	if slices.Contains(providers, name) {
		return ""
	}
	return "is not a provider of gateway.yaml, which has " + strings.Join(providers, ", ")
}

// checkOrigin accepts what a browser sends in Origin, byte for byte: anything else would never match.
func checkOrigin(origin string) string {
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || strings.ContainsAny(origin, "*\"'<>`{}|^\\") {
		return "must be an origin as https://app.example.com"
	}
	port, err := strconv.ParseUint(u.Port(), 10, 16)
	switch {
	case strings.HasSuffix(u.Host, ":") || (u.Scheme == "http" && port == 80) || (u.Scheme == "https" && port == 443):
		return "must be written without the default port: browsers leave it out"
	case u.Port() != "" && (err != nil || strconv.FormatUint(port, 10) != u.Port()):
		return "must have a port between 1 and 65535, without leading zeros"
	}
	if origin != u.Scheme+"://"+u.Host {
		return "must have neither path, query nor user, nor a slash at its end"
	}
	if strings.ContainsFunc(u.Host, func(c rune) bool { return c > '~' || (c >= 'A' && c <= 'Z') }) {
		return "must be in lower case and ASCII (xn--…), as browsers send it"
	}
	return ""
}

// change is apply for a key that exists.
func (m keyMembers) change(k *policy.Key) error {
	if !k.RevokedAt.IsZero() {
		return &problem{status: http.StatusConflict, code: codeConflict, message: "the key is revoked"}
	}
	return m.apply(k)
}

// apply changes a key as asked. Labels of a key with origins are fixed whatever is asked: who copies such a key
// out of a page must not choose what it is counted for.
func (m keyMembers) apply(k *policy.Key) error {
	k.Name = m.name.or(k.Name)
	k.Activity = m.activity.or(k.Activity)
	k.Chatbot = m.chatbot.or(k.Chatbot)
	k.Labels = policy.Labels(m.labels.or(string(k.Labels)))
	for _, limit := range []struct {
		asked member[int64]
		of    **int64
	}{
		{m.monthlyCap, &k.MonthlyCap}, {m.requestsPerMinute, &k.RequestsPerMinute},
		{m.concurrent, &k.Concurrent}, {m.maxOutputTokens, &k.MaxOutputTokens},
	} {
		if limit.asked.given {
			*limit.of = limit.asked.pointer()
		}
	}
	k.Models = m.models.or(k.Models)
	k.Providers = m.providers.or(k.Providers)
	k.Origins = m.origins.or(k.Origins)
	if len(k.Origins) > 0 {
		k.Labels = policy.LabelsFixed
	}
	if m.expiresAt.given {
		k.ExpiresAt = m.expiresAt.value
	}
	if ttl := m.ttl.pointer(); ttl != nil {
		k.ExpiresAt = m.now.Add(time.Duration(*ttl) * time.Second).UTC()
	}
	return nil
}
