package proxytest_test

import (
	"bytes"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

const transcriptions = "/v1/audio/transcriptions"

// form is a multipart body of a file and of fields, names and values in turn, with its Content-Type.
func form(t *testing.T, fields ...string) (body, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	file, err := w.CreateFormFile("file", "speech.wav")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write([]byte("RIFF\r\n--not-a-boundary\x00")); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		if err := w.WriteField(fields[i], fields[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestTranscriptionTellsSecondsOrTokensOrNothing(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	said := proxytest.Answer{API: "audio.transcriptions", Method: "POST", Path: transcriptions, Status: 200, Whole: true}
	seconds, tokens := said, said
	seconds.Seconds, tokens.Input, tokens.Output = 7, 70, 9
	for _, c := range []struct {
		model, format string
		want          map[string]any
	}{
		{"whisper-1", "json", map[string]any{"text": proxytest.Plain(""), "usage.type": "duration", "usage.seconds": 7, "usage.input_tokens": nil}},
		{"whisper-1", "verbose_json", map[string]any{"duration": 7, "segments.0.end": 7, "usage.seconds": 7}},
		{"gpt-4o-transcribe", "json", map[string]any{
			"usage.type": "tokens", "usage.input_tokens": 70, "usage.input_token_details.audio_tokens": 70, "usage.output_tokens": 9, "usage.total_tokens": 79,
		}},
	} {
		body, contentType := form(t, "model", c.model, "response_format", c.format, "proxytest", `{"seconds":7}`)
		_, body = exchange(t, p, transcriptions, body, "Content-Type", contentType)
		reads(t, body, c.want)
	}
	body, contentType := form(t, "model", "whisper-1", "response_format", "text")
	resp, text := exchange(t, p, transcriptions, body, "Content-Type", contentType)
	if got := resp.Header.Get("Content-Type"); got != "text/plain; charset=utf-8" || text != proxytest.Plain("")+"\n" {
		t.Errorf("got %s: %q", got, text)
	}
	witnessed(t, p, seconds, seconds, tokens, said)
}

func TestTranscriptionStreams(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	body, contentType := form(t, "model", "gpt-4o-mini-transcribe", "stream", "true", "proxytest", `{"text":"one two","input":33}`)
	_, body = exchange(t, p, transcriptions, body, "Content-Type", contentType)
	if strings.Count(body, "\n") != strings.Count(body, "\r\n") {
		t.Errorf("a line does not end in CRLF: %q", body)
	}
	_, data := events(body)
	if len(data) != 4 || data[3] != "[DONE]" {
		t.Fatalf("got %d events: %s", len(data), body)
	}
	reads(t, data[1], map[string]any{"type": "transcript.text.delta", "delta": " two"})
	reads(t, data[2], map[string]any{"type": "transcript.text.done", "text": "one two", "usage.input_tokens": 33, "usage.output_tokens": 2})
	witnessed(t, p, proxytest.Answer{
		API: "audio.transcriptions", Input: 33, Output: 2, Stream: true, Method: "POST", Path: transcriptions, Status: 200, Whole: true,
	})
}

func TestTranscriptionNeedsAModelAndAForm(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	body, contentType := form(t, "language", "en")
	for _, q := range [][2]string{{body, contentType}, {body[:len(body)/2], contentType}, {`{"file":""}`, "application/json"}} {
		if resp, said := exchange(t, p, transcriptions, q[0], "Content-Type", q[1]); resp.StatusCode != 400 {
			t.Errorf("%.20q as %.20s: got status %d: %s", q[0], q[1], resp.StatusCode, said)
		}
	}
}

func TestImagesTellTokensOrNothing(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	const path = "/v1/images/generations"
	_, body := exchange(t, p, path, `{"model":"gpt-image-1","prompt":"a red bicycle","n":2}`)
	reads(t, body, map[string]any{
		"usage.input_tokens": 3, "usage.input_tokens_details.text_tokens": 3, "usage.output_tokens": 544, "usage.total_tokens": 547, "data.1.url": nil,
	})
	_, body = exchange(t, p, path, `{"prompt":"a red bicycle","n":2}`)
	reads(t, body, map[string]any{"usage": nil, "data.1.b64_json": nil, "data.2": nil})
	_, body = exchange(t, p, path, `{"model":"gpt-image-1","prompt":"a red bicycle","stream":true,"partial_images":2}`)
	names, data := events(body)
	want := []string{"image_generation.partial_image", "image_generation.partial_image", "image_generation.completed"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("the events differ (-want +got):\n%s", diff)
	}
	reads(t, data[1], map[string]any{"partial_image_index": 1, "usage": nil})
	reads(t, data[2], map[string]any{"type": want[2], "usage.output_tokens": 272})
	body, contentType := form(t, "model", "gpt-image-1", "prompt", "a blue one")
	_, body = exchange(t, p, "/v1/images/edits", body, "Content-Type", contentType)
	reads(t, body, map[string]any{"usage.input_tokens": 3, "usage.output_tokens": 272, "data.1": nil})

	drawn := proxytest.Answer{API: "images.generations", Method: "POST", Path: path, Status: 200, Whole: true, Units: proxytest.Units{Images: 2}}
	billed := drawn
	billed.Input, billed.Output = 3, 544
	one := billed
	one.Output, one.Images = 272, 1
	streamed, edited := one, one
	streamed.Stream = true
	edited.API, edited.Path = "images.edits", "/v1/images/edits"
	witnessed(t, p, billed, drawn, streamed, edited)
}
