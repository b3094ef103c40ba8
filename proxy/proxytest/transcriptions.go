package proxytest

import (
	"encoding/json"
	"strings"
)

// transcribed is a transcription, or the event that ends a stream of one; the members stand in the order in which OpenAI sends them.
type transcribed struct {
	Type     string          `json:"type,omitempty"`
	Text     string          `json:"text"`
	Task     string          `json:"task,omitempty"`
	Language string          `json:"language,omitempty"`
	Duration float64         `json:"duration,omitempty"`
	Segments []segment       `json:"segments,omitempty"`
	Usage    json.RawMessage `json:"usage,omitempty"`
}

type segment struct {
	ID    int     `json:"id"`
	Start float64 `json:"start"`
	End   float64 `json:"end"`
	Text  string  `json:"text"`
}

type transcriptDelta struct {
	Type  string `json:"type"`
	Delta string `json:"delta"`
}

type secondsUsage struct {
	Type    string  `json:"type"`
	Seconds float64 `json:"seconds"`
}

type audioUsage struct {
	Type              string `json:"type"`
	TotalTokens       int64  `json:"total_tokens"`
	InputTokens       int64  `json:"input_tokens"`
	InputTokenDetails struct {
		TextTokens  int64 `json:"text_tokens"`
		AudioTokens int64 `json:"audio_tokens"`
	} `json:"input_token_details"`
	OutputTokens int64 `json:"output_tokens"`
}

// transcription reports seconds for whisper and tokens for the rest: in JSON, and at the end of a stream, which whisper does not have.
func transcription(q *request) *answer {
	whisper := strings.HasPrefix(q.Model, "whisper")
	switch q.form["response_format"] {
	case "text", "srt", "vtt":
		return plainTranscription(q)
	case "verbose_json":
		return q.transcript(func(text string) any {
			length := q.seconds()
			return transcribed{
				Text: text, Task: "transcribe", Language: "english", Duration: length,
				Segments: []segment{{0, 0, length, text}}, Usage: q.audioUsage(whisper),
			}
		}, whisper)
	}
	if !q.Stream || whisper {
		return q.transcript(func(text string) any { return transcribed{Text: text, Usage: q.audioUsage(whisper)} }, whisper)
	}
	var parts [][]byte
	for _, word := range q.words {
		parts = append(parts, crlfEvent(transcriptDelta{"transcript.text.delta", word}))
	}
	parts = append(parts, crlfEvent(transcribed{Type: "transcript.text.done", Text: strings.Join(q.words, ""), Usage: q.audioUsage(whisper)}))
	parts = append(parts, []byte("data: [DONE]\r\n\r\n"))
	a := stream(q, "", "", parts, len(parts)-2)
	a.usage = q.heard(whisper)
	return a
}

// transcript is a transcription in JSON.
func (q *request) transcript(build func(string) any, whisper bool) *answer {
	a := line(q, "", "", build)
	a.usage = q.heard(whisper)
	return a
}

// plainTranscription is text, without usage.
func plainTranscription(q *request) *answer {
	a := line(q, "", "", func(string) any { return nil })
	text := strings.Join(q.words, "")
	switch q.form["response_format"] {
	case "srt":
		text = "1\n00:00:00,000 --> 00:00:04,000\n" + text + "\n"
	case "vtt":
		text = "WEBVTT\n\n00:00:00.000 --> 00:00:04.000\n" + text
	}
	a.parts, a.contentType, a.usage = [][]byte{[]byte(text + "\n")}, "text/plain; charset=utf-8", usage{}
	return a
}

func (q *request) seconds() float64 {
	if q.Proxytest.Seconds > 0 {
		return q.Proxytest.Seconds
	}
	return 4
}

// heard is what a meter can read in a transcription.
func (q *request) heard(whisper bool) usage {
	switch {
	case !whisper || q.Proxytest.NoUsage || q.Proxytest.Usage != nil:
		return q.reported()
	}
	return usage{units: Units{Seconds: q.seconds()}}
}

// audioUsage is the usage of a transcription: ten tokens a second where no script says otherwise.
func (q *request) audioUsage(whisper bool) json.RawMessage {
	if whisper {
		return q.rawUsage(secondsUsage{"duration", q.seconds()})
	}
	q.usage = usage{input: q.usage.input, output: q.usage.output}
	if q.Proxytest.Input == 0 {
		q.usage.input = int64(10 * q.seconds())
	}
	u := audioUsage{Type: "tokens", TotalTokens: q.usage.input + q.usage.output, InputTokens: q.usage.input, OutputTokens: q.usage.output}
	u.InputTokenDetails.AudioTokens = q.usage.input
	return q.rawUsage(u)
}

// crlfEvent is an event as OpenAI's transcriptions write it.
func crlfEvent(v any) []byte {
	return append(append([]byte("data: "), marshal(v)...), "\r\n\r\n"...)
}
