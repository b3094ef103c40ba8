package dialect

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// maxLabel bounds what of an answer becomes a label: finish reasons and error types.
const maxLabel = 64

// maxReasons bounds how many finish reasons are kept.
const maxReasons = 128

// answer is what has been read of a response so far.
type answer struct {
	usage     Usage
	model, id string
	finish    []string
	failure   string
	events    int64
	textBytes int64
}

// unit is what a reader says of a message that is complete: a JSON answer or one event of a stream.
type unit struct {
	// ends: it ends the response. final: besides, usage can't come any more.
	ends, final bool
	// usage: it carried usage.
	usage bool
	// text: it carried generated text, so that an end that passed before was none, unless it was final.
	text bool
	// asked: the whole message is there only because usage was asked for.
	asked bool
	// null is the place of the member "usage":null, from its key's quote, in the message's text; empty: there is none.
	null span
}

// reader interprets the messages of one API's response, one after the other.
type reader interface {
	visitor
	// begin forgets what was seen of an unfinished message.
	begin()
	// end is called behind a message's last byte.
	end() unit
}

// setText keeps a short string, without an allocation when it is the one that is there already. Empty ones say nothing, nor
// do those that not all databases take as text.
func setText(field *string, v *value) {
	if v.kind != '"' || v.size < 3 || v.size > maxModel {
		return
	}
	if text := inner(v.raw); string(text) != *field && utf8.Valid(text) && bytes.IndexFunc(text, unicode.IsControl) < 0 {
		*field = string(text)
	}
}

// hear counts generated text, and says whether there is any.
func (a *answer) hear(v *value) bool {
	if v.size <= 2 || v.null() {
		return false
	}
	a.textBytes += v.size - 2 // without the quotes
	return true
}

// finished keeps a finish reason.
func (a *answer) finished(reason string) {
	if reason != "" && len(a.finish) < maxReasons {
		a.finish = append(a.finish, reason)
	}
}

// fail keeps the type of the first error.
func (a *answer) fail(kind string) {
	if a.failure == "" {
		a.failure = kind
	}
}

// label is a JSON string's text as a label: letters, digits and _ . : - alone, and not too long. Of anything else
// (an error's message, say) it is "".
func label(raw []byte) string {
	if len(raw) < 3 || len(raw) > maxLabel || raw[0] != '"' {
		return ""
	}
	return plainLabel(string(inner(raw)))
}

// plainLabel is the same of a text that stands in no JSON string.
func plainLabel(text string) string {
	if len(text) > maxLabel {
		return ""
	}
	for _, c := range []byte(text) {
		if !labelBytes[c] {
			return ""
		}
	}
	return text
}

var labelBytes = byteSet("_.:-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")

// counts are the paths of a dialect's token counts inside its usage object. Where a class has several paths, the first
// that is there counts: servers that follow a format spell it differently.
type counts struct {
	input, output              []string
	cached, written, reasoning []string
	// moreInput and moreOutput are counts that stand beside input and output, not inside them.
	moreInput, moreOutput []string
	// total is what the parts should sum up to. What it has beyond them was processed too: it is audio that was read where
	// as much audio is told of, or how long it was, and generated otherwise.
	total, audio, duration []string
}

// read takes the counts out of a usage object's text. A sound count is a number, whole or not, at least 0 and at most
// 2^53; a fraction is rounded up. Input is known where it is sound, or where the total alone is. Output that is absent or
// null is none (embeddings, echoes); an unsound one makes nothing known. An unsound count of a class inside them reads 0,
// and one that is too large is cut to what it is inside of.
func (c *counts) read(raw string) Usage {
	u := Usage{}
	total, hasTotal := tokens(first(raw, c.total))
	input, ok := tokens(first(raw, c.input))
	output := first(raw, c.output)
	if !ok && (!hasTotal || output.Type != gjson.Null) {
		return Usage{}
	}
	if output.Type != gjson.Null {
		if u.Output, ok = tokens(output); !ok {
			return Usage{}
		}
	}
	u.Input = input
	if !ok {
		u.Input = total
	}
	u.InputKnown, u.OutputKnown = true, true
	u.Input += sum(raw, c.moreInput)
	u.Output += sum(raw, c.moreOutput)
	if beyond := total - u.Input - u.Output; beyond > 0 {
		audio, _ := tokens(first(raw, c.audio))
		seconds, _ := tokens(first(raw, c.duration))
		if audio == beyond || seconds > 0 {
			u.Input += beyond
		} else {
			u.Output += beyond
		}
	}
	u.CachedInput = inside(raw, c.cached, u.Input)
	u.CacheWriteInput = inside(raw, c.written, u.Input-u.CachedInput)
	u.ReasoningOutput = inside(raw, c.reasoning, u.Output)
	return u
}

// first is the value at the first of the paths at which one is.
func first(raw string, paths []string) gjson.Result {
	for _, path := range paths {
		if v := gjson.Get(raw, path); v.Type != gjson.Null {
			return v
		}
	}
	return gjson.Result{}
}

func sum(raw string, paths []string) (n int64) {
	for _, path := range paths {
		more, _ := tokens(gjson.Get(raw, path))
		n += more
	}
	return n
}

func inside(raw string, paths []string, most int64) int64 {
	n, _ := tokens(first(raw, paths))
	return min(n, most)
}

func tokens(v gjson.Result) (int64, bool) {
	if v.Type != gjson.Number {
		return 0, false
	}
	n, ok := wholeNumber(v.Raw)
	if !ok || n < 0 {
		return 0, false
	}
	return n, true
}
