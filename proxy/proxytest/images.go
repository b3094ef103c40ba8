package proxytest

import (
	"bytes"
	"encoding/json"
	"image"
	"image/png"
	"strings"
)

type images struct {
	Created      int64           `json:"created"`
	Background   string          `json:"background,omitempty"`
	Data         []drawn         `json:"data"`
	OutputFormat string          `json:"output_format,omitempty"`
	Quality      string          `json:"quality,omitempty"`
	Size         string          `json:"size,omitempty"`
	Usage        json.RawMessage `json:"usage,omitempty"`
}

type drawn struct {
	B64  []byte `json:"b64_json,omitempty"`
	URL  string `json:"url,omitempty"`
	Text string `json:"revised_prompt,omitempty"`
}

// drawnEvent is one event of a stream.
type drawnEvent struct {
	Type         string          `json:"type"`
	B64          []byte          `json:"b64_json"`
	CreatedAt    int64           `json:"created_at"`
	Size         string          `json:"size"`
	Quality      string          `json:"quality"`
	Background   string          `json:"background"`
	OutputFormat string          `json:"output_format"`
	Index        *int            `json:"partial_image_index,omitempty"`
	Usage        json.RawMessage `json:"usage,omitempty"`
}

type imageUsage struct {
	TotalTokens         int64       `json:"total_tokens"`
	InputTokens         int64       `json:"input_tokens"`
	OutputTokens        int64       `json:"output_tokens"`
	InputTokensDetails  imageTokens `json:"input_tokens_details"`
	OutputTokensDetails imageTokens `json:"output_tokens_details"`
}

type imageTokens struct {
	TextTokens  int64 `json:"text_tokens"`
	ImageTokens int64 `json:"image_tokens"`
}

// tokensPerImage is what a small picture costs.
const tokensPerImage = 272

func (q *request) imageUsage() json.RawMessage {
	q.usage = usage{input: q.usage.input, output: q.usage.output}
	if q.Proxytest.Output == 0 {
		q.usage.output = tokensPerImage * q.N
	}
	return q.rawUsage(imageUsage{
		q.usage.input + q.usage.output, q.usage.input, q.usage.output, imageTokens{TextTokens: q.usage.input}, imageTokens{ImageTokens: q.usage.output},
	})
}

// draw makes pictures of one pixel, with usage in tokens unless the model is one of DALL·E's, as is the model where none is named.
func draw(q *request) *answer {
	billed := strings.HasPrefix(q.Model, "gpt-image") || strings.HasPrefix(q.Model, "chatgpt-image")
	if q.Stream && billed {
		return drawStream(q)
	}
	a := document(q, "", "", func(text string) any {
		drew := images{Created: q.created}
		one := drawn{URL: "https://images.invalid/" + q.id + ".png"}
		if billed {
			one = drawn{B64: pixel()}
			drew.Background, drew.OutputFormat, drew.Quality, drew.Size, drew.Usage = "opaque", "png", "low", "1024x1024", q.imageUsage()
		}
		if q.Proxytest.Size > 0 {
			one.Text = text
		}
		for range q.N {
			drew.Data = append(drew.Data, one)
		}
		return drew
	})
	if !billed {
		a.usage = usage{}
	}
	a.usage.units.Images = q.N
	return a
}

func drawStream(q *request) *answer {
	var asked struct {
		PartialImages int `json:"partial_images"`
	}
	_ = json.Unmarshal(q.body, &asked) // a form has none
	prefix := "image_generation"
	if strings.HasSuffix(q.path, "/edits") {
		prefix = "image_edit"
	}
	var parts [][]byte
	say := func(kind string, index *int, u json.RawMessage) {
		parts = append(parts, event(prefix+kind, drawnEvent{
			prefix + kind, pixel(), q.created, "1024x1024", "low", "opaque", "png", index, u,
		}))
	}
	for i := range asked.PartialImages {
		say(".partial_image", &i, nil)
	}
	q.N = 1
	say(".completed", nil, q.imageUsage())
	a := stream(q, "", "", parts, len(parts)-1)
	a.usage.units.Images = 1
	return a
}

// pixel is the smallest picture.
func pixel() []byte {
	var b bytes.Buffer
	_ = png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))) // into memory
	return b.Bytes()
}
