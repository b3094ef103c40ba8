package admin

import (
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/tollgate/tollgate/asset"
)

// contentPolicy lets the dashboard's own files run and nothing else: no inline script or style, no other host, no frame
// around it, and no text that becomes markup.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'self'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// assetsPrefix begins the paths whose names hold a hash of their content, so that a copy never grows old.
const assetsPrefix = "/assets/"

// kinds are a table of our own, since a machine's would say otherwise on the next one.
var kinds = map[string]string{
	".css":   "text/css; charset=utf-8",
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

// pages are the dashboard's files by their path below "/".
type pages map[string]*asset.File

// newPages reads all files; index.html is the page at "/".
func newPages(files fs.FS) pages {
	all := pages{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		kind := kinds[path.Ext(name)]
		if kind == "" {
			panic("BUG: nothing is known of files like the dashboard's " + name)
		}
		text, err := fs.ReadFile(files, name)
		all["/"+name] = asset.New(kind, text)
		return err
	})
	if err != nil {
		panic("BUG: the dashboard's files can't be read: " + err.Error())
	}
	all["/"] = all["/index.html"]
	return all
}

// showPage serves the dashboard. What it needs beside its files it asks the API for, as whoever is signed in.
func (h *Handler) showPage(w http.ResponseWriter, r *http.Request) {
	file := h.pages[r.URL.Path]
	switch {
	case file == nil && strings.Contains(r.Header.Get("Accept"), "text/html"):
		h.showNoPage(w, r)
	case file == nil:
		h.refuse(w, r, absent("there is nothing at this path; the dashboard is at /, the API under /api/v1"))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		h.refuse(w, r, &problem{status: http.StatusMethodNotAllowed, code: codeMethodNotAllowed, message: "this path takes GET or HEAD"})
	default:
		protect(w.Header())
		w.Header().Set("Cache-Control", "no-cache")
		if strings.HasPrefix(r.URL.Path, assetsPrefix) {
			w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		file.Serve(w, r)
	}
}

// protect keeps a page's answer from being used otherwise than as this page.
func protect(head http.Header) {
	head.Set("Content-Security-Policy", contentPolicy)
	head.Set("Referrer-Policy", "no-referrer")
	head.Set("Cross-Origin-Opener-Policy", "same-origin")
	head.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// noPage is for people who follow a wrong link. Home is relative, since a proxy may serve the dashboard below a path.
var noPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found · Tollgate</title>
<main>
<h1>There is nothing here</h1>
<p>This address belongs to no page of the dashboard. <a href="{{.}}">Go to the accounts</a></p>
</main>
</html>
`))

func (h *Handler) showNoPage(w http.ResponseWriter, r *http.Request) {
	head := w.Header()
	protect(head)
	head.Set("Content-Type", kinds[".html"])
	head.Set("X-Content-Type-Options", "nosniff")
	head.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNotFound)
	home := "./" + strings.Repeat("../", strings.Count(r.URL.Path, "/")-1)
	if err := noPage.Execute(w, home); err != nil && r.Context().Err() == nil {
		h.Log.Warn("admin", "method", r.Method, "route", r.Pattern, "error", err)
	}
}
