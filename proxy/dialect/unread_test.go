package dialect

import (
	"strings"
	"testing"
)

// A client that asks for another format, or a provider that answers in one, gets no answer for nothing.
func TestAnswersThatAreNotUnderstoodCountByTheirBytes(t *testing.T) {
	answer := strings.Repeat("\x0a\x05Hello", 100)
	tests := []struct {
		api            *API
		kind, encoding string
		body           string
		text, images   int64
	}{
		{GenerateContent, "application/x-protobuf", "", answer, 700, 0},
		{GenerateContent, "text/javascript; charset=UTF-8", "", `// API callback` + "\n" + `f({"candidates":[]});`, 37, 0},
		{Chat, "application/json", "br", answer, 700, 0},
		{Chat, "", "zstd", answer, 700, 0},
		{Transcriptions, "text/plain", "", "[Music] and a long talk", 23, 0},
		{Transcriptions, "text/plain; charset=utf-8", "", `{Music} and "more`, 17, 0},
		{Transcriptions, "text/vtt", "", "WEBVTT\n\n", 8, 0},
		{Invoke, "image/png", "", "\x89PNG" + answer, 0, 1},
		{Invoke, "audio/mpeg", "", answer, 0, 0},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(test.api, Response{Status: 200, ContentType: test.kind, ContentEncoding: test.encoding}, []byte(test.body), size)
			if got.text != test.text || got.usage.Images != test.images || got.usage.Known() {
				t.Errorf("%s %s in pieces of %d: %d bytes of text, want %d; usage %+v", test.kind, test.encoding, size, got.text, test.text, got.usage)
			}
		}
	}
}
