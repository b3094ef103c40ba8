package proxytest

import "encoding/json"

// Header carries a script too, for clients that can't add a member, or must not: in strict admission an unknown
// member is refused.
const Header = "Proxytest-Script"

// Script steers one answer: the member "proxytest" at the top of a request's body, or else the Header. Its zero value
// lets the provider answer as usual.
type Script struct {
	// ID is the answer's id behind its prefix (chatcmpl-, resp_ …); it also fixes the times in the answer.
	ID string `json:"id,omitempty"`
	// Text is the answer; "": the persona's. Chunks repeats or cuts its words to that many; 0: all of them, once.
	Text   string `json:"text,omitempty"`
	Chunks int    `json:"chunks,omitempty"`
	// Size pads a JSON answer to that many bytes; a smaller answer can't be cut.
	Size int `json:"size,omitempty"`

	// Input and Output are the tokens reported; 0: the words of the prompt and of the answers, and what stands inside. Output
	// never exceeds the request's own limit unless IgnoreLimit is set. Cached and CacheWrite stand inside Input, Reasoning
	// inside Output.
	Input       int64 `json:"input,omitempty"`
	Output      int64 `json:"output,omitempty"`
	Cached      int64 `json:"cached,omitempty"`
	CacheWrite  int64 `json:"cache_write,omitempty"`
	Reasoning   int64 `json:"reasoning,omitempty"`
	IgnoreLimit bool  `json:"ignore_limit,omitempty"`
	// Seconds and Pages are the units reported; 0: 4 seconds of sound, 1 page.
	Seconds float64 `json:"seconds,omitempty"`
	Pages   int64   `json:"pages,omitempty"`
	// Usage replaces the usage object as it is, however absurd.
	Usage json.RawMessage `json:"usage,omitempty"`
	// NoUsage leaves it out; UsageTwice sends a running total before the final one; NullAfter sends a further chunk without
	// choices behind it, as a moderated stream has one, asked for usage or not (streams of chat and completions).
	NoUsage    bool `json:"no_usage,omitempty"`
	UsageTwice bool `json:"usage_twice,omitempty"`
	NullAfter  bool `json:"null_after,omitempty"`

	// DelayMS passes before the first byte, Pace milliseconds between chunks, LateUsageMS before the chunk with the usage.
	DelayMS     int `json:"delay_ms,omitempty"`
	Pace        int `json:"pace,omitempty"`
	LateUsageMS int `json:"late_usage_ms,omitempty"`
	// BreakAfter tears the connection down after that many chunks (0: before the header), StallAfter hangs until the
	// other side leaves (0: before the header), ErrorAfter sends an error event and ends. A JSON answer counts as two chunks, its halves.
	BreakAfter *int `json:"break_after,omitempty"`
	StallAfter *int `json:"stall_after,omitempty"`
	ErrorAfter *int `json:"error_after,omitempty"`

	// Status makes it an error answer; Error is its whole body, nil: the provider's for the status.
	Status int             `json:"status,omitempty"`
	Error  json.RawMessage `json:"error,omitempty"`
	// Header is added to the answer's.
	Header map[string]string `json:"header,omitempty"`
	// Gzip compresses unasked, ContentLength announces a stream's length, CRLF ends its lines so.
	Gzip          bool `json:"gzip,omitempty"`
	ContentLength bool `json:"content_length,omitempty"`
	CRLF          bool `json:"crlf,omitempty"`
}
