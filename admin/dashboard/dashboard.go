// Package dashboard holds the pages of the admin plane and the Token view for other sites, built from the TypeScript
// beside it and committed, so that a Go build needs no Node.
package dashboard

import (
	"embed"
	"io/fs"
)

//go:embed all:built
var built embed.FS

// Files are the dashboard's: index.html and what it loads.
func Files() fs.FS {
	files, err := fs.Sub(built, "built/dashboard")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return files
}

// Embed is the module script that defines <tollgate-tokens>.
//
//go:embed built/embed.js
var Embed []byte
