package admin_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tollgate/tollgate/deploy/deploytest"
)

// TestDocumentSatisfiesALinter asks a validator that is not the one of the other tests, warnings counted as errors.
func TestDocumentSatisfiesALinter(t *testing.T) {
	lint := redocly(t)
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := lint(text); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for _, c := range []struct{ what, old, new string }{
		{"a reference to nothing", `"#/components/schemas/AccountList"`, `"#/components/schemas/Accounts"`},
		{"an unknown type", "in_seconds: { type: integer,", "in_seconds: { type: int,"},
		{"a path parameter that is not declared", "/api/v1/accounts/{account}/tokens:", "/api/v1/accounts/{id}/tokens:"},
		{"two calls of one name", "operationId: listGrants", "operationId: listKeys"},
		{"a nullable of 3.0", `type: [string, "null"], format: date-time`, `type: string, nullable: true, format: date-time`},
	} {
		bad := bytes.Replace(text, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(bad, text) {
			t.Errorf("%s: the document has no %s", c.what, c.old)
		} else if out, err := lint(bad); err == nil {
			t.Errorf("%s passes:\n%s", c.what, out)
		}
	}
}

// redocly installs the linter if it is not there as the lockfile has it, and gives its verdict on a document. Without
// Node the test is skipped, and in CI it fails.
func redocly(t *testing.T) (lint func(document []byte) (out []byte, err error)) {
	t.Helper()
	folder, err := filepath.Abs("testdata/redocly")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	if _, err := exec.LookPath("node"); err != nil {
		deploytest.Missing(t, err)
	}
	if !installed(folder) {
		install := exec.CommandContext(ctx, "npm", "ci")
		install.Dir = folder
		if out, err := install.CombinedOutput(); err != nil {
			t.Fatalf("npm ci: %v\n%s", err, out)
		}
	}
	return func(document []byte) ([]byte, error) {
		file := filepath.Join(t.TempDir(), "openapi.yaml")
		if err := os.WriteFile(file, document, 0o600); err != nil {
			return nil, err
		}
		cmd := exec.CommandContext(ctx, "node_modules/.bin/redocly", "lint", "--config", "redocly.yaml", file)
		cmd.Dir = folder
		cmd.Env = append(os.Environ(), "REDOCLY_TELEMETRY=off", "REDOCLY_SUPPRESS_UPDATE_NOTICE=true") // it calls nobody
		return cmd.CombinedOutput()
	}
}

// installed compares times: npm writes its own lockfile into node_modules when it has installed everything.
func installed(folder string) bool {
	lock, err := os.Stat(filepath.Join(folder, "package-lock.json"))
	if err != nil {
		return false
	}
	done, err := os.Stat(filepath.Join(folder, "node_modules/.package-lock.json"))
	return err == nil && !done.ModTime().Before(lock.ModTime())
}
