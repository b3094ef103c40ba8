package dialect

import "bytes"

// maxHeld bounds what is held back of an event while it isn't known whether something is taken out of it. Of a longer one
// nothing is.
const maxHeld = 1 << 20

type lineKind uint8

const (
	lineStart   lineKind = iota // not known yet; at its end: it is blank
	lineData                    // data:
	lineComment                 // begins with a colon
	lineOther                   // event:, id:, retry:, anything else
)

// eventStream is where in a stream of server-sent events a Meter stands. Lines end in LF, CR or CRLF; a byte order mark
// may come first; several data lines make one message, joined with LF. A message counts as soon as its value is complete
// at a line's end, since many clients read line by line.
type eventStream struct {
	kind    lineKind
	matched int  // bytes of "data:" that the line began with
	mark    int  // bytes of the byte order mark that the stream began with
	begun   bool // the stream's first byte has come, the mark aside
	space   bool // the data line's value hasn't begun, and one space before it is none of it
	cr      bool // the last byte was a CR: a LF now belongs to it
	open    bool // part of a message has been scanned
	joined  bool // the message has several lines

	head  [8]byte // the begin of the data line's value
	heads int64   // the value's length
	hold  hold
}

// hold is what is held back of an event while something may be taken out of it.
type hold struct {
	lines    []byte
	comments []byte // the comments among the lines: they stay when the event goes
	line     int    // where in lines the current line begins
	text     int    // where in lines the data line's value begins
	passing  bool   // the event is too long to be held: it goes out as it is
	dropping bool   // the event was taken out: what comes of it still goes, too
	last     fate   // of the last line, for a LF that belongs to it
}

// fate is what becomes of a line.
type fate uint8

const (
	emitted fate = iota
	held
	heldComment
	dropped
)

func (m *Meter) feedStream(dst, p []byte) []byte {
	e := &m.lines
	for len(p) > 0 {
		if e.cr {
			e.cr = false
			if p[0] == '\n' {
				dst = m.endLine(dst, p[:1])
				p = p[1:]
				continue
			}
		}
		n := lineLength(p)
		dst = m.linePart(dst, p[:n])
		if n == len(p) {
			break
		}
		dst = m.line(dst, p[n:n+1])
		e.cr = p[n] == '\r'
		p = p[n+1:]
	}
	return dst
}

// lineLength is how much of p comes before a CR or LF. It looks at no more than twice as much, so that short lines which end
// in CR cost no search of all that follows.
func lineLength(p []byte) int {
	for from, size := 0, 64; from < len(p); from, size = from+size, 2*size {
		window := p[from:min(from+size, len(p))]
		n := bytes.IndexByte(window, '\n')
		if n < 0 {
			n = len(window)
		}
		if cr := bytes.IndexByte(window[:n], '\r'); cr >= 0 {
			return from + cr
		}
		if n < len(window) {
			return from + n
		}
	}
	return len(p)
}

// linePart reads on in a line.
func (m *Meter) linePart(dst, part []byte) []byte {
	e := &m.lines
	at := 0
	for e.kind == lineStart && at < len(part) {
		e.classify(part[at])
		at++
	}
	if e.kind == lineData && at < len(part) {
		if e.space {
			e.space = false
			if part[at] == ' ' {
				at++
			}
			e.hold.text = len(e.hold.lines) + at
			m.joinLine()
		}
		m.text(part[at:])
	}
	if !m.cut || e.hold.passing {
		return m.emit(dst, part)
	}
	e.hold.lines = append(e.hold.lines, part...)
	if len(e.hold.lines) > maxHeld {
		dst = m.flushHeld(dst)
		e.hold.passing = true
	}
	return dst
}

func (e *eventStream) classify(c byte) {
	const mark, data = "\xef\xbb\xbf", "data:"
	if !e.begun {
		if e.mark < len(mark) && c == mark[e.mark] {
			e.mark++
			return
		}
		e.begun = true
	}
	switch {
	case e.matched == 0 && c == ':':
		e.kind = lineComment
	case c == data[e.matched]:
		if e.matched++; e.matched == len(data) {
			e.kind, e.space, e.heads = lineData, true, 0
		}
	default:
		e.kind = lineOther
	}
}

// joinLine puts the LF before another line of the same message.
func (m *Meter) joinLine() {
	if m.lines.open {
		m.lines.joined = true
		m.scan.feed(newline)
	}
}

var newline = []byte("\n")

func (m *Meter) text(b []byte) {
	e := &m.lines
	if len(b) == 0 {
		return
	}
	if e.heads < int64(len(e.head)) {
		copy(e.head[e.heads:], b)
	}
	e.heads += int64(len(b))
	e.open = true
	m.scan.feed(b)
}

// line is called at a line's end, before the byte that ends it; end is empty where the body ends without one.
func (m *Meter) line(dst, end []byte) []byte {
	e := &m.lines
	if e.kind == lineStart && e.matched > 0 {
		e.kind = lineOther
	}
	var u unit
	whole := false
	switch e.kind {
	case lineStart:
		m.beginMessage()
	case lineData:
		u, whole = m.message()
	}
	if m.cut {
		dst = m.judgeLine(dst, u, whole)
	}
	m.take(u)
	if !m.ended {
		dst = append(dst, m.withheld...)
		m.withheld = nil
	}
	e.kind, e.matched = lineStart, 0
	return m.endLine(dst, end)
}

// endLine puts a byte of a line's end where the line went.
func (m *Meter) endLine(dst, end []byte) []byte {
	h := &m.lines.hold
	switch h.last {
	case emitted:
		dst = m.emit(dst, end)
	case heldComment:
		h.comments = append(h.comments, end...)
		h.lines = append(h.lines, end...)
	case held:
		h.lines = append(h.lines, end...)
	}
	h.line = len(h.lines)
	return dst
}

// message is what the message says that the data line completes; false: it completes none.
func (m *Meter) message() (unit, bool) {
	e := &m.lines
	if !e.joined && e.heads <= int64(len(e.head)) && string(bytes.TrimRight(e.head[:e.heads], " \t")) == "[DONE]" {
		m.beginMessage()
		return unit{ends: true, final: true}, true
	}
	if m.scan.state != complete {
		return unit{}, false
	}
	u := m.read.end()
	if e.joined {
		u.null = span{}
	}
	m.beginMessage()
	return u, true
}

func (m *Meter) beginMessage() {
	if m.lines.open {
		m.lines.open, m.lines.joined = false, false
		m.scan.reset(m.api.format.event)
		m.read.begin()
	}
}

// judgeLine decides what becomes of the line that is complete now.
func (m *Meter) judgeLine(dst []byte, u unit, whole bool) []byte {
	e, h := &m.lines, &m.lines.hold
	h.last = emitted
	switch {
	case h.passing:
		h.passing = !whole && e.kind != lineStart
	case u.asked:
		dst = m.emit(dst, h.comments)
		h.clear()
		h.last, h.dropping = dropped, true
	case h.dropping && !whole:
		if e.kind == lineComment {
			return m.flushHeld(dst)
		}
		h.clear()
		h.last, h.dropping = dropped, e.kind != lineStart
	case whole:
		h.dropping = false
		if !m.keep {
			h.cut(u.null)
		}
		return m.flushHeld(dst)
	case e.kind == lineStart, e.kind == lineComment && h.line == 0:
		return m.flushHeld(dst)
	case e.kind == lineComment:
		h.comments = append(h.comments, h.lines[h.line:]...)
		h.last = heldComment
	default:
		h.last = held
	}
	return dst
}

func (m *Meter) flushHeld(dst []byte) []byte {
	dst = m.emit(dst, m.lines.hold.lines)
	m.lines.hold.clear()
	return dst
}

func (h *hold) clear() { h.lines, h.comments, h.line = h.lines[:0], h.comments[:0], 0 }

// cut takes a member of the data line's value out, with its comma and the white space between them.
func (h *hold) cut(member span) {
	if member == (span{}) {
		return
	}
	from, to := h.text+member.start, h.text+member.end
	before := len(bytes.TrimRight(h.lines[:from], " \t"))
	if h.lines[before-1] == ',' {
		from = before - 1
	} else if after := bytes.TrimLeft(h.lines[to:], " \t"); len(after) > 0 && after[0] == ',' {
		to = len(h.lines) - len(bytes.TrimLeft(after[1:], " \t"))
	}
	h.lines = append(h.lines[:from], h.lines[to:]...)
}

// finishStream reads a last line without an end, and lets go what was held of an event.
func (m *Meter) finishStream(dst []byte) []byte {
	e := &m.lines
	if e.kind != lineStart || e.matched > 0 {
		dst = m.line(dst, nil)
	}
	return m.flushHeld(dst)
}
