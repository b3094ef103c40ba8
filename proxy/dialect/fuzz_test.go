package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
)

// split cuts p into pieces whose sizes seed decides: now and then single bytes, now and then long ones.
func split(p []byte, seed uint64) [][]byte {
	r := rand.New(rand.NewPCG(seed, 1))
	most := []int{1, 2, 9, 100}[r.IntN(4)]
	var parts [][]byte
	for len(p) > 0 {
		n := min(1+r.IntN(most), len(p))
		parts = append(parts, p[:n])
		p = p[n:]
	}
	return parts
}

// visits writes down what a scanner says.
type visits []string

func (l *visits) see(v *value) {
	*l = append(*l, fmt.Sprintf("%d %c %s %d %d-%d", v.node.id, v.kind, v.raw, v.size, v.start, v.end))
}

func scan(root *node, parts ...[]byte) (seen visits, consumed int, s *scanner) {
	s = &scanner{visitor: &seen}
	s.reset(root)
	for _, p := range parts {
		n := s.feed(bytes.Clone(p)) // what was fed is the caller's again
		if n < len(p) && s.state != complete {
			panic("BUG: the scanner stopped before the end")
		}
		consumed += n
	}
	return seen, consumed, s
}

func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"id":"a","usage":{"prompt_tokens":1},"choices":[{"index":0,"delta":{"content":"x\"\\"}}]}`,
		`{"us\u0061ge":null,"a":[1,{"b":"]}"}],"usage":12.5e3} trailing`,
		`[[{"usage":1}]]`, `"\\\"`, `{"a":tru`, `}`, `{{{`, `{"choices":[`, `{"model":"` + "\xff\xfe", "{\"\\u00", `[DONE]`, ` `, `1 2`,
	} {
		f.Add([]byte(seed), uint64(len(seed)))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		for _, root := range []*node{chatMessage, responsesEvent, responsesAnswer, chatRequest, responsesRequest, embeddingsRequest,
			messagesAnswer, messagesEvent, messagesRequest, geminiChunk, geminiArray, predictAnswer, generateContentRequest, embedContentRequest,
			converseAnswer, converseEvent, converseRequest, invokeAnswer, invokeChunk, invokeRequest} {
			whole, n, s := scan(root, body)
			parts, m, p := scan(root, split(body, seed)...)
			if !reflect.DeepEqual(whole, parts) || n != m || s.doubt != p.doubt || s.deepest != p.deepest {
				t.Errorf("whole (%d) %q\nsplit (%d) %q", n, whole, m, parts)
			}
			if len(p.text) > len(body)+maxRaw || p.top > maxTracked {
				t.Errorf("%d bytes kept", len(p.text))
			}
		}
		sameAsDecoder(t, body)
	})
}

// sameAsDecoder compares the top members that the scanner hands over with those that encoding/json finds.
func sameAsDecoder(t *testing.T, body []byte) {
	if !json.Valid(body) || len(bytes.TrimSpace(body)) == 0 || bytes.TrimSpace(body)[0] != '{' {
		return
	}
	root := (&node{}).read(1, "usage").read(2, "model").read(3, "id")
	ids := map[string]int{"usage": 1, "model": 2, "id": 3}
	seen, _, s := scan(root, body)
	if s.state != complete {
		t.Errorf("%q: no end", body)
	}
	var want visits
	d := json.NewDecoder(bytes.NewReader(body))
	_, _ = d.Token() // the brace
	for d.More() {
		key, _ := d.Token()
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return // nested too deeply for it
		}
		if id := ids[key.(string)]; id != 0 {
			end := int(d.InputOffset())
			text := raw
			if len(raw) > maxRaw {
				text = nil
			}
			want = append(want, fmt.Sprintf("%d %c %s %d %d-%d", id, raw[0], text, len(raw), end-len(raw), end))
		}
	}
	if !reflect.DeepEqual(seen, want) {
		t.Errorf("%q:\n got %q\nwant %q", body, seen, want)
	}
}

func FuzzSSESplit(f *testing.F) {
	for i, seed := range []string{
		sse(word, finish, tally, "[DONE]"),
		sse(`{"a":1,"usage":null}`, `{"choices":[],"usage":null}`, tally),
		"\xef\xbb\xbfevent: x\r\ndata:{\"choices\":[],\r\ndata: \"usage\":{\"prompt_tokens\":1}}\r\nid: 1\r\n: c\r\n\r\n",
		"data: {\"usage\":null}\r\rdata: [DONE]\r", "data\n\ndata:\n\n: \n\nretry: 1", "\n\n{\"usage\":{\"prompt_tokens\":1}} \n",
		sse(`{"type":"response.completed","response":{"usage":{"input_tokens":1,"output_tokens":2}}}`), "data: {\"error\":\"x\"}\n\n", "data: {}",
		sse(`{"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1,"cache_read_input_tokens":2}}}`, `{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5,"iterations":[{"input_tokens":9007199254740992}]}}`),
		sse(geminiStop, geminiMore, geminiStop), sse(word, `{"choices":[{"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`, word, tally, "[DONE]"),
		sse(geminiWord, geminiStop), "[" + geminiTraffic + ",\r\n" + geminiStop + "]", `[{"error":{"status":"UNAVAILABLE"}}]`,
		`{"predictions":[{"embeddings":{"statistics":{"token_count":4}}}]}`,
	} {
		f.Add([]byte(seed), uint64(i), i%2 == 0, int64(1))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64, cut bool, choices int64) {
		for _, api := range []*API{Chat, Responses, Messages, StreamGenerateContent, EmbedContent, Predict} {
			r := streamResponse(cut)
			r.Request.answers = choices
			whole := passed(api, r, body)
			parts := passed(api, r, split(body, seed)...)
			if !reflect.DeepEqual(whole, parts) {
				t.Errorf("%s\nwhole %+v\nsplit %+v", api.Name, whole, parts)
			}
			if all := whole.early + whole.late; (!cut || !api.CanAskUsage) && all != string(body) {
				t.Errorf("%s: %q became %q", api.Name, body, all)
			}
			if u := whole.usage; u.Input < 0 || u.Output < 0 || u.CachedInput+u.CacheWriteInput > u.Input || u.ReasoningOutput > u.Output {
				t.Errorf("%s: usage %+v", api.Name, u)
			}
		}
	})
}

type passage struct {
	early, late        string
	usage              Usage
	model, id, failure string
	finish             []string
	ended, ready       bool
	events, text       int64
}

func passed(api *API, r Response, parts ...[]byte) passage {
	m := api.NewMeter(r)
	var out []byte
	for _, p := range parts {
		out = m.Feed(out, bytes.Clone(p))
	}
	ready := m.Ready() || m.Told()
	out = m.Finish(out)
	p := passage{early: string(out), usage: m.Usage(), model: m.Model(), id: m.ID(), failure: m.Error(), finish: m.FinishReasons(), ended: m.Ended(), ready: ready}
	p.late = string(m.Release(nil))
	p.events, p.text = m.Seen()
	return p
}

func FuzzSplice(f *testing.F) {
	for i, seed := range []string{
		`{}`, `{"stream":true}`, ` { "stream_options" : { } , "stream" : true } `, `{"stream_options":null,"stream":true,"max_tokens":5e2}`,
		`{"stream_options":{"include_usage":false,"x":{}},"stream":true,"max_tokens":null,"max_completion_tokens":-1}`,
		`{"messages":[{"max_tokens":1,"stream_options":{}}],"stream":true,"max_output_tokens":9}`,
		`{"inferenceConfig":{"maxTokens":9,"topP":1},"max_tokens":1}`, `{"inferenceConfig" : null , "messages":[{"content":[{"text":"a"}]}]}`,
		`{"generation_config":{"max_output_tokens":99,"topP":1}}`, `{"generationConfig":null}`, `{"generationConfig":{ }}`,
		`{"options":{"num_predict":0,"seed":1},"max_tokens":0}`, `{"parameters":null,"options":{ }}`, `{"parameters":{"max_new_tokens":9e9}}`,
	} {
		f.Add([]byte(seed), true, int64(i*50))
	}
	f.Fuzz(func(t *testing.T, body []byte, ask bool, limit int64) {
		for _, api := range allAPIs {
			r, err := api.ReadRequest(Head{}, body)
			if err != nil {
				continue
			}
			before := bytes.Clone(body)
			got := r.Splice(body, Splice{AskUsage: ask, OutputLimit: limit})
			if !bytes.Equal(body, before) {
				t.Fatalf("%q was changed", before)
			}
			again, err := api.ReadRequest(Head{}, got)
			if err != nil {
				t.Fatalf("%q became %q: %v", body, got, err)
			}
			asked := ask && r.Stream && api.CanAskUsage
			if again.UsageAsked != (r.UsageAsked || asked) {
				t.Errorf("%q became %q: usage asked %v", body, got, again.UsageAsked)
			}
			limited := limit > 0 && len(api.format.limits) > 0
			if limited && (again.OutputLimit == 0 || again.OutputLimit > limit) {
				t.Errorf("%q became %q: limit %d of %d", body, got, again.OutputLimit, limit)
			}
			if want, left := others(t, body, api, asked, limited), others(t, got, api, asked, limited); !reflect.DeepEqual(want, left) {
				t.Errorf("%q became %q: other members changed", body, got)
			}
		}
	})
}

// others decodes a request without what a splice may change.
func others(t *testing.T, body []byte, api *API, asked, limited bool) map[string]any {
	var all map[string]any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // 1e999 is JSON, too
	if err := d.Decode(&all); err != nil {
		t.Fatalf("%q: %v", body, err)
	}
	if options, _ := all["stream_options"].(map[string]any); asked {
		delete(options, "include_usage")
		if len(options) == 0 {
			delete(all, "stream_options")
		}
	}
	if !limited {
		return all
	}
	if in := api.format.limitsIn; in != "" {
		for _, name := range []string{in, "generation_config"} {
			config, _ := all[name].(map[string]any)
			delete(config, "max_output_tokens")
			for _, l := range api.format.limits {
				delete(config, l.name)
			}
			if len(config) == 0 {
				delete(all, name)
			}
		}
		return all
	}
	for _, l := range api.format.limits {
		delete(all, l.name)
	}
	return all
}

func FuzzReadRequest(f *testing.F) {
	for _, seed := range []string{
		`{"model":"a","stream":true,"n":2,"best_of":3,"max_tokens":5,"max_completion_tokens":6,"messages":[{"role":"user","content":[{"type":"text"}]}]}`,
		`{"model":"a","model":"b"}`, `{"Model":"a"}`, `{"mod\u0065l":"a"}`, "{\"\u017ftream\":true}", `{"stream_options":{"include_usage":true}}`,
		`{"stream_options":{"include_usage":true},"STREAM_OPTIONS":{}}`, `{"max_tokens":1e2,"n":1.0}`, `{"max_tokens":-0}`, `[]`, `{"a":"` + "\xff\"}", `{"a":"\ud800"}`,
		`{"input":[{"type":"item_reference"}],"background":true,"max_output_tokens":16}`, `{"prompt":[[1],[2]],"n":2}`, `{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}`,
		`{"generation_config":{"candidateCount":2,"max_output_tokens":2},"contents":{"parts":{"inline_data":{"data":"AAAA"}}}}`, `{"model":"\ud83d\ude00\u0000"}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, api := range allAPIs {
			agrees(t, api, body)
		}
	})
}
