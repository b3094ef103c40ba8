package accounting

import "time"

// Outcome says how a metered request ended.
type Outcome string

const (
	Completed      Outcome = "completed"
	ClientClosed   Outcome = "client_closed"
	UpstreamBroken Outcome = "upstream_broken"
	UpstreamError  Outcome = "upstream_error"
	Interrupted    Outcome = "interrupted" // the gateway died in it
)

// Measured says where an event's tokens come from.
type Measured string

const (
	ByProvider  Measured = "provider"
	ByEstimate  Measured = "estimated"
	NotMeasured Measured = "none"
)

// Tokens are the counts of one response, by class. Classes never overlap at the top level:
// CachedInput and CacheWriteInput stand inside Input, ReasoningOutput inside Output, Total is Input + Output.
type Tokens struct {
	Input           int64 `json:"input"`
	Output          int64 `json:"output"`
	CachedInput     int64 `json:"cached_input"`
	CacheWriteInput int64 `json:"cache_write_input"`
	ReasoningOutput int64 `json:"reasoning_output"`
	Total           int64 `json:"total"`
}

// Charged is how a charge was split: Total = Monthly + Extra + Overdraft.
type Charged struct {
	Total     int64 `json:"total"`
	Monthly   int64 `json:"monthly"`
	Extra     int64 `json:"extra"`
	Overdraft int64 `json:"overdraft"`
}

// Event is the immutable record of one metered request. Its JSON form is the admin API's.
type Event struct {
	ID             string    `json:"id"` // UUIDv7, also X-Tollgate-Request-Id
	Account        string    `json:"account"`
	Key            string    `json:"key"`
	Activity       string    `json:"activity"`
	Chatbot        string    `json:"chatbot"`
	User           string    `json:"user"`
	Provider       string    `json:"provider"`
	API            string    `json:"api"`
	Model          string    `json:"model"`
	RequestedModel string    `json:"requested_model"`
	Stream         bool      `json:"stream"`
	Status         int       `json:"status"`
	Outcome        Outcome   `json:"outcome"`
	Measured       Measured  `json:"measured"`
	Tokens         Tokens    `json:"tokens"`
	Charged        Charged   `json:"charged"` // Total is set at settlement, the split by the store
	StartedAt      time.Time `json:"started_at"`
	FirstTokenMS   *int64    `json:"first_token_ms"`
	DurationMS     int64     `json:"duration_ms"`
	TraceID        string    `json:"trace_id"`
}

// Settlement is an event on its way to the store: with the lease that it was admitted on.
type Settlement struct {
	Event Event `json:"event"`
	// PeriodStart is the start of the period in which the request was admitted.
	PeriodStart time.Time `json:"period_start"`
	// Epoch is the life of the replica that admitted it.
	Epoch string `json:"epoch"`
}
