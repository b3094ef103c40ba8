package dialect

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"strings"
	"testing"
)

func TestWhatIsCountedOtherwiseThanInTokens(t *testing.T) {
	jsonAnswer := Response{Status: 200, ContentType: "application/json"}
	two := jsonAnswer
	two.Request = Request{Stream: true, answers: 2}
	twoStreamed := two
	twoStreamed.ContentType = "text/event-stream"
	tests := []struct {
		name string
		api  *API
		r    Response
		body string
		want Usage
	}{
		{"seconds", Transcriptions, jsonAnswer, `{"text":"Hi","usage":{"type":"duration","seconds":4}}`, Usage{Units: Units{AudioSeconds: 4}}},
		{"part of a second", Transcriptions, jsonAnswer, `{"usage":{"seconds":3.2,"type":"duration"},"text":"Hi"}`, Usage{Units: Units{AudioSeconds: 4}}},
		{"the duration alone", Transcriptions, jsonAnswer, `{"task":"transcribe","duration":3.7,"text":"Hi"}`, Usage{Units: Units{AudioSeconds: 4}}},
		{"no unit", Transcriptions, jsonAnswer, `{"text":"Hi"}`, Usage{}},
		{"nonsense", Transcriptions, jsonAnswer, `{"usage":{"type":"duration","seconds":-4},"duration":"3"}`, Usage{}},
		{"tokens", Transcriptions, jsonAnswer, ` { "us\u0061ge" : {"x":{"input_tokens":9},"output_tokens":5,"type":"tokens","input_tokens":12,"total_tokens":17} } `, twelveFive},
		{"usage twice, then null", Transcriptions, jsonAnswer, `{"usage":{"input_tokens":1,"output_tokens":1},"usage":{"input_tokens":12.0,"output_tokens":4.5},"usage":null}`, twelveFive},
		{"a look-alike", Transcriptions, jsonAnswer, `{"segments":[{"usage":{"input_tokens":1,"output_tokens":1},"duration":9}]}`, Usage{}},
		{"beyond 2^53", Transcriptions, jsonAnswer, `{"usage":{"input_tokens":9007199254740993,"output_tokens":1}}`, Usage{}},
		{"sound left out of the input", Transcriptions, jsonAnswer, `{"usage":{"prompt_audio_seconds":3,"prompt_tokens":5,"completion_tokens":11,"total_tokens":391,"prompt_tokens_details":{"audio_tokens":375}}}`,
			Usage{Input: 380, Output: 11, InputKnown: true, OutputKnown: true, Units: Units{AudioSeconds: 3}}},
		{"images", Images, jsonAnswer, `{"created":1,"data":[{"url":"a"},{"b64_json":"b"}]}`, Usage{Units: Units{Images: 2}}},
		{"images and their cost", Images, jsonAnswer, `{"data":[{"url":"a"}],"usage":{"cost_in_usd_ticks":7}}`, Usage{Units: Units{Images: 1}}},
		{"images in tokens", Images, jsonAnswer, `{"data":[{}],"usage":{"input_tokens":12,"output_tokens":5,"total_tokens":17}}`,
			Usage{Input: 12, Output: 5, InputKnown: true, OutputKnown: true, Units: Units{Images: 1}}},
		{"no image", Images, Response{Status: 400, ContentType: "application/json"}, `{"error":{"type":"x"}}`, Usage{}},
		{"a stream of images", Images, twoStreamed, sse(`{"type":"image_generation.partial_image"}`, `{"type":"image_generation.completed"}`, `{"type":"image_generation.completed","usage":{"input_tokens":12,"output_tokens":5}}`),
			Usage{Input: 12, Output: 5, InputKnown: true, OutputKnown: true, Units: Units{Images: 2}}},
		{"pages", OCR, jsonAnswer, `{"pages":[{"index":0,"markdown":"x"}],"usage_info":{"pages_processed":3,"doc_size_bytes":9}}`, Usage{Units: Units{Pages: 3}}},
		{"rerank in tokens", Rerank, jsonAnswer, `{"results":[],"usage":{"total_tokens":57}}`, Usage{Input: 57, InputKnown: true, OutputKnown: true}},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(test.api, test.r, []byte(test.body), size)
			if got.usage != test.want {
				t.Errorf("%s, in pieces of %d: usage %+v, want %+v", test.name, size, got.usage, test.want)
			}
			if all := string(got.early) + string(got.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets other bytes", test.name, size)
			}
		}
	}
}

func TestATranscriptsStreamEndsWithItsUsage(t *testing.T) {
	done := `data: {"type":"transcript.text.done","usage":{"input_tokens":12,"output_tokens":5}}`
	body := "data: {\"type\":\"transcript.text.delta\",\"delta\":\"Hello\"}\r\n\r\n" + done + "\r\n\r\ndata: [DONE]\r\n\r\n"
	for _, size := range cuts {
		got := meter(Transcriptions, Response{Status: 200, ContentType: "text/event-stream"}, []byte(body), size)
		if !strings.HasSuffix(string(got.early), done) || string(got.late) != "\r\n\r\ndata: [DONE]\r\n\r\n" || got.usage != twelveFive || got.text != 5 {
			t.Errorf("in pieces of %d: the client has %q, usage %+v, %d bytes of text", size, tail(got.early), got.usage, got.text)
		}
	}
}

func TestPlainTextIsSeenForTheEstimate(t *testing.T) {
	got := meter(Transcriptions, Response{Status: 200, ContentType: "text/plain; charset=utf-8"}, []byte("Hello there, you.\n"), 4)
	if got.text != 18 || got.usage.Known() || string(got.late) != "\n" {
		t.Errorf("%d bytes of text, usage %+v, withheld %q", got.text, got.usage, got.late)
	}
}

// form is a multipart body of fields (name, value), and of files where the name begins with @.
func form(fields ...string) (contentType string, body []byte) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i < len(fields); i += 2 {
		if name, ok := strings.CutPrefix(fields[i], "@"); ok {
			file, _ := w.CreateFormFile(name, "a.wav")
			fmt.Fprint(file, fields[i+1])
			continue
		}
		w.WriteField(fields[i], fields[i+1])
	}
	w.Close()
	return w.FormDataContentType(), b.Bytes()
}

func TestReadForm(t *testing.T) {
	contentType, body := form("@file", strings.Repeat("x", 5000), "model", `whisper "1"`, "stream", "true", "language", "en", "prompt", strings.Repeat("y", maxField+1))
	got, err := Transcriptions.ReadRequest(Head{ContentType: contentType}, body)
	if err != nil || got.Model != `whisper "1"` || !got.Stream || got.Unbounded == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if want := int64(len(body) - 5000); got.TextBytes() != want {
		t.Errorf("%d bytes of text, want %d", got.TextBytes(), want)
	}
	contentType, body = form("model", "gpt-image-1", "n", "3", "@image[]", "png")
	if got, err := ImageEdits.ReadRequest(Head{ContentType: contentType}, body); err != nil || got.Choices != 3 {
		t.Errorf("%+v, %v", got, err)
	}
	contentType, body = form("model", "whisper-1", "stream", "True") // Python's truth, and Ruby's line behind the end
	if got, err := Transcriptions.ReadRequest(Head{ContentType: contentType}, append(body, "\r\n"...)); err != nil || !got.Stream {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestReadFormRefuses(t *testing.T) {
	tests := []struct {
		fields []string
		want   string
	}{
		{[]string{"model", "a", "model", "b"}, "model: given twice"},
		{[]string{"Model", "a"}, `"Model": not the spelling of model`},
		{[]string{"stream", "maybe"}, "stream: neither true nor false"},
		{[]string{"stream", "truest"}, "stream: neither true nor false"},
		{[]string{"n", "many"}, "n: not an integer"},
		{[]string{"model", strings.Repeat("m", maxModel+1)}, "model: longer than"},
		{[]string{"model", strings.Repeat("m", maxField+1)}, "model: longer than"},
	}
	for _, test := range tests {
		contentType, body := form(test.fields...)
		if _, err := ImageEdits.ReadRequest(Head{ContentType: contentType}, body); err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%.40q: %v, want %s", test.fields, err, test.want)
		}
	}
	contentType, body := form("model", "a")
	for name, broken := range map[string][]byte{"empty": nil, "cut": body[:len(body)-8], "no form": []byte(`{"model":"a"}`)} {
		if _, err := ImageEdits.ReadRequest(Head{ContentType: contentType}, broken); err == nil || !strings.HasPrefix(err.Error(), "not a form: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ImageEdits.ReadRequest(Head{ContentType: "multipart/form-data"}, body); err == nil {
		t.Error("a form without a boundary is read")
	}
	two := bytes.Replace(body, []byte("Content-Disposition:"), []byte("Content-Disposition: form-data; name=\"prompt\"\r\nContent-Disposition:"), 1)
	if _, err := ImageEdits.ReadRequest(Head{ContentType: contentType}, two); err == nil {
		t.Error("a part with two names is read")
	}
	if _, err := Chat.ReadRequest(Head{ContentType: contentType}, body); err == nil {
		t.Error("chat takes a form")
	}
}

func FuzzReadForm(f *testing.F) {
	contentType, body := form("model", "a", "stream", "true", "n", "2", "@file", "bytes")
	f.Add(contentType, body)
	f.Add(contentType, body[:20])
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		for _, api := range []*API{Transcriptions, ImageEdits} {
			r, err := api.ReadRequest(Head{ContentType: contentType}, body)
			if err == nil && (r.TextBytes() < 0 || r.Choices < 1 || r.Choices > maxChoices) {
				t.Errorf("%+v", r)
			}
		}
	})
}
