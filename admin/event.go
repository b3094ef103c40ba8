package admin

import (
	"context"
	"net/http"
	"slices"

	"github.com/tollgate/tollgate/accounting"
)

var outcomes = []string{
	string(accounting.Completed), string(accounting.ClientClosed), string(accounting.UpstreamBroken),
	string(accounting.UpstreamError), string(accounting.Interrupted),
}

func viewEvent(e accounting.Event) accounting.Event {
	e.StartedAt = e.StartedAt.UTC()
	return e
}

// listEvents shows events of deleted accounts too: they are facts.
func (h *Handler) listEvents(ctx context.Context, r *http.Request, q query) (reply, error) {
	p, err := q.page("events")
	if err != nil {
		return reply{}, err
	}
	if outcome, given := q["outcome"]; given && !slices.Contains(outcomes, outcome) {
		return reply{}, wrong("outcome", "outcome must be %s, not %q", either(outcomes), outcome)
	}
	a, err := h.known(ctx, r)
	if err != nil {
		return reply{}, err
	}
	from, to, err := q.span(location(a))
	if err != nil {
		return reply{}, err
	}
	filter := accounting.EventFilter{From: from, To: to, Activity: q["activity"], Chatbot: q["chatbot"], Model: q["model"], Key: q["key"], Outcome: q["outcome"]}
	events, err := h.Store.Events(ctx, a.ID, filter, p.after, p.ask())
	if err != nil {
		return reply{}, err
	}
	return listed(p, events, func(e accounting.Event) string { return e.ID }, viewEvent), nil
}

func (h *Handler) showEvent(ctx context.Context, r *http.Request, _ query) (reply, error) {
	a, err := h.known(ctx, r)
	if err != nil {
		return reply{}, err
	}
	e, err := h.Store.Event(ctx, a.ID, r.PathValue("event"))
	if err != nil {
		return reply{}, missing(err, "event", r.PathValue("event"), a.ID)
	}
	e = viewEvent(e)
	return reply{status: http.StatusOK, body: e, tag: contentTag(e)}, nil
}
