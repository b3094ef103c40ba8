package main

import (
	"net/http"
	"time"
)

// limitBodies bounds the time for the body of each request to h, read by h or, behind a refusal, by net/http: it reads
// what h left before it answers. The data plane does so itself, since its answers may take longer than any body.
func limitBodies(h http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength != 0 {
			http.NewResponseController(w).SetReadDeadline(time.Now().Add(limit))
		}
		h.ServeHTTP(w, r)
	})
}
