package admin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// sessionCookie holds a session: HttpOnly, SameSite=Strict, and signed with a key that only its token gives. So it
// holds no secret, every replica can read it, and it is over when the token changes. It has no Path: the browser then
// sends it to the folder of the call that set it, which is the API under whatever prefix the gateway is reached.
const sessionCookie = "tollgate_session"

const sessionPath = "/api/v1/session"

// session is what the cookie says.
type session struct {
	Token   string `json:"t"` // its name
	Expires int64  `json:"e"` // Unix seconds
}

// sessionView is the JSON form of who is signed in.
type sessionView struct {
	Name      string     `json:"name"`
	Role      Role       `json:"role"`
	Account   *string    `json:"account"`
	ExpiresAt *time.Time `json:"expires_at"` // null: a bearer, which has none
}

func viewSession(t *Token, expires *time.Time) sessionView {
	v := sessionView{Name: t.Name, Role: t.Role, ExpiresAt: expires}
	if t.Account != "" {
		v.Account = &t.Account
	}
	return v
}

func (s session) sign(secret string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic("BUG: a session has no JSON form: " + err.Error())
	}
	body := base64.RawURLEncoding.EncodeToString(text)
	return body + "." + signature(body, secret)
}

func signature(body, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("tollgate session "))
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// bySession finds the token of the session that the request's cookie shows, and when that ends; nil: none that lives.
func (h *Handler) bySession(r *http.Request) (*Token, time.Time) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, time.Time{}
	}
	body, signed, _ := strings.Cut(cookie.Value, ".")
	text, err := base64.RawURLEncoding.DecodeString(body)
	var s session
	if err != nil || json.Unmarshal(text, &s) != nil {
		return nil, time.Time{}
	}
	expires := time.Unix(s.Expires, 0).UTC()
	for _, t := range h.Tokens() {
		if t.Name == s.Token && t.Secret != "" && hmac.Equal([]byte(signed), []byte(signature(body, t.Secret))) && h.Now().Before(expires) {
			return &t, expires
		}
	}
	return nil, time.Time{}
}

// caller says who makes a request: by its bearer, else by its session. A session is used by browsers, so a request
// with one must come from the dashboard itself.
func (h *Handler) caller(r *http.Request) (*Token, *problem) {
	if r.Header.Get("Authorization") != "" {
		if t, refused := h.byBearer(r); t != nil || refused != nil {
			return t, refused
		}
	} else if t, _ := h.bySession(r); t != nil {
		if err := h.origin.Check(r); err != nil {
			return nil, forbidden("a session is used from the dashboard alone: %v", err)
		}
		return t, nil
	}
	return nil, &problem{status: http.StatusUnauthorized, code: codeUnauthorized,
		message: "the admin token must stand in Authorization: Bearer"}
}

// signIn begins a session.
func (h *Handler) signIn(r *http.Request) (reply, error) {
	if err := h.origin.Check(r); err != nil {
		return reply{}, forbidden("sign in on the dashboard itself: %v", err)
	}
	if _, err := readQuery(r, nil); err != nil {
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
	shown := members.secret("token")
	if err := members.done(); err != nil {
		return reply{}, err
	}
	t, refused := h.bySecret(strings.TrimSpace(shown))
	if refused != nil {
		refused.field = "token"
		return reply{}, refused
	}
	if t == nil {
		h.Log.Warn("sign-in refused", "remote", r.RemoteAddr)
		return reply{}, &problem{status: http.StatusUnauthorized, code: codeUnauthorized, field: "token",
			message: "this is no admin token of this gateway"}
	}
	expires := h.Now().Add(h.SessionTTL()).UTC().Truncate(time.Second)
	h.Log.Info("signed in", "name", t.Name, "role", t.Role)
	return reply{status: http.StatusCreated, body: viewSession(t, &expires), cookie: &http.Cookie{
		Name: sessionCookie, Value: session{Token: t.Name, Expires: expires.Unix()}.sign(t.Secret),
		Expires: expires, Secure: encrypted(r), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}}, nil
}

// encrypted says whether the browser came by TLS, to this listener or to a proxy before it. Who says so without need
// harms only its own session.
func encrypted(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// showSession says who is signed in, or whose bearer this is. That nobody is, is no error: a browser that opens the
// dashboard asks this first.
func (h *Handler) showSession(r *http.Request) (reply, error) {
	if t, _ := h.bySession(r); t == nil && r.Header.Get("Authorization") == "" {
		return reply{status: http.StatusNoContent}, nil
	}
	t, refused := h.caller(r)
	if refused != nil {
		return reply{}, refused
	}
	var until *time.Time
	if r.Header.Get("Authorization") == "" {
		_, expires := h.bySession(r)
		until = &expires
	}
	return reply{status: http.StatusOK, body: viewSession(t, until)}, nil
}

// signOut ends the session of this browser. A copy of the cookie would live on until it expires or its token changes.
func (h *Handler) signOut(*http.Request) (reply, error) {
	return reply{status: http.StatusNoContent, cookie: &http.Cookie{
		Name: sessionCookie, MaxAge: -1, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	}}, nil
}
