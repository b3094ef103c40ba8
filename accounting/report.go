package accounting

import "time"

// EventFilter narrows a list of events; zero fields match all. From is inclusive, To exclusive, both by StartedAt.
type EventFilter struct {
	From, To                               time.Time
	Activity, Chatbot, Model, Key, Outcome string
}

// UsageQuery asks for sums. GroupBy holds any of day, activity, chatbot, model, provider, key, each once, in the
// order of the answer; days are the account's local days, and From and To are rounded to what the rollups can tell
// (hours of the account's time zone). Zero fields match all.
type UsageQuery struct {
	From, To                                time.Time
	Activity, Chatbot, Model, Provider, Key string
	GroupBy                                 []string
}

// UsageRow is one sum. Group holds the value of each asked dimension, in the order of UsageQuery.GroupBy;
// a day as 2006-01-02.
type UsageRow struct {
	Group    []string
	Requests int64
	Tokens   Tokens
	Charged  Charged
}

// Remembered is an answer kept for a repeated POST.
type Remembered struct {
	Key string // method, path and Idempotency-Key together
	// Body is the SHA-256 of the request body.
	Body   [32]byte
	Status int
	// Answer is the body that was sent; for a key's creation it lacks the secret.
	Answer []byte
	At     time.Time
}

// Drift is a number of an account that is not what its parts make it.
type Drift struct {
	Account string
	What    string
	// Want is what the parts make, Have what is stored.
	Want, Have int64
}
