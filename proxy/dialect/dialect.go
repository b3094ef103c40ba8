// Package dialect knows the wire formats: where model, usage and the end of a response stand, what has to
// be spliced into a request, and what a refusal looks like. It is pure functions over bytes; nothing here
// does I/O, and nothing here re-serialises what a client or a provider wrote.
//
// A dialect's file (openai.go) declares its APIs: a tree of the places that are read of a request, one of those that
// are read of an answer, and a reader that says what they mean. Scanner, splice, framing and withholding are common.
package dialect

// Usage is the token counts of one response as its provider reported them, brought into classes that never
// overlap: CachedInput and CacheWriteInput stand inside Input, ReasoningOutput inside Output.
type Usage struct {
	Input, Output                                 int64
	CachedInput, CacheWriteInput, ReasoningOutput int64
	// InputKnown and OutputKnown are false where the provider has not told that count, or not the whole of it: it is
	// then unknown, not zero, and the figure above the least that it can be.
	InputKnown, OutputKnown bool
	Units
}

// Known says that the provider told all of it.
func (u Usage) Known() bool { return u.InputKnown && u.OutputKnown }

// Units are what a provider counts otherwise than in tokens.
type Units struct{ AudioSeconds, Images, Pages, Searches int64 }

// API is one metered operation of a provider, say chat completions: how its requests and responses are read.
type API struct {
	// Name is the event's api: chat.completions, messages, generateContent …
	Name string
	// Operation is gen_ai.operation.name.
	Operation string
	// CanAskUsage says that streams report usage when stream_options.include_usage asks for it.
	CanAskUsage bool
	// MinOutput is the smallest output limit that the provider accepts; 0: it takes none.
	MinOutput int64
	// Limitless says that an answer is generated text whose length the provider can't be told a limit of.
	Limitless bool

	format format
}

// format is how one API's messages are read; its dialect's file fills it in.
type format struct {
	request *node
	// form: the request may be a multipart form with fields of these names.
	form bool
	// limits are the request's members that bound the output of one choice: the one that counts first, which is also
	// the one that is added where the request has none.
	limits []limit
	// firstBinds: only the first of the limits surely binds. Servers that don't know another pass over it, or refuse it.
	firstBinds bool
	// limitsIn is the member in which the limits stand; "": the body itself.
	limitsIn string
	// zeroIsNone: a limit of 0 bounds nothing.
	zeroIsNone bool
	// enlarging is what a model's name holds where the provider reads more for it than the request: a stored prompt, pages
	// that it searches.
	enlarging []string
	// streams says which requests are answered by a stream.
	streams streams
	// sequence: a stream is one JSON value after the other (NDJSON).
	sequence bool
	// nativeNull: "usage":null stands in streams that nobody asked for usage, so that it stays.
	nativeNull bool
	// added is the most tokens that the provider adds to the prompt of a request that has a reqAdding member.
	added int64
	// quoted: a number may stand in quotes, as the JSON of protocol buffers allows.
	quoted bool
	// noOutput: an answer costs no output tokens.
	noOutput bool
	// unbounded names what makes every request of this API unbounded, deployed what makes one so whose path names the model.
	unbounded, deployed string

	answer, event *node // of a JSON answer, of one message of a stream
	array         *node // of an answer that is an array; nil: as answer
	newReader     func(*answer, Response) reader
}

// streams says which requests are answered by a stream.
type streams uint8

const (
	whenAsked    streams = iota // "stream": true
	unlessDenied                // all but "stream": false
	always                      // the path says so
	never
)

// Response is what is known of a provider's answer before its body.
type Response struct {
	Status int
	// Header gives the first value of a header, "" where there is none; nil: there are none.
	Header          func(name string) string
	ContentType     string // the header's value
	ContentEncoding string // the header's value; gzip and deflate are read from a copy once it is whole, any other can't be read
	// Request is the request that it answers.
	Request Request
	// Cut says that the request was spliced to ask for usage, so that what this adds is taken out.
	Cut bool
}
