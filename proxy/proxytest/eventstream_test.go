package proxytest

import (
	"encoding/hex"
	"testing"
)

// The frame without headers and payload is one of the vectors of AWS's own encoders: aws/aws-sdk-go, event stream's
// test data "empty_message".
func TestEmptyFrame(t *testing.T) {
	const want = "000000100000000005c248eb7d98c8ff"
	if got := hex.EncodeToString(message(nil)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
