package config

import (
	"fmt"
	"io"
)

// Secret is a value that does not print, whatever the verb (but %p, which vet refuses), nor go into JSON,
// YAML or logs.
type Secret string

const redacted = "REDACTED"

func (Secret) String() string { return redacted }

// Format answers every verb, since %d or %x would show a plain string's content.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText serves JSON, YAML and slog.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Reveal is the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }
