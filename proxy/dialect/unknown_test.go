package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// disguise writes a JSON value as no provider has written it yet: its members in another order, unknown ones among them
// (some look like the whole value with other numbers), white space, and escaped keys.
type disguise struct {
	t       *rapid.T
	b       strings.Builder
	strange []string // values of unknown members
}

var numerals = regexp.MustCompile(`[0-9]+`)

func disguised(t *rapid.T, raw string) string {
	d := disguise{t: t}
	other := numerals.ReplaceAllString(raw, "999")
	text, _ := json.Marshal(other)
	d.strange = []string{other, "[" + other + "," + other + "]", string(text), "null", `"\\\""`, "[[],{}]", "-1.5e3", `{"":{"":[]}}`}
	decoder := json.NewDecoder(strings.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("BUG: %s: %v", raw, err)
	}
	d.write(v)
	return d.b.String()
}

func (d *disguise) space() {
	d.b.WriteString(rapid.SampledFrom([]string{"", "", "", " ", "\t "}).Draw(d.t, "space"))
}

func (d *disguise) write(v any) {
	d.space()
	switch v := v.(type) {
	case map[string]any:
		d.object(v)
	case []any:
		d.b.WriteByte('[')
		for i, e := range v {
			if i > 0 {
				d.b.WriteByte(',')
			}
			d.write(e)
		}
		d.b.WriteByte(']')
	case json.Number:
		d.b.WriteString(string(v) + rapid.SampledFrom([]string{"", "", ".0", "e0"}).Draw(d.t, "number"))
	default:
		text, _ := json.Marshal(v)
		d.b.Write(text)
	}
	d.space()
}

func (d *disguise) object(members map[string]any) {
	names := slices.Sorted(maps.Keys(members))
	for i := range rapid.IntRange(0, 2).Draw(d.t, "unknown") {
		names = append(names, fmt.Sprintf("zz%d", i))
	}
	d.b.WriteByte('{')
	for i, name := range rapid.Permutation(names).Draw(d.t, "order") {
		if i > 0 {
			d.b.WriteByte(',')
		}
		d.space()
		d.key(name)
		d.space()
		d.b.WriteByte(':')
		if v, ok := members[name]; ok {
			d.write(v)
		} else {
			d.b.WriteString(rapid.SampledFrom(d.strange).Draw(d.t, "strange"))
		}
	}
	d.b.WriteByte('}')
}

func (d *disguise) key(name string) {
	at := rapid.IntRange(-3, len(name)-1).Draw(d.t, "escaped")
	if at >= 0 {
		name = name[:at] + fmt.Sprintf(`\u%04x`, name[at]) + name[at+1:]
	}
	d.b.WriteString(`"` + name + `"`)
}

// The unknown: whatever else a provider writes, and however, its usage stays the same, and so do its bytes.
func TestDisguisedAnswersAreMeteredAlike(t *testing.T) {
	const (
		oneJSON = "application/json"
		lines   = "application/x-ndjson"
		events  = "text/event-stream"
	)
	full := known(12, 5)
	full.CachedInput, full.ReasoningOutput = 3, 2
	tests := []struct {
		api      *API
		kind     string
		messages []string
		want     Usage
	}{
		{Chat, oneJSON, []string{`{"id":"c","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":3},"completion_tokens_details":{"reasoning_tokens":2}}}`}, full},
		{Chat, events, []string{word, finish, tally}, known(12, 5)},
		{CohereChat, oneJSON, []string{`{"id":"c","message":{"content":[{"text":"a"}]},"usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":12,"output_tokens":5,"reasoning_tokens":2},"cached_tokens":3}}`}, full},
		{CohereChat, events, []string{`{"type":"content-delta","delta":{"message":{"content":{"text":"a"}}}}`, `{"type":"message-end","delta":{"usage":{"billed_units":{"input_tokens":1,"output_tokens":1},"tokens":{"input_tokens":12,"output_tokens":5,"reasoning_tokens":2},"cached_tokens":3}}}`}, full},
		{CohereChatV1, lines, []string{`{"event_type":"text-generation","text":"a"}`, `{"event_type":"stream-end","response":{"text":"a","meta":{"tokens":{"input_tokens":12,"output_tokens":5},"billed_units":{"input_tokens":1}}}}`}, known(12, 5)},
		{CohereGenerate, oneJSON, []string{`{"generations":[{"text":"a"}],"meta":{"billed_units":{"input_tokens":12,"output_tokens":5}}}`}, known(12, 5)},
		{CohereEmbed, oneJSON, []string{`{"embeddings":[[1]],"meta":{"billed_units":{"input_tokens":12,"image_tokens":7}}}`}, known(19, 0)},
		{CohereRerank, oneJSON, []string{`{"results":[{"index":0}],"meta":{"billed_units":{"search_units":2}}}`}, Usage{Units: Units{Searches: 2}}},
		{OllamaChat, lines, []string{`{"message":{"content":"a"},"done":false}`, `{"message":{"content":""},"done":true,"prompt_eval_count":12,"eval_count":5}`}, known(12, 5)},
		{OllamaGenerate, oneJSON, []string{`{"response":"a","done":true,"eval_count":5}`}, Usage{Output: 5, OutputKnown: true}},
		{OllamaEmbed, oneJSON, []string{`{"embeddings":[[1]],"prompt_eval_count":12}`}, known(12, 0)},
		{WatsonxGenerate, oneJSON, []string{`{"results":[{"generated_text":"a","input_token_count":12,"generated_token_count":5,"stop_reason":"eos_token"}]}`}, known(12, 5)},
		{WatsonxGenerateStream, events, []string{`{"results":[{"generated_text":"a","input_token_count":12,"generated_token_count":1,"stop_reason":"not_finished"}]}`, `{"results":[{"generated_text":"","input_token_count":0,"generated_token_count":5,"stop_reason":"eos_token"}]}`}, known(12, 5)},
		{WatsonxEmbeddings, oneJSON, []string{`{"results":[{"embedding":[1]}],"input_token_count":12}`}, known(12, 0)},
	}
	for _, test := range tests {
		t.Run(test.api.Name+" "+test.kind, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				var body []byte
				for _, message := range test.messages {
					message = disguised(t, message)
					switch test.kind {
					case events:
						message = "event: x\ndata:" + message + "\n\n"
					case lines:
						message += "\n"
					}
					body = append(body, message...)
				}
				r := Response{Status: 200, ContentType: test.kind, Request: Request{Stream: test.kind != oneJSON, answers: 1}}
				most := rapid.IntRange(1, 64).Draw(t, "most")
				got := meterPieces(test.api, r, body, func() int { return rapid.IntRange(1, most).Draw(t, "piece") })
				if all := append(got.early, got.late...); !bytes.Equal(all, body) {
					t.Fatalf("%q became %q", body, all)
				}
				if got.usage != test.want || !got.ended {
					t.Fatalf("%q: usage %+v, want %+v; ended: %v", body, got.usage, test.want, got.ended)
				}
			})
		})
	}
}
