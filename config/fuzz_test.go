package config

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzParse: whatever the file, Parse ends with a configuration that is itself, or with problems that lie in
// the file and are sorted.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, file := range append(files, "../gateway.yaml") {
		src, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		if len(src) < 4096 {
			f.Add(src, "value")
		}
	}
	f.Fuzz(func(t *testing.T, src []byte, variable string) {
		env := func(name string) (string, bool) { return variable, len(name)%2 == 0 }
		c, err := Parse("f", src, env, known)
		if err == nil {
			if diff := differ(c, c); len(diff) > 0 || c.Store.Reveal() != "sqlite" || c.Listen == "" {
				t.Errorf("differs from itself in %v, or is not whole: %v", diff, c)
			}
			return
		}
		problems, ok := errors.AsType[Problems](err)
		if !ok || len(problems) == 0 || c != nil {
			t.Fatalf("got %v, %v, want problems", c, err)
		}
		assertWithin(t, src, problems)
	})
}

// FuzzExpand: a value without ${ stays as it is, and a variable's own content is never expanded.
func FuzzExpand(f *testing.F) {
	for _, s := range []string{"", "a", "$", "${A}", "$${A}", "${A:-b}", "${A:-${B}}", "${", "}${A}{", "${A}${A}", "$$${A}", "${A:-}x"} {
		f.Add(s, "${A}")
	}
	f.Fuzz(func(t *testing.T, text, variable string) {
		asked := 0
		env := func(string) (string, bool) { asked++; return variable, true }
		refused := 0
		got := expand(text, env, func(string, ...any) { refused++ })
		if refused > 0 {
			return
		}
		if asked == 0 && len(got) > len(text) || asked > 0 && len(got) > len(text)+asked*len(variable) {
			t.Errorf("%q with %q: got %q", text, variable, got)
		}
		if asked == 0 && len(got) == len(text) && got != text {
			t.Errorf("%q without a variable: got %q", text, got)
		}
	})
}
