package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/tollgate/tollgate/accounting"
)

// View is the Token view of a live account, with everything that this replica completed before the call. It fails
// with accounting.ErrNotFound; any other error means that the store can't tell now.
func (h *Handler) View(ctx context.Context, account string) (accounting.View, error) {
	if err := h.settled(ctx); err != nil {
		return accounting.View{}, err
	}
	return h.view(ctx, account)
}

func (h *Handler) view(ctx context.Context, account string) (accounting.View, error) {
	now := h.Now()
	pools, err := h.Store.Pools(ctx, account, now)
	if err != nil {
		return accounting.View{}, err
	}
	pace, err := h.Store.Pace(ctx, account, now.Add(-accounting.PaceWindow))
	if err != nil {
		return accounting.View{}, err
	}
	return accounting.NewView(pools, now, h.Held(account), pace), nil
}

func (h *Handler) showTokens(ctx context.Context, r *http.Request, _ query) (reply, error) {
	id := r.PathValue("account")
	v, err := h.view(ctx, id)
	if errors.Is(err, accounting.ErrNotFound) {
		return reply{}, noAccount(id)
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: v}, nil
}
