package dialect

import (
	"encoding/json"
	"testing"
)

func TestSplice(t *testing.T) {
	ask, limit := Splice{AskUsage: true}, Splice{OutputLimit: 100}
	both := Splice{AskUsage: true, OutputLimit: 100}
	tests := []struct {
		api        *API
		body, want string
		s          Splice
	}{
		{Chat, `{"stream":true}`, `{"stream":true,"stream_options":{"include_usage":true}}`, ask},
		{Chat, "{\n \"stream\": true\n}\n", "{\n \"stream\": true\n,\"stream_options\":{\"include_usage\":true}}\n", ask},
		{Chat, `{"stream_options":{},"stream":true}`, `{"stream_options":{"include_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options": { } ,"stream":true}`, `{"stream_options": { "include_usage":true} ,"stream":true}`, ask},
		{Chat, `{"stream_options":{"include_obfuscation":false},"stream":true}`, `{"stream_options":{"include_obfuscation":false,"include_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options":{"include_usage":false, "a":1},"stream":true}`, `{"stream_options":{"include_usage":true, "a":1},"stream":true}`, ask},
		{Chat, `{"stream_options":{"include_usage": null },"stream":true}`, `{"stream_options":{"include_usage": true },"stream":true}`, ask},
		{Chat, `{"stream_options":{"\u0069nclude_usage":false},"stream":true}`, `{"stream_options":{"\u0069nclude_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options": null,"stream":true}`, `{"stream_options": {"include_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options":{"include_usage":true},"stream":true}`, "", ask},
		{Chat, `{"messages":[{"stream_options":{"include_usage":false}}],"stream":true}`, `{"messages":[{"stream_options":{"include_usage":false}}],"stream":true,"stream_options":{"include_usage":true}}`, ask},
		{Chat, `{"stream_options":{"x":{"include_usage":false}},"stream":true}`, `{"stream_options":{"x":{"include_usage":false},"include_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options":{"continuous_usage_stats":true},"stream":true}`, `{"stream_options":{"continuous_usage_stats":false,"include_usage":true},"stream":true}`, ask},
		{Chat, `{"stream_options":{"continuous_usage_stats":true,"include_usage":true},"stream":true}`, "", ask},
		{Chat, `{"stream":false}`, "", ask},
		{Chat, `{"model":"m"}`, "", ask},
		{Completions, `{"stream":true}`, `{"stream":true,"stream_options":{"include_usage":true}}`, ask},
		{Responses, `{"stream":true}`, "", ask},
		{Chat, `{"stream":true}`, "", Splice{}},

		{Chat, `{}`, `{"max_completion_tokens":100}`, limit},
		{Chat, " {\t} ", " {\t\"max_completion_tokens\":100} ", limit},
		{Chat, `{"a":1}`, `{"a":1,"max_completion_tokens":100}`, limit},
		{Chat, `{"max_tokens":500}`, `{"max_tokens":100}`, limit},
		{Chat, `{"max_tokens": 5e2 ,"a":1}`, `{"max_tokens": 100 ,"a":1}`, limit},
		{Chat, `{"max_tokens":50}`, "", limit},
		{Chat, `{"max_tokens":0}`, `{"max_tokens":100}`, limit},
		{Chat, `{"max_tokens":-1}`, `{"max_tokens":100}`, limit},
		{Chat, `{"max_tokens":500,"max_completion_tokens":600}`, `{"max_tokens":100,"max_completion_tokens":100}`, limit},
		{Chat, `{"max_completion_tokens":50,"max_tokens":600}`, `{"max_completion_tokens":50,"max_tokens":100}`, limit},
		{Chat, `{"max_completion_tokens":null,"max_tokens":600}`, `{"max_completion_tokens":null,"max_tokens":100}`, limit},
		{Chat, `{"max_tokens":null}`, `{"max_tokens":100}`, limit},
		{Chat, `{"max_tokens":null,"max_completion_tokens":null}`, `{"max_tokens":null,"max_completion_tokens":100}`, limit},
		{Chat, `{"metadata":{"max_tokens":500}}`, `{"metadata":{"max_tokens":500},"max_completion_tokens":100}`, limit},
		{ChatOfMaxTokens, `{"a":1}`, `{"a":1,"max_tokens":100}`, limit},
		{ChatOfMaxTokens, `{"max_completion_tokens":50}`, `{"max_completion_tokens":50,"max_tokens":100}`, limit},
		{ChatOfMaxTokens, `{"max_completion_tokens":null}`, `{"max_completion_tokens":null,"max_tokens":100}`, limit},
		{ChatOfMaxTokens, `{"max_completion_tokens":500,"max_tokens":50}`, `{"max_completion_tokens":100,"max_tokens":50}`, limit},
		{ChatOfMaxTokens, `{"max_tokens":null,"max_completion_tokens":9}`, `{"max_tokens":100,"max_completion_tokens":9}`, limit},
		{Completions, `{"prompt":"a"}`, `{"prompt":"a","max_tokens":100}`, limit},
		{Responses, `{"input":"a"}`, `{"input":"a","max_output_tokens":100}`, limit},
		{Responses, `{"max_output_tokens":500}`, `{"max_output_tokens":100}`, limit},
		{Compact, `{"input":[]}`, "", limit},
		{Embeddings, `{"input":"a"}`, "", limit},

		{Chat, `{"stream":true}`, `{"stream":true,"max_completion_tokens":100,"stream_options":{"include_usage":true}}`, both},
		{Chat, `{"max_tokens":500,"stream":true,"stream_options":null}`, `{"max_tokens":100,"stream":true,"stream_options":{"include_usage":true}}`, both},
		{Chat, `{"stream_options":{},"stream":true,"max_tokens":500,"max_completion_tokens":501}`, `{"stream_options":{"include_usage":true},"stream":true,"max_tokens":100,"max_completion_tokens":100}`, both},
	}
	for _, test := range tests {
		body := []byte(test.body)
		r, err := test.api.ReadRequest(Head{}, body)
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
			continue
		}
		got := r.Splice(body, test.s)
		if test.want == "" {
			if &got[0] != &body[0] || string(got) != test.body {
				t.Errorf("%s %s %+v: %s, want the body itself", test.api.Name, test.body, test.s, got)
			}
			continue
		}
		if string(got) != test.want || !json.Valid(got) {
			t.Errorf("%s %s %+v:\n got %s\nwant %s", test.api.Name, test.body, test.s, got, test.want)
		}
		if string(body) != test.body {
			t.Errorf("%s: the client's own body was changed", test.body)
		}
	}
}

// A spliced request is read as what was put into it.
func TestASplicedRequestReadsAsSpliced(t *testing.T) {
	for _, r := range openAIRecordings(t) {
		if len(r.request) == 0 || r.request[0] != '{' {
			continue
		}
		q, err := r.api.ReadRequest(Head{}, r.request)
		if err != nil {
			t.Fatal(err)
		}
		again, err := r.api.ReadRequest(Head{}, q.Splice(r.request, Splice{AskUsage: true, OutputLimit: 7}))
		if err != nil {
			t.Errorf("%s: %v", r.name, err)
		}
		if again.UsageAsked != (q.UsageAsked || q.Stream && r.api.CanAskUsage) {
			t.Errorf("%s: usage asked %v", r.name, again.UsageAsked)
		}
		if limited := len(r.api.format.limits) > 0; limited && again.OutputLimit != 7 {
			t.Errorf("%s: limit %d", r.name, again.OutputLimit)
		}
	}
}
