package admin

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type statusView struct {
	Status string `json:"status"`
}

// showHealth says that the process answers; it touches nothing.
func showHealth(*http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: statusView{"ok"}}, nil
}

// showReady says whether requests can be served.
func (h *Handler) showReady(*http.Request) (reply, error) {
	if err := h.Ready(); err != nil {
		return reply{}, &problem{status: http.StatusServiceUnavailable, code: codeUnavailable, message: "not ready: " + err.Error()}
	}
	return reply{status: http.StatusOK, body: statusView{"ready"}}, nil
}

// showMetrics serves the registry in Prometheus' formats. Exemplars are in OpenMetrics alone.
func showMetrics(registry *prometheus.Registry) endpoint {
	page := promhttp.HandlerFor(registry, promhttp.HandlerOpts{EnableOpenMetrics: true})
	return func(r *http.Request) (reply, error) {
		return reply{stream: func(w http.ResponseWriter) error {
			page.ServeHTTP(w, r)
			return nil
		}}, nil
	}
}
