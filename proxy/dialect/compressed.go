package dialect

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
)

const (
	// maxPacked bounds the copy that is kept of a compressed answer, maxUnpacked what it may become. Beyond either, its
	// usage stays unknown.
	maxPacked   = 8 << 20
	maxUnpacked = 64 << 20
)

// CanUnpack says whether answers of this Content-Encoding can be read.
func CanUnpack(encoding string) bool {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "gzip", "x-gzip", "deflate":
		return true
	}
	return false
}

// Unpack reads what src holds compressed, as soon as src has it. Nothing is read of src before the first Read.
func Unpack(src io.Reader) io.Reader { return &unpacked{src: bufio.NewReader(src)} }

// unpacked tells gzip, zlib and bare deflate by their first bytes: servers call all three deflate.
type unpacked struct {
	src   *bufio.Reader
	plain io.Reader
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.plain == nil {
		if err := u.begin(); err != nil {
			return 0, err
		}
	}
	return u.plain.Read(p)
}

func (u *unpacked) begin() (err error) {
	head, err := u.src.Peek(2)
	if err != nil {
		return err
	}
	switch {
	case head[0] == 0x1f && head[1] == 0x8b: // RFC 1952
		u.plain, err = gzip.NewReader(u.src)
	case head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0: // RFC 1950
		u.plain, err = zlib.NewReader(u.src)
	default:
		u.plain = flate.NewReader(u.src)
	}
	return err
}

// packed is an answer that came compressed though nobody asked for that: it goes on as it is, and a copy is read once
// it is whole.
type packed struct {
	inside *Meter
	copied bytes.Buffer
	over   bool
}

// keep takes the copy.
func (k *packed) keep(p []byte) {
	if k.over = k.over || k.copied.Len()+len(p) > maxPacked; k.over {
		k.copied = bytes.Buffer{}
		return
	}
	k.copied.Write(p)
}

// read is what the whole answer says; an answer that can't be unpacked says what came before that.
func (k *packed) read() answer {
	// An error ends the reading like the end does.
	_, _ = io.Copy(k, io.LimitReader(Unpack(&k.copied), maxUnpacked))
	k.inside.Finish(nil)
	return k.inside.answer
}

// Write feeds the meter, for nobody.
func (k *packed) Write(p []byte) (int, error) {
	k.inside.Feed(nil, p)
	k.inside.Release(nil)
	return len(p), nil
}
