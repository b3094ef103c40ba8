package proxy

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

// script is the module that defines <tollgate-tokens>, as it is sent. It is the same for everyone and shows nothing.
type script struct {
	text, squeezed []byte
	tag            string
}

func newScript(text []byte) script {
	var squeezed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&squeezed, gzip.BestCompression)
	w.Write(text)
	w.Close()
	hash := sha256.Sum256(text)
	return script{text: text, squeezed: squeezed.Bytes(), tag: `"` + hex.EncodeToString(hash[:12]) + `"`}
}

// embed serves the script to pages of any origin, as module scripts are fetched with CORS. It is asked for anew after
// five minutes, so that an update of the gateway reaches pages soon.
func (c *call) embed() error {
	if c.in.Method != http.MethodGet && c.in.Method != http.MethodHead {
		return denied(codeUnmetered, "the script is read with GET")
	}
	c.route.Pattern = windowEmbed
	s, h := c.h.script, c.w.Header()
	c.limitOwnAnswer()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	h.Set("Content-Type", "text/javascript; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("ETag", s.tag)
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(c.in.Header.Get("If-None-Match"), s.tag) {
		c.status = http.StatusNotModified
		c.w.WriteHeader(c.status)
		return nil
	}
	body := s.text
	if strings.Contains(c.in.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = s.squeezed
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.status = http.StatusOK
	c.w.Write(body)
	return nil
}
