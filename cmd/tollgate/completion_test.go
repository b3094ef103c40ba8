package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// completion is the script that the command prints.
func completion(t *testing.T, shell string) string {
	t.Helper()
	var out, complaints strings.Builder
	if status := run([]string{"completion", shell}, &out, &complaints); status != 0 {
		t.Fatalf("completion %s: status %d, %s", shell, status, complaints.String())
	}
	return out.String()
}

// bash runs a script and gives its lines.
func bash(t *testing.T, script string, flags ...string) []string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "bash", append([]string{"--norc"}, append(flags, "-s")...)...)
	c.Stdin = strings.NewReader(script)
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("bash: %v: %s", err, out)
	}
	return strings.Fields(string(out))
}

func TestBashCompletes(t *testing.T) {
	script := completion(t, "bash")
	if said := bash(t, script, "-n"); len(said) > 0 {
		t.Errorf("bash -n: %q", said)
	}
	for line, want := range map[string]string{
		"tollgate ver":                             "verify version",
		"tollgate account c":                       "create change",
		"tollgate account create acme --st":        "--status",
		"tollgate account create acme --status ":   "active suspended",
		"tollgate account create acme --status a":  "active",
		"tollgate key create acme --scope ":        "call view",
		"tollgate backup --f":                      "--force",
		"tollgate backup file --config ":           "", // any file
		"tollgate serve --config x --":             "--help --config",
		"tollgate completion ":                     "bash zsh fish --help",
		"tollgate account --json delete --admin-u": "--admin-url",
		"tollgate nothing of ours ":                "serve",
	} {
		words := strings.Split(line, " ")
		call := script + "\nCOMP_WORDS=('" + strings.Join(words, "' '") + "'); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _tollgate; echo \"${COMPREPLY[@]}\"\n"
		got := bash(t, call)
		if want == "serve" && slices.Contains(got, want) {
			continue
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, want %q", line, got, want)
		}
	}
}

// TestCompletionHasEverything compares each script with the command tree.
func TestCompletionHasEverything(t *testing.T) {
	parser, err := kong.New(&commands{}, kong.Name("tollgate"))
	if err != nil {
		t.Fatal(err)
	}
	scripts := map[string]string{"bash": completion(t, "bash"), "zsh": completion(t, "zsh"), "fish": completion(t, "fish")}
	if said := bash(t, scripts["zsh"], "-n"); len(said) > 0 { // the part that the two shells share
		t.Errorf("zsh: %q", said)
	}
	for _, n := range commandsUnder(parser.Model.Node)[1:] {
		for shell, script := range scripts {
			if !regexp.MustCompile(`(?m)[ ']`+n.Name+`\b`).MatchString(script) || !strings.Contains(script, n.Parent.Name) {
				t.Errorf("%s: no command %s", shell, n.FullPath())
			}
		}
		for _, f := range n.Flags {
			for shell, pattern := range map[string]string{"bash": "--", "zsh": "--", "fish": "-l "} {
				if !strings.Contains(scripts[shell], pattern+f.Name) {
					t.Errorf("%s: no flag --%s of %s", shell, f.Name, n.FullPath())
				}
			}
		}
	}
	quoted := regexp.MustCompile(`'(?:[^'\\]|\\.)*'`)
	for line := range strings.Lines(scripts["fish"]) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		if bare := quoted.ReplaceAllString(line, ""); !strings.HasPrefix(line, "complete -c tollgate -n ") || strings.ContainsAny(bare, `'"\$;`) {
			t.Errorf("fish: %s", line)
		}
	}
}
