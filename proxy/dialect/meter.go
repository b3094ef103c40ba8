package dialect

import (
	"bytes"
	"strings"
)

// maxWithheld bounds what is withheld while usage is waited for. With more, it counts as not coming.
const maxWithheld = 1 << 20

// Meter reads one response while it passes: usage, model, and where it ends. It forwards the bytes as they come, but for
// the last byte of the unit that ends the response and what follows that, which it withholds until Release; and it takes
// out what only the gateway asked for. Any split of the input gives the same usage and the same output.
// A Meter serves one goroutine.
type Meter struct {
	answer
	api     *API
	read    reader
	scan    scanner
	framing framing
	cut     bool // take out what asking for usage adds
	keep    bool // … but not the null members
	content content
	maybe   bool // it may be a stream, whatever the content type says
	inParts bool // the request asked for a stream

	ended, told, final, whole, released bool
	// resumed: generated text came behind what had been taken for the end.
	resumed bool

	withheld []byte
	lines    eventStream
	frames   frameStream
	packed   *packed // of an answer that came compressed; nil: it did not

	unreadable bool
	unread     int64 // bytes that may be text and aren't understood
}

// content is what the content type says that the body is.
type content uint8

const (
	other content = iota // JSON, or what may be some
	text                 // plain, or of a markup
	image
	sound // or moving pictures
	events
	framed // AWS event-stream
)

func contentOf(kind string) content {
	switch group, _, _ := strings.Cut(kind, "/"); {
	case kind == "text/event-stream":
		return events
	case kind == "application/vnd.amazon.eventstream":
		return framed
	case group == "text":
		return text
	case group == "image":
		return image
	case group == "audio", group == "video":
		return sound
	}
	return other
}

type framing uint8

const (
	unsure   framing = iota // nothing but white space has come
	oneJSON                 // one JSON value
	stream                  // server-sent events
	sequence                // one JSON value after the other, each on a line of its own
	frames                  // AWS event-stream frames
	opaque                  // can't be read; ends with the HTTP message
)

// NewMeter makes the meter for one response, of which nothing has been read yet.
func (a *API) NewMeter(r Response) *Meter {
	m := &Meter{api: a, cut: r.Cut && r.Status < 400, keep: a.format.nativeNull, inParts: r.Request.Stream && r.Status < 400, framing: opaque}
	m.read = a.format.newReader(&m.answer, r)
	m.scan.visitor = m.read
	kind, _, _ := strings.Cut(strings.ToLower(r.ContentType), ";")
	kind = strings.TrimSpace(kind)
	if m.content = contentOf(kind); m.content == image && r.Status >= 300 {
		m.content = other // an error's
	}
	m.maybe = r.Status < 400 && (kind == "application/json" || kind == "" || m.inParts && maybeJSON(kind))
	if m.content != events && m.content != framed && !maybeJSON(kind) {
		return m
	}
	switch encoding := strings.TrimSpace(r.ContentEncoding); {
	case encoding == "" || strings.EqualFold(encoding, "identity"):
		m.framing = unsure
	case CanUnpack(encoding):
		r.ContentEncoding, r.Cut = "", false
		m.packed = &packed{inside: a.NewMeter(r)}
	default:
		m.unreadable = true
	}
	return m
}

// maybeJSON says whether a body of this type is looked into. JSON was seen under octet-stream and without any type.
func maybeJSON(kind string) bool {
	switch kind {
	case "", "application/json", "application/x-ndjson", "application/ndjson", "application/octet-stream", "text/plain":
		return true
	}
	return strings.HasSuffix(kind, "+json")
}

// Feed appends to dst what the client may have now of everything that was fed so far.
func (m *Meter) Feed(dst, p []byte) []byte {
	if m.framing == unsure {
		blank := len(p) - len(bytes.TrimLeft(p, " \t\r\n"))
		dst = append(dst, p[:blank]...)
		if p = p[blank:]; len(p) == 0 {
			return dst
		}
		m.recognise(p[0])
	}
	if m.content == text || m.framing == opaque && (m.content == other || m.content == events) {
		m.unread += int64(len(p))
	}
	switch m.framing {
	case oneJSON:
		return m.feedJSON(dst, p)
	case stream:
		return m.feedStream(dst, p)
	case sequence:
		return m.feedSequence(dst, p)
	case frames:
		return m.feedFrames(dst, p)
	}
	return m.feedOpaque(dst, p)
}

// recognise decides by the first byte that is no white space. Providers send JSON errors under text/event-stream, and
// event streams under application/json; servers in front of them may name no type, or text. AWS's frames begin with a 0.
func (m *Meter) recognise(c byte) {
	f := &m.api.format
	switch {
	case c == '{' && f.sequence && m.inParts:
		m.framing = sequence
		m.scan.reset(f.event)
	case c == '[' && f.array != nil:
		m.framing = oneJSON
		m.scan.reset(f.array)
	case c == '{' || c == '[':
		m.framing = oneJSON
		m.scan.reset(f.answer)
	case m.content == framed, c == 0 && m.maybe && m.inParts:
		m.framing = frames
		m.frames.begin()
	case m.content == events, m.maybe && strings.IndexByte("deir:\xef", c) >= 0:
		m.framing = stream
		m.scan.reset(f.event)
	default:
		m.framing = opaque
	}
}

func (m *Meter) feedJSON(dst, p []byte) []byte {
	if m.ended {
		return m.emit(dst, p)
	}
	n := m.scan.feed(p)
	if m.scan.state != complete {
		return append(dst, p...)
	}
	m.read.end()
	dst = append(dst, p[:n-1]...)
	m.ended, m.final = true, true
	return m.emit(dst, p[n-1:])
}

func (m *Meter) feedSequence(dst, p []byte) []byte {
	for len(p) > 0 && !m.ended {
		n := m.scan.feed(p)
		if m.scan.state != complete {
			return append(dst, p...)
		}
		m.take(m.read.end())
		m.scan.reset(m.api.format.event)
		last := max(n-1, 0) // a number that ends here may have come before
		dst = append(dst, p[:last]...)
		dst = m.emit(dst, p[last:n])
		p = p[n:]
	}
	return m.emit(dst, p)
}

// take notes what a message of a stream says. Some models say in every chunk that they have finished: when more text comes,
// only what is final ends their streams, and of the first chunk with text it can't be told whether others will mend its usage.
func (m *Meter) take(u unit) {
	if u.text && m.ended && !m.final && !m.released {
		m.ended, m.told, m.resumed = false, false, true
	}
	if u.ends && (u.final || !m.resumed) {
		m.ended = true
	}
	m.final = m.final || m.ended && u.final
	first := u.text && m.answer.events == 1
	m.told = m.told || m.ended && u.usage && !first
}

// feedOpaque is one byte behind.
func (m *Meter) feedOpaque(dst, p []byte) []byte {
	if m.packed != nil {
		m.packed.keep(p)
	}
	if m.released || len(p) == 0 {
		return append(dst, p...)
	}
	dst = append(append(dst, m.withheld...), p[:len(p)-1]...)
	m.withheld = append(m.withheld[:0], p[len(p)-1])
	return dst
}

// emit forwards b, or withholds it behind the end.
func (m *Meter) emit(dst, b []byte) []byte {
	if !m.ended || m.released {
		return append(dst, b...)
	}
	m.withheld = append(m.withheld, b...)
	if len(m.withheld) > maxWithheld {
		m.final = true
	}
	return dst
}

// Finish is told that the body has ended as it should. It appends what was held back only because a line might have gone
// on; what is withheld for the settlement stays.
func (m *Meter) Finish(dst []byte) []byte {
	switch m.framing {
	case stream:
		dst = m.finishStream(dst)
	case unsure, opaque:
		m.ended = true
		if m.content == image {
			m.usage.Images = max(m.usage.Images, 1)
		}
		if m.packed != nil && !m.packed.over {
			m.answer = m.packed.read()
			m.unread = m.packed.inside.unread
		}
	}
	m.final, m.whole = true, true
	return dst
}

// Ended says that the unit that ends the response has passed. A body that breaks off before never ends.
func (m *Meter) Ended() bool { return m.ended }

// Whole says that what the provider told of usage is all that it had to tell.
func (m *Meter) Whole() bool { return m.ended || m.whole }

// Told says that it has ended and told its usage: what still comes, as far as was seen, repeats or mends it at once.
func (m *Meter) Told() bool { return m.ended && m.told }

// Ready says that it has ended and that no usage can come any more.
func (m *Meter) Ready() bool { return m.ended && m.final }

// Release appends what was withheld. From then on nothing is.
func (m *Meter) Release(dst []byte) []byte {
	dst = append(dst, m.withheld...)
	m.withheld, m.released = nil, true
	return dst
}

// Unreadable says that the answer is compressed in a way that can't be read here.
func (m *Meter) Unreadable() bool { return m.unreadable }

// Usage is what the provider reported so far; the last report counts.
func (m *Meter) Usage() Usage { return m.usage }

// Model is the model that the answer names, ID the answer's id; "" while it hasn't.
func (m *Meter) Model() string { return m.model }

// ID is the answer's own id.
func (m *Meter) ID() string { return m.id }

// FinishReasons are why the choices ended, in the order in which they did.
func (m *Meter) FinishReasons() []string { return m.finish }

// Error is the type of an error that the body reports, in a 200 too; "": none.
func (m *Meter) Error() string { return m.failure }

// Seen is what was seen of the answer, for estimates: streamed events with generated text, and the length of that text
// with its escapes, or of an answer that isn't understood: nobody gets one for nothing by asking for another format.
func (m *Meter) Seen() (events, textBytes int64) {
	return m.answer.events, max(m.textBytes+m.scan.pending(), m.unread)
}
