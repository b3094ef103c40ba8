package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestGeneratedClientMakesEveryCall has a client generated from the OpenAPI document, compiled, and makes every call of
// the document with it, against a gateway that runs.
func TestGeneratedClientMakesEveryCall(t *testing.T) {
	document, err := filepath.Abs("../../admin/openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/adminclient")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute) // the first time, modules are fetched and compiled
	defer cancel()
	run := func(env []string, name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(ctx, name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
		var said strings.Builder
		cmd.Stderr = &said
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, said.String())
		}
		return string(out)
	}
	run(nil, "go", "tool", "oapi-codegen", "-config", "oapi-codegen.yaml", document)
	run(nil, "go", "vet", ".")
	run(nil, "go", "build", "-o", "client", ".")

	_, provider := newProvider(t)
	data := t.TempDir()
	c := begin(t, data, settings(data, provider, ""))
	env := []string{"ADMIN_ORIGIN=" + c.admin, "DATA_ORIGIN=" + c.data, "ADMIN_TOKEN=" + adminToken}
	made := strings.Fields(run(env, filepath.Join(dir, "client")))
	slices.Sort(made)
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	calls, _, _ := strings.Cut(string(text), "\nwebhooks:") // which the gateway makes
	var documented []string
	for _, m := range regexp.MustCompile(`(?m)^ *operationId: (\w+)$`).FindAllStringSubmatch(calls, -1) {
		documented = append(documented, m[1])
	}
	slices.Sort(documented)
	if diff := cmp.Diff(documented, slices.Compact(made)); diff != "" || len(documented) < 20 {
		t.Errorf("(-documented +made):\n%s", diff)
	}
}
