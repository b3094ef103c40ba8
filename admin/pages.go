package admin

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// contentPolicy lets the dashboard's own files run and nothing else: no inline script or style, no other host, no frame
// around it, and no text that becomes markup.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// pages are the dashboard's files by their path below "/", each compressed once.
type pages map[string]*file

type file struct {
	kind     string
	tag      string
	text     []byte
	squeezed []byte // by gzip; nil where that gains nothing
	// fixed: the name holds a hash of the content, so that a copy never grows old.
	fixed bool
}

// newPages reads all files; root index.html is the page itself.
func newPages(files fs.FS) pages {
	all := pages{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, name)
		all["/"+name] = newFile(name, text)
		return err
	})
	if err != nil {
		panic("BUG: the dashboard's files can't be read: " + err.Error())
	}
	if index := all["/index.html"]; index != nil {
		all["/"] = index
	}
	return all
}

func newFile(name string, text []byte) *file {
	hash := sha256.Sum256(text)
	f := &file{
		kind: mime.TypeByExtension(path.Ext(name)), tag: `"` + hex.EncodeToString(hash[:12]) + `"`,
		text: text, fixed: strings.HasPrefix(name, "assets/"),
	}
	var squeezed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&squeezed, gzip.BestCompression)
	w.Write(text)
	w.Close()
	if squeezed.Len() < len(text)*9/10 {
		f.squeezed = squeezed.Bytes()
	}
	return f
}

// showPage serves the dashboard. What it needs beside its files it asks the API for, as whoever is signed in.
func (h *Handler) showPage(w http.ResponseWriter, r *http.Request) {
	f := h.pages[r.URL.Path]
	switch {
	case f == nil:
		h.refuse(w, r, absent("there is nothing at this path; the dashboard is at /, the API under /api/v1"))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, r, &problem{status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed, message: "this path takes GET or HEAD"})
	default:
		f.serve(w, r)
	}
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	head.Set("Content-Type", f.kind)
	head.Set("Content-Security-Policy", contentPolicy)
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
	head.Set("Cache-Control", "no-cache")
	if f.fixed {
		head.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	head.Set("ETag", f.tag)
	head.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("If-None-Match"), f.tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.text
	if f.squeezed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		head.Set("Content-Encoding", "gzip")
		body = f.squeezed
	}
	head.Set("Content-Length", strconv.Itoa(len(body)))
	w.Write(body)
}
