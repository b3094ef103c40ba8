package admin

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/tollgate/tollgate/accounting"
)

// GrantView is the JSON form of a grant.
type GrantView struct {
	ID        string     `json:"id"`
	Reference string     `json:"reference"`
	Tokens    int64      `json:"tokens"`
	Remaining int64      `json:"remaining"`
	ExpiresAt *time.Time `json:"expires_at"`
	CreatedAt time.Time  `json:"created_at"`
	VoidedAt  *time.Time `json:"voided_at"`
}

func viewGrant(g accounting.Grant) GrantView {
	return GrantView{ID: g.ID, Reference: g.Reference, Tokens: g.Tokens, Remaining: g.Remaining,
		ExpiresAt: instant(g.ExpiresAt), CreatedAt: g.CreatedAt.UTC(), VoidedAt: instant(g.VoidedAt)}
}

// newID makes an id that sorts by the time of its making.
func newID(kind string) string {
	return kind + "_" + strings.ReplaceAll(uuid.Must(uuid.NewV7()).String(), "-", "")
}

func (h *Handler) createGrant(ctx context.Context, r *http.Request, f *form) (reply, error) {
	now := h.Now()
	tokens := f.whole("tokens", notNull, 1, tokensMax)
	reference := f.text("reference", notNull)
	expires := f.future("expires_at", now)
	if err := f.done(); err != nil {
		return reply{}, err
	}
	if !tokens.given {
		return reply{}, wrong("tokens", "tokens is missing")
	}
	if strings.TrimSpace(reference.value) == "" {
		return reply{}, wrong("reference", "reference must name the purchase, such as an invoice's number")
	}
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	if err := h.settled(ctx); err != nil { // what overdrew before the purchase is known at the purchase
		return reply{}, err
	}
	g, created, err := h.Store.CreateGrant(ctx, accounting.Grant{
		ID: newID("grant"), Account: a.ID, Reference: reference.value, Tokens: tokens.value, ExpiresAt: expires.value,
	}, now)
	if errors.Is(err, accounting.ErrConflict) {
		return reply{}, &problem{status: http.StatusConflict, code: codeConflict, field: "reference",
			message: "this reference was granted already, with another number of tokens"}
	}
	if err != nil {
		return reply{}, err
	}
	status := http.StatusOK
	if created {
		status = http.StatusCreated
	}
	return reply{status: status, body: viewGrant(g)}, nil
}

func (h *Handler) listGrants(ctx context.Context, r *http.Request, q query) (reply, error) {
	p, err := q.page("grants")
	if err != nil {
		return reply{}, err
	}
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	grants, err := h.Store.Grants(ctx, a.ID, p.after, p.ask())
	if err != nil {
		return reply{}, err
	}
	return listed(p, grants, func(g accounting.Grant) string { return g.ID }, viewGrant), nil
}

func (h *Handler) showGrant(ctx context.Context, r *http.Request, _ query) (reply, error) {
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	g, err := h.Store.Grant(ctx, a.ID, r.PathValue("grant"))
	if err != nil {
		return reply{}, missing(err, "grant", r.PathValue("grant"), a.ID)
	}
	v := viewGrant(g)
	return reply{status: http.StatusOK, body: v, tag: contentTag(v)}, nil
}

// voidGrant takes back what is left once all completed requests have paid.
func (h *Handler) voidGrant(ctx context.Context, r *http.Request) (reply, error) {
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	if err := h.settled(ctx); err != nil {
		return reply{}, err
	}
	g, err := h.Store.VoidGrant(ctx, a.ID, r.PathValue("grant"), h.Now())
	if err != nil {
		return reply{}, missing(err, "grant", r.PathValue("grant"), a.ID)
	}
	return reply{status: http.StatusOK, body: viewGrant(g)}, nil
}

// missing gives a thing that is not found its name.
func missing(err error, kind, id, account string) error {
	if errors.Is(err, accounting.ErrNotFound) {
		return absent("there is no %s %q in account %q", kind, id, account)
	}
	return err
}
