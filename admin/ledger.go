package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/tollgate/tollgate/accounting"
)

func viewEntry(e accounting.Entry) accounting.Entry {
	e.At = e.At.UTC()
	return e
}

func (h *Handler) listLedger(ctx context.Context, r *http.Request, q query) (reply, error) {
	p, err := q.page("ledger")
	if err != nil {
		return reply{}, err
	}
	before, err := p.seq()
	if err != nil {
		return reply{}, err
	}
	a, err := h.known(ctx, r)
	if err != nil {
		return reply{}, err
	}
	entries, err := h.Store.Ledger(ctx, a.ID, before, p.ask())
	if err != nil {
		return reply{}, err
	}
	return listed(p, entries, func(e accounting.Entry) string { return strconv.FormatInt(e.Seq, 10) }, viewEntry), nil
}
