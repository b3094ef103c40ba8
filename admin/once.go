package admin

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// idempotencyKeyMax is how long an Idempotency-Key may be, in bytes.
const idempotencyKeyMax = 255

// once keeps repeated POSTs from being done twice. Requests with one Idempotency-Key wait for each other in this
// process; the store remembers the answers of those that went well for 24 h. A refused request is not remembered,
// so that it can be corrected under the same key.
type once struct {
	store Store
	now   func() time.Time
	log   *slog.Logger
	// doors are taken by the hash of a key: few and fixed, at the price that strangers wait for each other now and then.
	doors [64]chan struct{}
}

func newOnce(o Options) *once {
	c := &once{store: o.Store, now: o.Now, log: o.Log}
	for i := range c.doors {
		c.doors[i] = make(chan struct{}, 1)
	}
	return c
}

// again answers a repeat as the first time.
func again(r accounting.Remembered) (reply, error) {
	return reply{status: r.Status, body: json.RawMessage(r.Answer), header: map[string]string{"Idempotent-Replayed": "true"}}, nil
}

// post makes something. repeat answers a request that was done before under the same Idempotency-Key.
func (h *Handler) post(f func(context.Context, *http.Request, *form) (reply, error), repeat func(accounting.Remembered) (reply, error)) endpoint {
	return func(r *http.Request) (reply, error) {
		name, err := idempotencyKey(r)
		if err != nil {
			return reply{}, err
		}
		body, err := readBody(r)
		if err != nil {
			return reply{}, err
		}
		return h.change(r, func(ctx context.Context) (reply, error) {
			do := func() (reply, error) {
				members, err := parseForm(body)
				if err != nil {
					return reply{}, err
				}
				return f(ctx, r, members)
			}
			if name == "" {
				return do()
			}
			return h.once.do(ctx, name, sha256.Sum256(body), do, repeat)
		})
	}
}

// idempotencyKey is what tells this POST from others, "" for one without the header.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", nil
	}
	key := values[0]
	unprintable := func(c rune) bool { return c < ' ' || c > '~' }
	if len(values) > 1 || key == "" || len(key) > idempotencyKeyMax || strings.ContainsFunc(key, unprintable) {
		return "", unreadable("Idempotency-Key", "Idempotency-Key must be 1 to %d printable ASCII characters", idempotencyKeyMax)
	}
	return r.Method + " " + r.URL.Path + " " + key, nil
}

func (c *once) do(ctx context.Context, name string, body [32]byte, f func() (reply, error), repeat func(accounting.Remembered) (reply, error)) (reply, error) {
	hash := sha256.Sum256([]byte(name))
	door := c.doors[hash[0]%byte(len(c.doors))]
	select {
	case door <- struct{}{}:
		defer func() { <-door }()
	case <-ctx.Done():
		return reply{}, unavailable("another request with this Idempotency-Key is still running", ctx.Err())
	}
	before, err := c.store.Recall(ctx, name, c.now())
	switch {
	case err == nil && before.Body != body:
		return reply{}, wrong("Idempotency-Key", "this Idempotency-Key was used with another body")
	case err == nil:
		return repeat(before)
	case !errors.Is(err, accounting.ErrNotFound):
		return reply{}, err
	}
	answer, err := f()
	if err != nil {
		return reply{}, err
	}
	c.remember(ctx, name, body, answer)
	return answer, nil
}

// remember does not fail the request: what was made is made, and the client had better hear of it.
func (c *once) remember(ctx context.Context, name string, body [32]byte, answer reply) {
	kept := answer.kept
	if kept == nil {
		kept = answer.body
	}
	err := c.store.Remember(ctx, accounting.Remembered{Key: name, Body: body, Status: answer.status, Answer: encode(kept), At: c.now()})
	if err != nil {
		c.log.Warn("remember answer: a repeat of this request may be done again", "error", err)
	}
}
