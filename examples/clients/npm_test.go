package clients

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// npmReady installs the npm clients if they are not there as the lockfile has them. Without Node it tells so, and in CI
// it fails.
func npmReady(t *testing.T) bool {
	t.Helper()
	const wanted = 20
	version, err := exec.Command("node", "--version").Output()
	major, _, _ := strings.Cut(strings.TrimPrefix(string(version), "v"), ".")
	if n, _ := strconv.Atoi(major); err != nil || n < wanted {
		t.Run("npm", func(t *testing.T) {
			if os.Getenv("CI") == "" {
				t.Skipf("THE NPM CLIENTS ARE NOT TESTED: node --version: %q, %v, want %d or newer", version, err, wanted)
			}
			t.Fatalf("node --version: %q, %v, want %d or newer", version, err, wanted)
		})
		return false
	}
	if installed() {
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput(); err != nil {
		t.Fatalf("npm ci: %v\n%s", err, out)
	}
	return true
}

// installed compares times: npm writes its own lockfile into node_modules when it has installed everything.
func installed() bool {
	lock, err := os.Stat("package-lock.json")
	if err != nil {
		return false
	}
	done, err := os.Stat("node_modules/.package-lock.json")
	return err == nil && !done.ModTime().Before(lock.ModTime())
}

// npmAnswers are the answers to asks, in their order, by one Node process.
func npmAnswers(t *testing.T, asks []ask) []answer {
	t.Helper()
	if len(asks) == 0 {
		return nil
	}
	in, err := json.Marshal(asks)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	var out, said bytes.Buffer
	node := exec.CommandContext(ctx, "node", "matrix.mjs")
	node.Env = append(os.Environ(), "NODE_NO_WARNINGS=1") // AWS, about the next Node
	node.Stdin, node.Stdout, node.Stderr = bytes.NewReader(in), &out, &said
	if err := node.Run(); err != nil {
		t.Fatalf("node matrix.mjs: %v\n%s", err, said.Bytes())
	}
	if said.Len() > 0 {
		t.Logf("node says:\n%s", said.Bytes())
	}
	answers := make([]answer, 0, len(asks))
	for lines := json.NewDecoder(&out); lines.More(); {
		var a answer
		if err := lines.Decode(&a); err != nil {
			t.Fatalf("node's answer %d: %v", len(answers), err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(asks) {
		t.Fatalf("node gave %d answers to %d asks", len(answers), len(asks))
	}
	return answers
}
