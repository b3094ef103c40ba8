// Package dialect knows the wire formats: where model, usage and the end of a response stand, what has to
// be spliced into a request, and what a refusal looks like. It is pure functions over bytes; nothing here
// does I/O, and nothing here re-serialises what a client or a provider wrote.
package dialect

// Usage is the token counts of one response as its provider reported them, brought into classes that never
// overlap: CachedInput and CacheWriteInput stand inside Input, ReasoningOutput inside Output.
type Usage struct {
	Input, Output                                 int64
	CachedInput, CacheWriteInput, ReasoningOutput int64
	// Known is false when the provider reported nothing: the counts are then unknown, not zero.
	Known bool
}

// API is one metered operation of a provider, say chat completions: how its requests and responses are read.
type API struct {
	// Name is the event's api: chat.completions, completions, responses, responses.compact, embeddings.
	Name string
	// Operation is gen_ai.operation.name.
	Operation string
	// CanAskUsage says that streams report usage when stream_options.include_usage asks for it.
	CanAskUsage bool
	// MinOutput is the smallest output limit that the provider accepts.
	MinOutput int64
	// read, usage and end are filled in by the dialect's file.
	format format
}

// Request is what the gateway reads of a request body. Offsets are into the body.
type Request struct {
	Model  string
	Stream bool
	// Choices is how many answers were asked for; at least 1.
	Choices int64
	// OutputLimit is the most output tokens per choice that the request allows; 0: it names none.
	OutputLimit int64
	// HasOutput is false for APIs whose answer costs no output tokens (embeddings).
	HasOutput bool
	// UsageAsked says that the client itself asked for usage in a stream.
	UsageAsked bool
	// Unbounded names what makes the cost unbounded by the body's size (a hosted tool, a file by reference …),
	// for strict admission; "": the body bounds it.
	Unbounded string
	// Background says that the provider would answer before it has generated (never metered).
	Background bool

	splice splice
}

// Refusal is an answer that the gateway gives itself.
type Refusal struct {
	Status  int
	Code    string // the contract's code
	Message string
	// Quota is set for insufficient_quota: it goes into the body as numbers.
	Quota *Quota
}

// Quota is what a refusal for lack of tokens tells.
type Quota struct {
	Used, Total, Extra int64
	ResetAt            string // RFC 3339
}

// Response is what is known of a provider's answer before its body.
type Response struct {
	Status          int
	ContentType     string // the header's value
	ContentEncoding string // the header's value; anything but "" and identity can't be read
	// Request is the request that it answers.
	Request Request
	// Cut says that the request was spliced to ask for usage, so that what this adds is taken out.
	Cut bool
}
