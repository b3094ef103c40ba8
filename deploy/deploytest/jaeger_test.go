package deploytest

import "testing"

// TestJaegerIsThere builds Jaeger where it is missing in CI, before tests that watch a clock want the machine.
func TestJaegerIsThere(t *testing.T) {
	if _, err := findJaeger(); err != nil {
		Missing(t, err)
	}
}
