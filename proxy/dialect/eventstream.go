package dialect

import (
	"cmp"
	"encoding/binary"
	"hash/crc32"
)

// A frame of an AWS event-stream is a prelude (the frame's length and that of its headers, 4 bytes each, big-endian, and
// the CRC-32 of these eight), the headers, a payload, and the CRC-32 of all before it
// (https://smithy.io/2.0/aws/amazon-eventstream.html, 2026-11).
const (
	preludeSize  = 12
	checksumSize = 4
	// maxHeaders and maxFrame are the most that AWS's own clients take (aws-c-event-stream: headers of 128 KiB until 2025,
	// messages of 256 MiB since).
	maxHeaders = 128 << 10
	maxFrame   = 256 << 20
)

type framePart uint8

const (
	framePrelude framePart = iota
	frameHeaders
	framePayload
	frameChecksum
)

// frameStream is where in a stream of frames a Meter stands. A payload is read while it passes, as JSON, with the node of
// format.event that is called as its event is; of the rest no more than maxHeaders is kept. What a frame says counts when
// its last byte has come and its checksum is right.
type frameStream struct {
	part    framePart
	left    int // bytes of the part that haven't come
	payload int // the payload's length
	crc     uint32
	text    []byte // what came of a part that isn't the payload
	failure string // what the error is called that the frame reports; "": it reports none
	lost    bool   // where the next frame begins can't be told any more
}

// begin waits for a frame.
func (f *frameStream) begin() { f.part, f.left, f.crc = framePrelude, preludeSize, 0 }

// feedFrames reads up to the frame behind which nothing of the response comes.
func (m *Meter) feedFrames(dst, p []byte) []byte {
	f := &m.frames
	for len(p) > 0 && !f.lost && !m.Ready() {
		n := min(f.left, len(p))
		part := p[:n]
		p = p[n:]
		m.framePart(part)
		if f.left > 0 {
			return m.emit(dst, part)
		}
		u, ok := m.nextPart()
		if !ok {
			return m.loseFrames(dst, part, p)
		}
		dst = m.emit(dst, part[:n-1])
		m.take(u)
		dst = m.emit(dst, part[n-1:])
	}
	return m.emit(dst, p)
}

// framePart reads on in a part.
func (m *Meter) framePart(p []byte) {
	f := &m.frames
	f.left -= len(p)
	if f.part != frameChecksum {
		f.crc = crc32.Update(f.crc, crc32.IEEETable, p)
	}
	if f.part != framePayload {
		f.text = append(f.text, p...)
		return
	}
	m.scan.feed(p)
}

// nextPart is called behind a part's last byte. It returns what the frame says that ends there, if one does; false: the
// frame is damaged.
func (m *Meter) nextPart() (u unit, ok bool) {
	f := &m.frames
	for f.left == 0 {
		ok = true
		switch f.part {
		case framePrelude:
			ok = f.readPrelude()
		case frameHeaders:
			ok = m.beginPayload()
		case framePayload:
			f.part, f.left = frameChecksum, checksumSize
		case frameChecksum:
			ok = binary.BigEndian.Uint32(f.text) == f.crc
			u = m.endFrame(ok)
			f.begin()
		}
		if !ok {
			return unit{}, false
		}
		f.text = f.text[:0]
	}
	return u, true
}

func (f *frameStream) readPrelude() bool {
	total, headers := binary.BigEndian.Uint32(f.text), binary.BigEndian.Uint32(f.text[4:])
	const around = preludeSize + checksumSize
	if binary.BigEndian.Uint32(f.text[8:]) != crc32.ChecksumIEEE(f.text[:8]) ||
		headers > maxHeaders || total > maxFrame || total < headers+around {
		return false
	}
	f.part, f.left, f.payload = frameHeaders, int(headers), int(total-headers-around)
	return true
}

// beginPayload reads the headers that say what the frame is about.
func (m *Meter) beginPayload() bool {
	f := &m.frames
	var kind, event, failure []byte
	for rest := f.text; len(rest) > 0; {
		var h frameHeader
		var ok bool
		if h, rest, ok = cutHeader(rest); !ok {
			return false
		}
		switch string(h.name) {
		case ":message-type":
			kind = h.value
		case ":event-type":
			event = h.value
		case ":exception-type", ":error-code":
			failure = h.value
		}
	}
	f.failure = ""
	if string(kind) == "exception" || string(kind) == "error" {
		f.failure = cmp.Or(plainLabel(string(failure)), string(kind))
	}
	m.scan.reset(m.api.format.event.kid(event))
	f.part, f.left = framePayload, f.payload
	return true
}

// frameHeader is one header of a frame; the value is that of a string, of other types nil.
type frameHeader struct{ name, value []byte }

// headerSizes are how long the values of each type are: true, false, byte, short, integer, long, bytes, string, timestamp,
// UUID. Bytes and strings begin with their own length, of two bytes.
var headerSizes = [...]int{0, 0, 1, 2, 4, 8, 2, 2, 8, 16}

const (
	headerBytes  = 6
	headerString = 7
)

// cutHeader takes the first header off.
func cutHeader(b []byte) (h frameHeader, rest []byte, ok bool) {
	size := 1 + int(b[0])
	if len(b) < size+1 || int(b[size]) >= len(headerSizes) {
		return h, nil, false
	}
	kind := b[size]
	h.name, b = b[1:size], b[size+1:]
	size = headerSizes[kind]
	if len(b) < size {
		return h, nil, false
	}
	if kind == headerBytes || kind == headerString {
		if size += int(binary.BigEndian.Uint16(b)); len(b) < size {
			return h, nil, false
		}
	}
	if kind == headerString {
		h.value = b[2:size]
	}
	return h, b[size:], true
}

// endFrame is what a frame says that is complete. One that reports an error ends the response.
func (m *Meter) endFrame(sound bool) unit {
	f := &m.frames
	switch {
	case !sound:
		m.read.begin()
		return unit{}
	case f.failure != "":
		m.read.begin()
		m.fail(f.failure)
		return unit{ends: true, final: true}
	}
	return m.read.end()
}

// loseFrames goes on without reading. Before the end, the response now ends with the HTTP message; behind it, usage isn't
// waited for any longer.
func (m *Meter) loseFrames(dst, part, rest []byte) []byte {
	m.frames.lost = true
	m.scan.reset(nil)
	if m.ended {
		m.final = true
		return m.emit(m.emit(dst, part), rest)
	}
	m.framing = opaque
	return m.feedOpaque(m.feedOpaque(dst, part), rest)
}
