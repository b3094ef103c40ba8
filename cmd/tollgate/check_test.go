package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCheckSaysWhatIsHardlyMeant: a warning fails nothing, and doesn't stand where machines look for ok.
func TestCheckSaysWhatIsHardlyMeant(t *testing.T) {
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	const hides = "providers:\n  openai: {}\n  chat: { api: openai, base_url: \"http://127.0.0.1:1\" }\n"
	if err := os.WriteFile(file, []byte(hides), 0o600); err != nil {
		t.Fatal(err)
	}
	var said, warned strings.Builder
	status := run([]string{"check", "--config", file}, &said, &warned)
	if status != 0 || said.String() != "ok\n" {
		t.Errorf("check ended with status %d and said %q", status, said.String())
	}
	want := fmt.Sprintf("warning: %s:3:3: providers.chat: hides the paths of the default provider openai that start with /chat/\n", file)
	if warned.String() != want {
		t.Errorf("it warned %q, want %q", warned.String(), want)
	}
}
