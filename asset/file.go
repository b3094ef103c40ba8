// Package asset serves files that are in the binary: the dashboard's, and the script for other sites.
package asset

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// File is one file as it is sent, compressed once. It may be served concurrently.
type File struct {
	kind     string // its Content-Type
	tag      string
	text     []byte
	squeezed []byte // by gzip; nil where that gains nothing
}

// New keeps text, which the caller leaves as it is.
func New(kind string, text []byte) *File {
	hash := sha256.Sum256(text)
	// Weak, since one tag stands for the text and for its compressed form.
	f := &File{kind: kind, tag: `W/"` + hex.EncodeToString(hash[:12]) + `"`, text: text}
	var squeezed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&squeezed, gzip.BestCompression) // the level is a valid one
	w.Write(text)
	w.Close()
	if squeezed.Len() < len(text)*9/10 {
		f.squeezed = squeezed.Bytes()
	}
	return f
}

// Serve answers a GET or HEAD with the file, or says that the client has it already. Headers that the caller has set
// stay. It returns the status.
func (f *File) Serve(w http.ResponseWriter, r *http.Request) int {
	head := w.Header()
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("ETag", f.tag)
	head.Add("Vary", "Accept-Encoding")
	if f.had(r.Header.Get("If-None-Match")) {
		w.WriteHeader(http.StatusNotModified)
		return http.StatusNotModified
	}
	body := f.text
	if f.squeezed != nil && takesGzip(r.Header.Get("Accept-Encoding")) {
		head.Set("Content-Encoding", "gzip")
		body = f.squeezed
	}
	head.Set("Content-Type", f.kind)
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		w.Write(body)
	}
	return http.StatusOK
}

// had says whether one of the tags in If-None-Match is the file's.
func (f *File) had(tags string) bool {
	for tag := range strings.SplitSeq(tags, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(f.tag, "W/") {
			return true
		}
	}
	return false
}

// takesGzip reads Accept-Encoding: RFC 9110, section 12.5.3. A client that says nothing of gzip may not know it.
func takesGzip(accepted string) bool {
	for item := range strings.SplitSeq(accepted, ",") {
		name, weight, weighed := strings.Cut(item, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, _ := strings.Cut(weight, "=")
		quality, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !weighed || err == nil && quality > 0
	}
	return false
}
