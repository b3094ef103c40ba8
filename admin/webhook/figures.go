package webhook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/tollgate/tollgate/accounting"
)

// figures are the metrics. Their labels are ours: types and outcomes, never accounts or targets.
type figures struct {
	tries           *prometheus.CounterVec
	waiting, oldest prometheus.Gauge
}

func newFigures(r prometheus.Registerer) *figures {
	f := &figures{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tollgate_webhook_tries_total", Help: "Webhooks posted, by how that ended: delivered, failed (tried again later), given_up (not tried again).",
		}, []string{"type", "outcome"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tollgate_webhook_waiting", Help: "Webhooks that their targets have not got yet; of a shared store, those of all replicas.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "tollgate_webhook_waiting_seconds", Help: "How long ago the oldest of them happened.",
		}),
	}
	for _, kind := range accounting.NoticeKinds {
		for _, fate := range []accounting.Fate{accounting.Delivered, accounting.Failed, accounting.GivenUp} {
			f.tries.WithLabelValues(string(kind), string(fate))
		}
	}
	r.MustRegister(f.tries, f.waiting, f.oldest)
	return f
}

// wait shows how many wait, and since when.
func (f *figures) wait(n int64, oldest time.Time) {
	f.waiting.Set(float64(n))
	if n == 0 {
		f.oldest.Set(0)
		return
	}
	f.oldest.Set(time.Since(oldest).Seconds())
}
