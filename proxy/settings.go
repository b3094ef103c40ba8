package proxy

import (
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/provider"
)

// Settings are what a reload can change. The handler takes them whole, once per request.
type Settings struct {
	Providers map[string]*provider.Provider
	// Default serves paths that start with no provider's name; nil: they are refused.
	Default *provider.Provider
	Weights accounting.Weights
	// Units are charged for answers that are counted otherwise than in tokens.
	Units accounting.UnitPrices
	// Activities are all that a request may name.
	Activities map[string]bool
	// EmptyStatus answers insufficient_quota: 402 or 429.
	EmptyStatus int
	// Propagate hands the trace on to the provider.
	Propagate bool
	// UsageWait is how long an ended stream waits for the usage that follows it.
	UsageWait time.Duration

	MaxRequestBytes       int64
	MaxBufferedBytes      int64
	MaxConcurrentRequests int64
	BodyTimeout           time.Duration
}

// UsageWait is the default: longer than any provider was seen to need between the end of its answer and the
// usage, and short enough that no client gives up.
const UsageWait = 2 * time.Second
