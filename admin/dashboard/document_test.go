package dashboard

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTokenViewIsDocumented: docs/token-view.md names every custom property with its defaults, every attribute, event and
// part, and no property that is not there.
func TestTokenViewIsDocumented(t *testing.T) {
	document, styles := read(t, "../../docs/token-view.md"), read(t, "src/tokens/tokens.css")
	defaults := regexp.MustCompile(`var\((--tollgate-[a-z-]+), (?:light-dark\((#\w+), (#\w+)\))?`).FindAllStringSubmatch(styles, -1)
	known := map[string]bool{}
	for _, d := range defaults {
		known[d[1]] = true
		if !strings.Contains(document, "`"+d[1]+"`") || d[2] != "" && !strings.Contains(document, "`"+d[2]+"` `"+d[3]+"`") {
			t.Errorf("the page lacks %s, light %s, dark %s", d[1], d[2], d[3])
		}
	}
	if len(known) < 10 {
		t.Errorf("only %d properties are found: %v", len(known), known)
	}
	for _, name := range regexp.MustCompile("`(--tollgate-[a-z-]+)`").FindAllStringSubmatch(document, -1) {
		if !known[name[1]] {
			t.Errorf("the page names %s, which does nothing", name[1])
		}
	}
	view, element := read(t, "src/tokens/view.tsx"), read(t, "src/tokens/element.tsx")
	names := regexp.MustCompile(`getAttribute\("(\w+)"\)|#tell\("([\w-]+)"`).FindAllStringSubmatch(element, -1)
	names = append(names, regexp.MustCompile(`part="(\w+)(?: \w+)?"`).FindAllStringSubmatch(view, -1)...)
	for _, n := range names {
		if name := strings.Join(n[1:], ""); name != "account" && !strings.Contains(document, "`"+name+"`") { // account is the dashboard's own
			t.Errorf("the page lacks %s", name)
		}
	}
}
