package dialect

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func zip(t testing.TB, body []byte) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(body); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// TestCompressedRecordingsAreMeteredAlike reads them as the provider compressed them, where that was recorded.
func TestCompressedRecordingsAreMeteredAlike(t *testing.T) {
	wired := 0
	for _, r := range openAIRecordings(t) {
		wire, err := os.ReadFile(filepath.Join(recordings, r.name, "response.wire.gz"))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			wire = zip(t, r.body)
		case err != nil:
			t.Fatal(err)
		default:
			wired++
		}
		want := meter(r.api, r.response, r.body, 0)
		response := r.response
		response.ContentEncoding = "gzip"
		for _, size := range []int{0, 7, 4096} {
			got := meter(r.api, response, wire, size)
			if all := append(bytes.Clone(got.early), got.late...); !bytes.Equal(all, wire) || len(got.late) != 1 {
				t.Errorf("%s in pieces of %d: the client gets other bytes", r.name, size)
			}
			want.early, want.late, want.readyEarly, want.ended = got.early, got.late, got.readyEarly, got.ended
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(metered{})); diff != "" {
				t.Errorf("%s in pieces of %d, compressed (-want +got):\n%s", r.name, size, diff)
			}
		}
	}
	if wired == 0 {
		t.Error("no answer was recorded as the provider compressed it")
	}
}

func TestCompressedBombsAndDamageStayUnknown(t *testing.T) {
	const answer = `{"usage":{"prompt_tokens":12,"completion_tokens":5}}`
	whole := zip(t, []byte(answer))
	noise := make([]byte, maxPacked+1)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	for name, body := range map[string][]byte{
		"no gzip":        []byte(answer),
		"cut in two":     whole[:len(whole)/2],
		"becomes large":  zip(t, []byte(strings.Repeat(" ", maxUnpacked)+answer)),
		"is large":       append(noise, whole...),
		"empty":          {},
		"without a body": zip(t, nil),
	} {
		r := Response{Status: 200, ContentType: "application/json", ContentEncoding: "gzip"}
		got := meter(Chat, r, body, 32<<10)
		if got.usage.Known() || !got.ended || got.readyEarly {
			t.Errorf("%s: usage %+v, ended %v, ready early %v", name, got.usage, got.ended, got.readyEarly)
		}
		if !bytes.Equal(append(got.early, got.late...), body) {
			t.Errorf("%s: the client gets other bytes", name)
		}
	}
	r := Response{Status: 200, ContentType: "application/json", ContentEncoding: "br"}
	m := Chat.NewMeter(r)
	if m.Feed(nil, whole); !m.Unreadable() {
		t.Error("br: readable")
	}
	r.ContentEncoding = "X-Gzip"
	if got := meter(Chat, r, whole, 1); got.usage != twelveFive {
		t.Errorf("whole: usage %+v", got.usage)
	}
}

func TestDeflateIsReadInBothForms(t *testing.T) {
	const answer = `{"usage":{"prompt_tokens":12,"completion_tokens":5}}`
	var zlibbed, bare bytes.Buffer
	z := zlib.NewWriter(&zlibbed)
	f, err := flate.NewWriter(&bare, flate.DefaultCompression)
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []io.WriteCloser{z, f} {
		if _, err := io.WriteString(w, answer); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for name, body := range map[string][]byte{"zlib": zlibbed.Bytes(), "bare": bare.Bytes()} {
		r := Response{Status: 200, ContentType: "application/json", ContentEncoding: "deflate"}
		if got := meter(Chat, r, body, 3); got.usage != twelveFive {
			t.Errorf("%s: usage %+v", name, got.usage)
		}
	}
}

// An event that was flushed can be read although the stream goes on.
func TestUnpackKeepsPace(t *testing.T) {
	in, out := io.Pipe()
	plain := Unpack(in)
	z := gzip.NewWriter(out)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, event := range []string{"data: 1\n\n", "data: 2\n\n"} {
			io.WriteString(z, event)
			z.Flush()
		}
	}()
	p := make([]byte, 64)
	for _, want := range []string{"data: 1\n\n", "data: 2\n\n"} {
		if n, err := plain.Read(p); err != nil || string(p[:n]) != want {
			t.Errorf("read %q, %v", p[:n], err)
		}
	}
	<-done
}
