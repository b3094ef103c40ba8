package dialect

import (
	"slices"
	"strconv"
)

// Splice is what the gateway puts into a request.
type Splice struct {
	// AskUsage asks for usage in a stream.
	AskUsage bool
	// OutputLimit is the most output tokens per choice; 0: the request keeps its own.
	OutputLimit int64
}

// splice is where a request's body can be changed. Offsets are into the body.
type splice struct {
	api     *API
	body    object
	limits  [2]foundLimit // in the order of format.limits
	config  object        // format.limitsIn
	options object        // stream_options
	include span          // of include_usage's value; empty: there is none
	running span          // of continuous_usage_stats, where it is true
}

// span is where a value stands in the body.
type span struct{ start, end int }

func spanOf(v *value) span { return span{int(v.start), int(v.end)} }

// presence says how a member that can be spliced stands in the body.
type presence uint8

const (
	absent presence = iota
	null
	stated
)

// foundLimit is a member that bounds the output.
type foundLimit struct {
	state presence
	limit int64 // as stated; negative: it bounds nothing
	span  span
}

// object is an object into which members are put.
type object struct {
	state   presence
	span    span
	members int64
}

// put is the edits that put a member into the object called name, and the member that is to be put into the one around
// it where this one isn't there.
func (o *object) put(todo []edit, name, member string) ([]edit, string) {
	switch o.state {
	case absent:
		return todo, strconv.Quote(name) + ":{" + member + "}"
	case null:
		return append(todo, edit{o.span, "{" + member + "}"}), ""
	}
	if o.members > 0 {
		member = "," + member
	}
	brace := o.span.end - 1
	return append(todo, edit{span{brace, brace}, member}), ""
}

// edit replaces the bytes of a span, which may be empty.
type edit struct {
	at   span
	text string
}

// Splice puts s into body, which must be the one that r was read from, and returns the result: body itself where there
// is nothing to do. No other byte changes. A limit is only ever lowered; usage is asked for in streams alone.
func (r *Request) Splice(body []byte, s Splice) []byte {
	var edits [4]edit
	todo := edits[:0]
	added := ""
	if s.OutputLimit > 0 {
		todo, added = r.splice.limit(todo, s.OutputLimit)
	}
	if s.AskUsage && r.Stream && !r.UsageAsked && r.splice.api.CanAskUsage {
		var options string
		todo, options = r.splice.ask(todo)
		if added != "" && options != "" {
			added += ","
		}
		added += options
	}
	if added != "" {
		todo, _ = r.splice.body.put(todo, "", added)
	}
	if len(todo) == 0 {
		return body
	}
	return apply(body, todo)
}

// ask is the edits inside the body that ask for usage, and the member that the body lacks. vLLM's usage in each chunk,
// which a client that didn't ask wouldn't get either, stays away.
func (s *splice) ask(todo []edit) ([]edit, string) {
	if s.running != (span{}) {
		todo = append(todo, edit{s.running, "false"})
	}
	if s.include != (span{}) {
		return append(todo, edit{s.include, "true"}), ""
	}
	return s.options.put(todo, "stream_options", `"include_usage":true`)
}

// binding are the limits that surely bound the output.
func (s *splice) binding() []foundLimit {
	if s.api.format.firstBinds {
		return s.limits[:1]
	}
	return s.limits[:len(s.api.format.limits)]
}

// limit is the edits inside the body that lower the limits, and the member that the body lacks.
func (s *splice) limit(todo []edit, most int64) ([]edit, string) {
	limits := s.api.format.limits
	text := strconv.FormatInt(most, 10)
	for _, found := range s.limits[:len(limits)] {
		if found.state == stated && (found.limit < 0 || found.limit > most) {
			todo = append(todo, edit{found.span, text})
		}
	}
	binding := s.binding()
	isStated := func(l foundLimit) bool { return l.state == stated }
	if len(limits) == 0 || slices.ContainsFunc(binding, isStated) {
		return todo, ""
	}
	for _, found := range binding {
		if found.state == null {
			return append(todo, edit{found.span, text}), ""
		}
	}
	member := strconv.Quote(limits[0].name) + ":" + text
	if in := s.api.format.limitsIn; in != "" {
		return s.config.put(todo, in, member)
	}
	return todo, member
}

// apply makes the edits, which don't overlap, in a copy.
func apply(body []byte, edits []edit) []byte {
	slices.SortFunc(edits, func(a, b edit) int { return a.at.start - b.at.start })
	size := len(body)
	for _, e := range edits {
		size += len(e.text)
	}
	out := make([]byte, 0, size)
	from := 0
	for _, e := range edits {
		out = append(append(out, body[from:e.at.start]...), e.text...)
		from = e.at.end
	}
	return append(out, body[from:]...)
}
