package dialect

import (
	"bytes"
	"compress/gzip"
	"io"
)

const (
	// maxPacked bounds the copy that is kept of a compressed answer, maxUnpacked what it may become. Beyond either, its
	// usage stays unknown.
	maxPacked   = 8 << 20
	maxUnpacked = 64 << 20
)

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
	z, err := gzip.NewReader(&k.copied)
	if err != nil {
		return answer{}
	}
	// An error ends the reading like the end does.
	_, _ = io.Copy(k, io.LimitReader(z, maxUnpacked))
	k.inside.Finish(nil)
	return k.inside.answer
}

// Write feeds the meter, for nobody.
func (k *packed) Write(p []byte) (int, error) {
	k.inside.Feed(nil, p)
	k.inside.Release(nil)
	return len(p), nil
}
