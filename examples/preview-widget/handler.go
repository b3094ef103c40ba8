package main

import (
	"embed"
	"io/fs"
	"net/http"
)

//go:embed page
var files embed.FS

// newHandler serves the page, and a key to each of its visits.
func newHandler(d *desk, gateway string) http.Handler {
	page, err := fs.Sub(files, "page")
	if err != nil {
		panic("BUG: " + err.Error()) // it is embedded
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", guarded(http.FileServerFS(page), gateway))
	// Other sites can't have keys made in their visitors' name.
	mux.Handle("POST /visit", http.NewCrossOriginProtection().Handler(d))
	return mux
}

// guarded lets the page run its own scripts and call its own origin and the gateway, and nothing else.
func guarded(h http.Handler, gateway string) http.Handler {
	policy := "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' " + gateway +
		"; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "no-referrer")
		h.ServeHTTP(w, r)
	})
}
