package asset_test

import (
	"compress/gzip"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tollgate/tollgate/asset"
)

func TestFileIsServedAsTheClientTakesIt(t *testing.T) {
	text := strings.Repeat("a dashboard compresses well. ", 100)
	long, short := asset.New("text/css; charset=utf-8", []byte(text)), asset.New("text/plain", []byte("x"))
	tag := serve(long, "GET").Header().Get("ETag")
	for _, c := range []struct {
		file       *asset.File
		method     string
		headers    []string
		status     int
		compressed bool
	}{
		{long, "GET", nil, 200, false},
		{long, "GET", []string{"Accept-Encoding", "br, gzip"}, 200, true},
		{long, "GET", []string{"Accept-Encoding", "GZIP;q=0.5"}, 200, true},
		{long, "GET", []string{"Accept-Encoding", "gzip;q=0, identity"}, 200, false},
		{long, "GET", []string{"Accept-Encoding", "gzip;q=high"}, 200, false},
		{long, "GET", []string{"Accept-Encoding", "*;q=0"}, 200, false},
		{short, "GET", []string{"Accept-Encoding", "gzip"}, 200, false},
		{long, "HEAD", []string{"Accept-Encoding", "gzip"}, 200, true},
		{long, "GET", []string{"If-None-Match", tag}, 304, false},
		{long, "GET", []string{"If-None-Match", `"other", ` + strings.TrimPrefix(tag, "W/")}, 304, false},
		{long, "GET", []string{"If-None-Match", "*"}, 304, false},
		{long, "GET", []string{"If-None-Match", `"other"`}, 200, false},
	} {
		w := serve(c.file, c.method, c.headers...)
		if encoding := w.Header().Get("Content-Encoding"); w.Code != c.status || encoding == "gzip" != c.compressed {
			t.Errorf("%s %q: %d %q, want %d, compressed %t", c.method, c.headers, w.Code, encoding, c.status, c.compressed)
		}
		if w.Header().Get("ETag") == "" || w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s %q: %v", c.method, c.headers, w.Header())
		}
		if empty := w.Body.Len() == 0; empty != (c.method == "HEAD" || c.status == 304) {
			t.Errorf("%s %q: %d bytes", c.method, c.headers, w.Body.Len())
		}
	}
	unpacked, err := gzip.NewReader(serve(long, "GET", "Accept-Encoding", "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(unpacked); err != nil || string(got) != text {
		t.Errorf("compressed it reads %q, %v", got, err)
	}
}

func serve(f *asset.File, method string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	f.Serve(w, r)
	return w
}
