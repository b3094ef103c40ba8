package dashboard

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// sources are what the build reads.
var sources = []string{"package.json", "package-lock.json", ".npmrc", "tsconfig.json", "vite.config.ts", "vite.embed.config.ts", "index.html", "public", "src"}

// nodeReady says that Node is there. A missing one fails in CI and skips elsewhere.
func nodeReady(t *testing.T) {
	t.Helper()
	const wanted = 20
	version, err := exec.Command("node", "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	n, _ := strconv.Atoi(major)
	if err == nil && n >= wanted {
		return
	}
	deploytest.Missing(t, fmt.Errorf("node --version: %q, %v, want %d or newer", version, err, wanted))
}

// TestBuiltIsWhatSourcesGive builds the dashboard and the script for other sites from scratch, from the packages that
// the lockfile names: what is committed is the same, byte for byte.
func TestBuiltIsWhatSourcesGive(t *testing.T) {
	nodeReady(t)
	dir := t.TempDir()
	for _, name := range sources {
		copyAll(t, filepath.Join(dir, name), name)
	}
	run(t, dir, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline")
	run(t, dir, "npm", "run", "build")
	want, got := contents(t, os.DirFS(filepath.Join(dir, "built"))), contents(t, os.DirFS("built"))
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !bytes.Equal(got[name], want[name]) {
			t.Errorf("built/%s: %d bytes are committed, the build gives %d, and they differ", name, len(got[name]), len(want[name]))
		}
	}
	for name := range got {
		if want[name] == nil {
			t.Errorf("built/%s is committed, the build does not give it", name)
		}
	}
	if t.Failed() {
		t.Log("mend it with `make dashboard`, and commit built/ with the sources")
	}
}

func copyAll(t *testing.T, to, from string) {
	t.Helper()
	info, err := os.Stat(from)
	if err == nil && info.IsDir() {
		err = os.CopyFS(to, os.DirFS(from))
	} else if err == nil {
		var text []byte
		if text, err = os.ReadFile(from); err == nil {
			err = os.WriteFile(to, text, 0o600)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func run(t *testing.T, dir, name string, arguments ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, arguments...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
}

func contents(t *testing.T, files fs.FS) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all[name], err = fs.ReadFile(files, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSizes: what a first visit of the dashboard transfers, every file of it, and the script for other sites, in
// thousands of bytes as gzip makes them; the font is compressed in itself.
func TestSizes(t *testing.T) {
	const dashboardMax, embedMax = 150_000, 30_000
	first := 0
	for name, text := range contents(t, Files()) {
		size := len(text)
		if filepath.Ext(name) != ".woff2" {
			size = squeezed(text)
		}
		first += size
	}
	embed := squeezed(Embed)
	fmt.Printf("SIZE dashboard_kb=%.1f embed_gz_kb=%.1f\n", float64(first)/1000, float64(embed)/1000)
	if first > dashboardMax {
		t.Errorf("a first visit transfers %d bytes, more than %d", first, dashboardMax)
	}
	if embed > embedMax {
		t.Errorf("embed.js has %d bytes as gzip, more than %d", embed, embedMax)
	}
}

func squeezed(text []byte) int {
	var out bytes.Buffer
	w, _ := gzip.NewWriterLevel(&out, gzip.BestCompression) // the level is a valid one
	w.Write(text)
	w.Close()
	return out.Len()
}

// TestBuiltNeedsNoOneElse: the files name no host to load from, and do nothing that the admin plane's policy forbids.
func TestBuiltNeedsNoOneElse(t *testing.T) {
	all := contents(t, Files())
	all["embed.js"] = Embed
	for name, text := range all {
		for _, forbidden := range []string{"//fonts.", "cdn.", "unpkg.com", "jsdelivr", "eval(", "new Function", " style=\"", "sourceMappingURL"} {
			if filepath.Ext(name) != ".woff2" && bytes.Contains(text, []byte(forbidden)) {
				t.Errorf("%s has %q", name, forbidden)
			}
		}
	}
}
