package accounting

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"
)

// recordVersion is the first byte of a journal record. A change of the fields takes the next one, and
// decodeRecord goes on reading the old ones: a journal outlives an upgrade.
const recordVersion = 1

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errRecord = errors.New("the record is damaged")

// encodeRecord writes a settlement as a journal record: the version, the fields, and a CRC-32C over both.
// Instants keep their nanoseconds and lose their time zone.
func encodeRecord(s *Settlement) []byte {
	r := record{bytes: append(make([]byte, 0, 384), recordVersion)}
	r.settlement(s)
	return binary.LittleEndian.AppendUint32(r.bytes, crc32.Checksum(r.bytes, castagnoli))
}

func decodeRecord(b []byte) (s Settlement, err error) {
	end := len(b) - crc32.Size
	switch {
	case end < 1, binary.LittleEndian.Uint32(b[end:]) != crc32.Checksum(b[:end], castagnoli):
		return s, errRecord
	case b[0] != recordVersion:
		return s, fmt.Errorf("the record has version %d; this gateway knows %d", b[0], recordVersion)
	}
	r := record{bytes: b[1:end], text: string(b[1:end]), reading: true}
	if r.settlement(&s); r.failed || len(r.bytes) > 0 {
		return Settlement{}, errRecord
	}
	return s, nil
}

// record is a journal record that is being written or read: the same list of fields serves both.
type record struct {
	bytes   []byte // what was written, or what is left to read
	text    string // all of it: strings that are read share it
	reading bool
	failed  bool // reading: it ended too early
}

func (r *record) settlement(s *Settlement) {
	e, t := &s.Event, &s.Event.Tokens
	for _, field := range [...]*string{
		&e.ID, &e.Account, &e.Key, &e.Activity, &e.Chatbot, &e.User, &e.Provider, &e.API, &e.Model, &e.RequestedModel,
		(*string)(&e.Outcome), (*string)(&e.Measured), &e.TraceID, &s.Epoch,
	} {
		r.string(field)
	}
	for _, field := range [...]*int64{
		&t.Input, &t.Output, &t.CachedInput, &t.CacheWriteInput, &t.ReasoningOutput, &t.Total,
		&e.Charged.Total, &e.Charged.Monthly, &e.Charged.Extra, &e.Charged.Overdraft, &e.DurationMS,
	} {
		r.int(field)
	}
	status := int64(e.Status)
	r.int(&status)
	e.Status = int(status)
	r.bool(&e.Stream)
	r.time(&e.StartedAt)
	r.time(&s.PeriodStart)
	r.optional(&e.FirstTokenMS)
}

func (r *record) int(v *int64) {
	if !r.reading {
		r.bytes = binary.AppendVarint(r.bytes, *v)
		return
	}
	got, n := binary.Varint(r.bytes)
	if n <= 0 {
		r.failed, r.bytes = true, nil
		return
	}
	*v, r.bytes = got, r.bytes[n:]
}

func (r *record) string(v *string) {
	n := int64(len(*v))
	r.int(&n)
	switch {
	case !r.reading:
		r.bytes = append(r.bytes, *v...)
	case n < 0 || n > int64(len(r.bytes)):
		r.failed, r.bytes = true, nil
	default:
		from := len(r.text) - len(r.bytes)
		*v, r.bytes = r.text[from:from+int(n)], r.bytes[n:]
	}
}

func (r *record) bool(v *bool) {
	var n int64
	if *v {
		n = 1
	}
	r.int(&n)
	*v = n != 0
}

// time keeps nanoseconds since 1970; the zero time is 0.
func (r *record) time(v *time.Time) {
	var n int64
	if !v.IsZero() {
		n = v.UnixNano()
	}
	r.int(&n)
	if *v = (time.Time{}); n != 0 {
		*v = time.Unix(0, n).UTC()
	}
}

func (r *record) optional(v **int64) {
	there := *v != nil
	if r.bool(&there); !there {
		return
	}
	if r.reading {
		*v = new(int64)
	}
	r.int(*v)
}
