package dialect

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var plainAPIs = []*API{
	CohereChat, CohereChatV1, CohereGenerate, CohereEmbed, CohereRerank,
	OllamaChat, OllamaGenerate, OllamaEmbed, OllamaEmbeddings,
	WatsonxGenerate, WatsonxGenerateStream, WatsonxChat, WatsonxChatStream, WatsonxEmbeddings, WatsonxRerank,
	WriterCompletions,
}

func known(input, output int64) Usage {
	return Usage{InputKnown: true, OutputKnown: true, Input: input, Output: output}
}

func TestPlainAnswers(t *testing.T) {
	read := func(u Usage) Usage { u.OutputKnown = false; return u }
	counted := func(u Usage, units Units) Usage { u.Units = units; return u }
	tests := []struct {
		name string
		api  *API
		body string
		want Usage
	}{
		{"tokens, not what is billed", CohereChat, `{"id":"a","usage":{"billed_units":{"input_tokens":8,"output_tokens":1},"tokens":{"input_tokens":503,"output_tokens":3}},"message":{"content":[{"type":"text","text":"8"}]}}`, known(503, 3)},
		{"another order", CohereChat, `{"usage":{"tokens":{"output_tokens":3,"input_tokens":503},"billed_units":{"output_tokens":1,"input_tokens":8}},"id":"a"}`, known(503, 3)},
		{"billed units alone", CohereChat, `{"usage":{"billed_units":{"input_tokens":8,"output_tokens":1}}}`, known(8, 1)},
		{"cached and reasoning inside", CohereChat, `{"usage":{"tokens":{"input_tokens":508,"output_tokens":86,"reasoning_tokens":28},"cached_tokens":144}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 508, Output: 86, CachedInput: 144, ReasoningOutput: 28}},
		{"more cached than read", CohereChat, `{"usage":{"tokens":{"input_tokens":5,"output_tokens":2,"reasoning_tokens":3},"cached_tokens":6}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 5, Output: 2, CachedInput: 5, ReasoningOutput: 2}},
		{"floats", CohereChat, `{"usage":{"tokens":{"input_tokens":503.0,"output_tokens":2.5}}}`, known(503, 3)},
		{"white space and escaped keys", CohereChat, " { \"us\\u0061ge\" :\n{ \"t\\u006fkens\" : { \"input_tokens\" : 5 , \"output_tokens\":6 } } } ", known(5, 6)},
		{"look-alikes", CohereChat, `{"message":{"usage":{"tokens":{"input_tokens":9,"output_tokens":9}},"content":[{"usage":{}}]},"meta":{"tokens":{"input_tokens":9,"output_tokens":9}},"usage":{"tokens":{"input_tokens":5,"output_tokens":6},"x":{"tokens":{"input_tokens":9}}}}`, known(5, 6)},
		{"a look-alike alone", CohereChat, `{"message":{"usage":{"tokens":{"input_tokens":9,"output_tokens":9}}}}`, Usage{}},
		{"twice: the last", CohereChat, `{"usage":{"tokens":{"input_tokens":9,"output_tokens":9}},"usage":{"tokens":{"input_tokens":5,"output_tokens":6}}}`, known(5, 6)},
		{"null behind it", CohereChat, `{"usage":{"tokens":{"input_tokens":5,"output_tokens":6}},"usage":null}`, known(5, 6)},
		{"less behind it", CohereChat, `{"usage":{"tokens":{"input_tokens":5,"output_tokens":6}},"usage":{"tokens":{"input_tokens":7}}}`, known(5, 6)},
		{"output absent", CohereChat, `{"usage":{"tokens":{"input_tokens":5}}}`, read(known(5, 0))},
		{"output null", CohereChat, `{"usage":{"tokens":{"input_tokens":5,"output_tokens":null}}}`, read(known(5, 0))},
		{"beyond 2^53", CohereChat, `{"usage":{"tokens":{"input_tokens":9007199254740993,"output_tokens":6}}}`, Usage{}},
		{"negative", CohereChat, `{"usage":{"tokens":{"input_tokens":5,"output_tokens":-6}}}`, Usage{}},
		{"a string", CohereChat, `{"usage":{"tokens":{"input_tokens":"5","output_tokens":6}}}`, Usage{}},
		{"no numbers", CohereChat, `{"usage":{}}`, Usage{}},
		{"v1 chat", CohereChatV1, `{"response_id":"r","text":"a","chat_history":[{"meta":{"tokens":{"input_tokens":9,"output_tokens":9}}}],"meta":{"api_version":{"version":"1"},"billed_units":{"input_tokens":7,"output_tokens":80},"tokens":{"input_tokens":69,"output_tokens":81}}}`, known(69, 81)},
		{"v1 chat that searched", CohereChatV1, `{"meta":{"billed_units":{"input_tokens":7,"output_tokens":8,"search_units":1},"tokens":{"input_tokens":69,"output_tokens":81}}}`, counted(known(69, 81), Units{Searches: 1})},
		{"v1 doesn't read usage", CohereChatV1, `{"usage":{"tokens":{"input_tokens":9,"output_tokens":9}}}`, Usage{}},
		{"generate", CohereGenerate, `{"id":"g","generations":[{"text":"a","meta":{"billed_units":{"input_tokens":9}}}],"meta":{"billed_units":{"input_tokens":4,"output_tokens":5}}}`, known(4, 5)},
		{"embed", CohereEmbed, `{"embeddings":{"float":[[0.1]]},"meta":{"billed_units":{"input_tokens":3,"image_tokens":0}}}`, known(3, 0)},
		{"embed pictures beside text", CohereEmbed, `{"meta":{"billed_units":{"input_tokens":3,"image_tokens":200}}}`, known(203, 0)},
		{"embed pictures alone", CohereEmbed, `{"meta":{"billed_units":{"image_tokens":200}}}`, known(200, 0)},
		{"embed pictures by number", CohereEmbed, `{"meta":{"billed_units":{"images":2}}}`, Usage{Units: Units{Images: 2}}},
		{"rerank", CohereRerank, `{"results":[{"index":0,"meta":{"billed_units":{"search_units":9}}}],"meta":{"billed_units":{"search_units":1}}}`, Usage{Units: Units{Searches: 1}}},
		{"rerank, null behind it", CohereRerank, `{"meta":{"billed_units":{"search_units":1}},"meta":null}`, Usage{Units: Units{Searches: 1}}},
		{"rerank without units", CohereRerank, `{"results":[],"meta":{}}`, Usage{}},

		{"Ollama", OllamaChat, `{"model":"m","message":{"content":"a"},"done":true,"prompt_eval_count":17,"prompt_eval_duration":5,"eval_count":66}`, known(17, 66)},
		{"another order, floats, escapes", OllamaChat, ` { "eval_c\u006funt" : 66.0 , "done":true, "prompt_eval_count":16.5 } `, known(17, 66)},
		{"the prompt was cached", OllamaGenerate, `{"response":"a","done":true,"context":[1,2],"eval_count":38}`, Usage{Output: 38, OutputKnown: true}},
		{"null: the prompt was cached", OllamaGenerate, `{"done":true,"prompt_eval_count":null,"eval_count":38}`, Usage{Output: 38, OutputKnown: true}},
		{"look-alikes", OllamaChat, `{"message":{"content":"a","prompt_eval_count":9,"eval_count":9},"x":[{"eval_count":9}],"done":true,"eval_count":66}`, Usage{Output: 66, OutputKnown: true}},
		{"twice: the last", OllamaChat, `{"done":true,"prompt_eval_count":9,"eval_count":9,"prompt_eval_count":17,"eval_count":6}`, known(17, 6)},
		{"null behind them", OllamaChat, `{"prompt_eval_count":17,"eval_count":66,"prompt_eval_count":null,"eval_count":null,"done":true}`, known(17, 66)},
		{"beyond 2^53", OllamaChat, `{"done":true,"prompt_eval_count":9007199254740993,"eval_count":66}`, Usage{Output: 66, OutputKnown: true}},
		{"negative, a string", OllamaChat, `{"done":true,"prompt_eval_count":-1,"eval_count":"66"}`, Usage{}},
		{"a model was loaded", OllamaGenerate, `{"model":"m","response":"","done":true,"done_reason":"load"}`, Usage{}},
		{"embed", OllamaEmbed, `{"model":"m","embeddings":[[0.1]],"total_duration":14143917,"prompt_eval_count":8}`, known(8, 0)},
		{"embeddings tell nothing", OllamaEmbeddings, `{"embedding":[0.1,-0.2]}`, Usage{}},

		{"watsonx", WatsonxGenerate, `{"model_id":"m","results":[{"generated_text":"2","generated_token_count":2,"input_token_count":7,"stop_reason":"eos_token"}],"system":{"warnings":[{"input_token_count":9}]}}`, known(7, 2)},
		{"another order, floats, escapes", WatsonxGenerate, ` { "results" : [ { "input_token_c\u006funt":7.0, "stop_reason":"max_tokens","generated_token_count":1.5 } ] } `, known(7, 2)},
		{"look-alikes", WatsonxGenerate, `{"input_token_count":9,"generated_token_count":9,"results":[{"moderations":{"hap":[{"input_token_count":9}]},"generated_token_count":2}]}`, Usage{Output: 2, OutputKnown: true}},
		{"nothing generated", WatsonxGenerate, `{"results":[{"generated_text":"","generated_token_count":0,"input_token_count":7}]}`, known(7, 0)},
		{"null, nonsense", WatsonxGenerate, `{"results":[{"generated_token_count":null,"input_token_count":-7}]}`, Usage{}},
		{"watsonx chat", WatsonxChat, `{"id":"c","model_id":"m","choices":[{"index":0,"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17}}`, twelveFive},
		{"watsonx embeddings", WatsonxEmbeddings, `{"model_id":"m","results":[{"embedding":[0.1],"input_token_count":9}],"input_token_count":10}`, known(10, 0)},
		{"watsonx embeddings of nothing", WatsonxEmbeddings, `{"results":[],"input_token_count":0}`, known(0, 0)},
		{"watsonx rerank", WatsonxRerank, `{"model_id":"m","results":[{"index":1,"score":0.7}],"input_token_count":20}`, known(20, 0)},

		{"Writer", WriterCompletions, `{"choices":[{"text":"a","log_probs":null}],"model":"palmyra"}`, Usage{}},
		{"longer than is copied", CohereChat, `{"usage":{"pad":"` + strings.Repeat("x", maxRaw) + `","tokens":{"input_tokens":5,"output_tokens":6}}}`, Usage{}},
	}
	for _, test := range tests {
		for _, size := range append(cuts, 4096) {
			if size > 0 && size < 64 && len(test.body) > 10_000 {
				continue
			}
			got := meter(test.api, Response{Status: 200, ContentType: "application/json; charset=utf-8"}, []byte(test.body), size)
			if got.usage != test.want {
				t.Errorf("%s: %s, in pieces of %d: %+v, want %+v", test.api.Name, test.name, size, got.usage, test.want)
			}
			if all := string(got.early) + string(got.late); all != test.body || !got.ended || len(got.late) == 0 {
				t.Errorf("%s: %s, in pieces of %d: ended %v, the client gets %q", test.api.Name, test.name, size, got.ended, all)
			}
		}
	}
}

func TestPlainStreams(t *testing.T) {
	stream := func(kind string) Response {
		return Response{Status: 200, ContentType: kind, Request: Request{Stream: true, Choices: 1, answers: 1}}
	}
	events, lines, cohereLines := stream("text/event-stream; charset=utf-8"), stream("application/x-ndjson"), stream("application/stream+json")
	const (
		delta   = `{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}`
		thought = `{"type":"content-delta","index":0,"delta":{"message":{"content":{"thinking":"Hm"}}}}`
		end     = `{"type":"message-end","delta":{"finish_reason":"COMPLETE","usage":{"billed_units":{"input_tokens":1,"output_tokens":2},"tokens":{"input_tokens":12,"output_tokens":5}}}}`
		v1      = `{"is_finished":false,"event_type":"text-generation","text":"Hi"}`
		v1End   = `{"is_finished":true,"event_type":"stream-end","response":{"response_id":"r1","text":"Hi","finish_reason":"MAX_TOKENS","meta":{"tokens":{"input_tokens":12,"output_tokens":5}}},"finish_reason":"MAX_TOKENS"}`
		word    = `{"model":"m-1","message":{"role":"assistant","content":"Hi"},"done":false}`
		done    = `{"model":"m-1","message":{"content":""},"done_reason":"stop","done":true,"prompt_eval_count":12,"eval_count":5}`
	)
	ibm := func(text, generated, input, reason string) string {
		return `{"model_id":"m-1","results":[{"generated_text":"` + text + `","generated_token_count":` + generated + `,"input_token_count":` + input + `,"stop_reason":"` + reason + `"}]}`
	}
	type outcome struct {
		Late         string // what the client doesn't have before the settlement
		Usage        Usage
		Ended, Ready bool
		Failure      string
		Finish       string
		Events, Text int64
	}
	tests := []struct {
		name string
		api  *API
		r    Response
		body string
		want outcome
	}{
		{"Cohere", CohereChat, events, "event: content-delta\n" + sse(thought, delta, end) + sse("[DONE]"),
			outcome{"\n\n" + sse("[DONE]"), twelveFive, true, true, "", "[COMPLETE]", 2, 4}},
		{"Cohere calls a tool", CohereChat, events, sse(`{"type":"tool-plan-delta","delta":{"message":{"tool_plan":"I will"}}}`,
			`{"type":"tool-call-start","delta":{"message":{"tool_calls":{"function":{"name":"f","arguments":""}}}}}`,
			`{"type":"tool-call-delta","delta":{"message":{"tool_calls":{"function":{"arguments":"{}"}}}}}`, `{"type":"tool-call-end","index":0}`, end),
			outcome{"\n\n", twelveFive, true, true, "", "[COMPLETE]", 3, 9}},
		{"Cohere, usage not where it is known", CohereChat, events, sse(`{"type":"message-end","usage":{"tokens":{"input_tokens":9,"output_tokens":9}},"delta":{"finish_reason":"COMPLETE"}}`),
			outcome{"\n\n", Usage{}, true, true, "", "[COMPLETE]", 0, 0}},
		{"Cohere, another event's type deeper down", CohereChat, events, sse(`{"delta":{"type":"message-end"},"type":"content-start"}`, delta),
			outcome{"", Usage{}, false, false, "", "[]", 1, 2}},
		{"Cohere fails", CohereChat, events, sse(delta, `{"type":"message-end","delta":{"error":"out of memory","finish_reason":"ERROR","usage":null}}`),
			outcome{"\n\n", Usage{}, true, true, "error", "[ERROR]", 1, 2}},
		{"Cohere breaks off", CohereChat, events, sse(delta) + "data: {\"type\":\"message-end\"", outcome{"", Usage{}, false, false, "", "[]", 1, 2}},
		{"v1", CohereChatV1, cohereLines, `{"event_type":"stream-start"}` + "\n" + v1 + "\n" + v1End + "\n", outcome{"}\n", twelveFive, true, true, "", "[MAX_TOKENS]", 1, 2}},
		{"v1, the last line without an end", CohereChatV1, cohereLines, v1 + "\n" + v1End, outcome{"}", twelveFive, true, true, "", "[MAX_TOKENS]", 1, 2}},
		{"v1 as events", CohereChatV1, events, sse(v1, v1End), outcome{"\n\n", twelveFive, true, true, "", "[MAX_TOKENS]", 1, 2}},
		{"v1, usage of another event is none", CohereChatV1, cohereLines, `{"event_type":"search-results","documents":[{"meta":{"tokens":{"input_tokens":9}}}]}` + "\n" + v1 + "\n", outcome{"", Usage{}, false, false, "", "[]", 1, 2}},
		{"generate", CohereGenerate, cohereLines, `{"text":"Hi","is_finished":false,"event_type":"text-generation"}` + "\n" + `{"is_finished":true,"event_type":"stream-end","finish_reason":"COMPLETE","response":{"id":"g","generations":[{"text":"Hi"}],"meta":{"billed_units":{"input_tokens":12,"output_tokens":5}}}}` + "\n",
			outcome{"}\n", twelveFive, true, true, "", "[COMPLETE]", 1, 2}},
		{"generate fails", CohereGenerate, cohereLines, `{"event_type":"stream-error","is_finished":true,"finish_reason":"ERROR","err":"it broke"}` + "\n", outcome{"}\n", Usage{}, true, true, "error", "[ERROR]", 0, 0}},
		{"generate fails and says no more", CohereGenerate, cohereLines, `{"event_type":"stream-error","is_finished":true}` + "\n", outcome{"}\n", Usage{}, true, true, "", "[]", 0, 0}},
		{"an error's body", CohereChatV1, Response{Status: 429, ContentType: "application/json", Request: Request{Stream: true}}, `{"message":"too many requests"}`, outcome{"}", Usage{}, true, true, "", "[]", 0, 0}},

		{"Ollama", OllamaChat, lines, word + "\n" + word + "\n" + done + "\n", outcome{"}\n", twelveFive, true, true, "", "[stop]", 2, 4}},
		{"Ollama, CRLF and blank lines", OllamaChat, lines, "\r\n" + word + "\r\n\r\n" + done + "\r\n", outcome{"}\r\n", twelveFive, true, true, "", "[stop]", 1, 2}},
		{"Ollama thinks and calls a tool", OllamaChat, lines, `{"message":{"content":"","thinking":"Hm"},"done":false}` + "\n" + `{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"done":false}` + "\n" + done + "\n",
			outcome{"}\n", twelveFive, true, true, "", "[stop]", 2, 8}},
		{"Ollama, a cached prompt", OllamaGenerate, lines, `{"response":"Hi","done":false}` + "\n" + `{"response":"","done":true,"done_reason":"length","context":[1,2],"eval_count":5}` + "\n",
			outcome{"}\n", Usage{Output: 5, OutputKnown: true}, true, true, "", "[length]", 1, 2}},
		{"Ollama fails in the middle", OllamaChat, lines, word + "\n" + `{"error":"an error was encountered while running the model: unexpected EOF"}` + "\n", outcome{"}\n", Usage{}, true, true, "error", "[]", 1, 2}},
		{"Ollama, an error that is none", OllamaChat, lines, `{"error":"","message":{"content":"Hi"},"done":false}` + "\n" + `{"error":null,"done":true,"eval_count":5,"prompt_eval_count":12}`, outcome{"}", twelveFive, true, true, "", "[]", 1, 2}},
		{"Ollama, done deeper down", OllamaChat, lines, `{"message":{"content":"a","done":true,"eval_count":9},"done":false}` + "\n", outcome{"", Usage{}, false, false, "", "[]", 1, 1}},
		{"Ollama without a type", OllamaChat, stream(""), word + "\n" + done + "\n", outcome{"}\n", twelveFive, true, true, "", "[stop]", 1, 2}},
		{"Ollama, one JSON value", OllamaChat, Response{Status: 200, ContentType: "application/json"}, done, outcome{"}", twelveFive, true, true, "", "[stop]", 0, 0}},
		{"Ollama breaks off", OllamaChat, lines, word + "\n" + `{"model":"m-1","message":{"content":"Hi`, outcome{"", Usage{}, false, false, "", "[]", 1, 4}},

		{"watsonx", WatsonxGenerateStream, events, "id: 1\nevent: message\n" + sse(ibm("", "0", "12", "not_finished"), ibm("Hi", "3", "0", "NOT_FINISHED"), ibm("", "5", "0", "eos_token")),
			outcome{"\n\n", twelveFive, true, true, "", "[eos_token]", 1, 2}},
		{"watsonx, counts null in the end", WatsonxGenerateStream, events, sse(ibm("Hi", "5", "12", "not_finished"), ibm("", "null", "null", "max_tokens")),
			outcome{"\n\n", twelveFive, true, false, "", "[max_tokens]", 1, 2}},
		{"watsonx never stops", WatsonxGenerateStream, events, sse(ibm("Hi", "5", "12", "not_finished")), outcome{"", twelveFive, false, false, "", "[]", 1, 2}},
		{"watsonx fails", WatsonxGenerateStream, events, sse(ibm("Hi", "5", "12", "not_finished")) + "event: error\n" + sse(`{"errors":[{"code":"downstream_request_failed","message":"a b"}],"status_code":500}`),
			outcome{"\n\n", twelveFive, true, true, "downstream_request_failed", "[]", 1, 2}},
		{"watsonx chat", WatsonxChatStream, events, sse(`{"id":"c","model_id":"m-1","choices":[{"index":0,"delta":{"content":"Hi"}}]}`, finish, tally),
			outcome{"\n\n" + sse(tally), twelveFive, true, true, "", "[stop]", 1, 2}},
		{"Writer", WriterCompletions, events, sse(`{"value":"Hi"}`, `{"value":" there"}`), outcome{"", Usage{}, false, false, "", "[]", 2, 8}},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(test.api, test.r, []byte(test.body), size)
			have := outcome{string(got.late), got.usage, got.ended, got.readyEarly, got.failure, got.finish, got.events, got.text}
			if diff := cmp.Diff(test.want, have); diff != "" {
				t.Errorf("%s, in pieces of %d (-want +got):\n%s", test.name, size, diff)
			}
			if all := string(got.early) + string(got.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets %q", test.name, size, all)
			}
		}
	}
}

func TestPlainRequests(t *testing.T) {
	text := func(r Request) Request {
		r.HasOutput = true
		r.Choices = max(r.Choices, 1)
		return r
	}
	tests := []struct {
		api  *API
		body string
		want Request
	}{
		{CohereChat, `{"model":"command","stream":true,"max_tokens":5,"messages":[]}`, text(Request{Model: "command", Stream: true, OutputLimit: 5, Unbounded: cohereAdds})},
		{CohereChatV1, `{"message":"Hi","model":"command"}`, text(Request{Model: "command", Unbounded: cohereAdds})},
		{CohereGenerate, `{"prompt":"Hi","num_generations":3,"stream":false}`, text(Request{Choices: 3, Unbounded: cohereAdds})},
		{CohereEmbed, `{"model":"e","texts":["a"],"input_type":"search_query","embedding_types":["float"],"truncate":"END","stream":true}`, Request{Model: "e", Choices: 1, Unbounded: "stream"}},
		{CohereEmbed, `{"model":"e","inputs":[{"content":[{"type":"text","text":"a"}]}],"output_dimension":256}`, Request{Model: "e", Choices: 1}},
		{CohereEmbed, `{"model":"e","images":["data:image/png;base64,AAAA"]}`, Request{Model: "e", Choices: 1, Unbounded: "images[0]"}},
		{CohereEmbed, `{"inputs":[{"content":[{"type":"image_url","image_url":{"url":"https://a"}}]}]}`, Request{Choices: 1, Unbounded: "inputs[0].content[0].image_url.url"}},
		{CohereEmbed, `{"inputs":[{"content":[{"type":"image_url","image_url":"https://a"}]}]}`, Request{Choices: 1, Unbounded: "inputs[0].content[0].image_url"}},
		{CohereRerank, `{"model":"r","query":"a","documents":["b"]}`, Request{Model: "r", Choices: 1, Unbounded: "rerank: its searches aren't bounded by the request's bytes"}},

		{OllamaChat, `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`, text(Request{Model: "m", Stream: true})},
		{OllamaChat, `{"model":"m","stream":false,"options":{"num_predict":7,"seed":1},"tools":[{"type":"function"}],"think":true,"format":{},"keep_alive":"5m"}`, text(Request{Model: "m", OutputLimit: 7})},
		{OllamaChat, `{"stream":null,"options":null}`, text(Request{Stream: true})},
		{OllamaChat, `{"options":{"num_predict":-1}}`, text(Request{Stream: true})},
		{OllamaChat, `{"options":{"num_predict":0}}`, text(Request{Stream: true})},
		{OllamaChat, `{"num_predict":7}`, text(Request{Stream: true, Unbounded: "num_predict"})},
		{OllamaChat, `{"messages":[{"role":"user","content":"a","images":["AAAA"]}]}`, text(Request{Stream: true, Unbounded: "messages[0].images[0]"})},
		{OllamaChat, `{"messages":[{"role":"user","content":"a","images":[]}],"images":["AAAA"]}`, text(Request{Stream: true, Unbounded: "images"})},
		{OllamaGenerate, `{"model":"m","prompt":"Hi","suffix":"b","system":"c","template":"","context":[1,2],"raw":false,"images":[],"options":{}}`, text(Request{Model: "m", Stream: true})},
		{OllamaGenerate, `{"model":"m","keep_alive":0}`, text(Request{Model: "m", Stream: true})},
		{OllamaGenerate, `{"images":["AAAA"]}`, text(Request{Stream: true, Unbounded: "images[0]"})},
		{OllamaGenerate, `{"template":"{{.Prompt}}{{.Prompt}}"}`, text(Request{Stream: true, Unbounded: "template: {{.Prompt}}{{.Prompt}}"})},
		{OllamaGenerate, `{"width":512}`, text(Request{Stream: true, Unbounded: "width"})},
		{OllamaEmbed, `{"model":"m","input":["a","b"],"truncate":true,"dimensions":3,"options":{},"keep_alive":-1}`, Request{Model: "m", Choices: 1}},
		{OllamaEmbeddings, `{"model":"m","prompt":"a"}`, Request{Model: "m", Choices: 1}},

		{WatsonxGenerate, `{"model_id":"m","input":"a","project_id":"p","parameters":{"max_new_tokens":9,"temperature":1}}`, text(Request{Model: "m", OutputLimit: 9})},
		{WatsonxGenerateStream, `{"model_id":"m","input":"a","stream":false}`, text(Request{Model: "m", Stream: true, Unbounded: "stream"})},
		{WatsonxGenerate, `{"model":"a","model_id":"b"}`, text(Request{Model: "b", Unbounded: "model"})},
		{WatsonxGenerate, `{"parameters":{"prompt_variables":{}}}`, text(Request{Unbounded: "parameters.prompt_variables"})},
		{WatsonxChat, `{"model_id":"m","messages":[{"role":"user","content":"Hi"}],"max_tokens":5,"n":2,"project_id":"p","stream":true}`, text(Request{Model: "m", OutputLimit: 5, Choices: 2})},
		{WatsonxChatStream, `{"model_id":"m","space_id":"s","max_completion_tokens":0}`, text(Request{Model: "m", Stream: true})},
		{WatsonxChat, `{"model":"a","model_id":"b"}`, text(Request{Model: "b", Unbounded: "model"})},
		{WatsonxChat, `{"model_id":"m","context":"a"}`, text(Request{Model: "m", Unbounded: "context"})},
		{WatsonxChat, `{"model_id":"m","messages":[{"content":[{"type":"image_url"}]}]}`, text(Request{Model: "m", Unbounded: "messages[0].content[0]: image_url"})},
		{WatsonxEmbeddings, `{"model_id":"m","inputs":["a"],"parameters":{"truncate_input_tokens":3}}`, Request{Model: "m", Choices: 1}},
		{WatsonxRerank, `{"model_id":"m","inputs":[{"text":"a"}],"query":"b"}`, Request{Model: "m", Choices: 1, Unbounded: "rerank: the query is read once with each input"}},
		{Rerank, `{"model":"r","query":"a","documents":["b"],"top_k":1}`, Request{Model: "r", Choices: 1, Unbounded: "rerank: the query is read once with each document"}},
		{WriterCompletions, `{"model":"palmyra","prompt":"a","max_tokens":5,"stream":true}`, text(Request{Model: "palmyra", Stream: true, OutputLimit: 5})},
	}
	for _, test := range tests {
		got, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err != nil {
			t.Errorf("%s %s: %v", test.api.Name, test.body, err)
			continue
		}
		if diff := cmp.Diff(test.want, got, cmpopts.IgnoreUnexported(Request{})); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", test.api.Name, test.body, diff)
		}
	}
}

func TestDeploymentsAreUnbounded(t *testing.T) {
	for _, api := range []*API{WatsonxGenerate, WatsonxGenerateStream, WatsonxChat, WatsonxChatStream} {
		r, err := api.ReadRequest(Head{Model: "d-1"}, []byte(`{}`))
		if err != nil || r.Model != "d-1" || r.Unbounded != watsonxStored {
			t.Errorf("%s: model %q, unbounded by %q (%v)", api.Name, r.Model, r.Unbounded, err)
		}
	}
	if r, _ := Chat.ReadRequest(Head{Model: "d-1"}, []byte(`{}`)); r.Unbounded != "" {
		t.Errorf("a deployment of OpenAI's chat: unbounded by %q", r.Unbounded)
	}
}

func TestPlainRequestsRefused(t *testing.T) {
	tests := []struct {
		api        *API
		body, want string
	}{
		{OllamaChat, `{"options":{"num_predict":5},"options":{}}`, "options: given twice"},
		{OllamaChat, `{"options":{"num_predict":5,"num_predict":6}}`, "num_predict: given twice"},
		{OllamaChat, `{"options":{"num_predict":5,"NUM_PREDICT":6}}`, `"NUM_PREDICT": not the spelling of num_predict`},
		{OllamaChat, `{"Options":{}}`, `"Options": not the spelling of options`},
		{OllamaChat, `{"options":[]}`, "options: not an object"},
		{OllamaChat, `{"options":{"num_predict":0.5}}`, "num_predict: not an integer"},
		{OllamaChat, `{"stream":"no"}`, "stream: neither true nor false"},
		{OllamaChat, `{"Stream":false}`, `"Stream": not the spelling of stream`},
		{WatsonxGenerate, `{"model_id":"a","MODEL_ID":"b"}`, `"MODEL_ID": not the spelling of model_id`},
		{WatsonxChat, `{"model_id":"a","model_id":"b"}`, "model_id: given twice"},
		{WatsonxGenerate, `{"parameters":{},"parameters":{}}`, "parameters: given twice"},
		{CohereGenerate, `{"num_generations":0}`, "num_generations: not between 1 and 1048576"},
		{CohereRerank, `{"model":7}`, "model: not a string"},
	}
	for _, test := range tests {
		_, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %s: error %v, want %s", test.api.Name, test.body, err, test.want)
		}
	}
}

func TestPicturesAreNoText(t *testing.T) {
	picture := strings.Repeat("A", 10_000)
	for api, body := range map[*API]string{
		CohereChat:     `{"messages":[{"content":[{"type":"image_url","image_url":{"url":"` + picture + `"}}]}]}`,
		CohereEmbed:    `{"images":["` + picture + `"]}`,
		OllamaChat:     `{"messages":[{"content":"a","images":["` + picture + `"]}]}`,
		OllamaGenerate: `{"prompt":"a","images":["` + picture + `"]}`,
	} {
		r, err := api.ReadRequest(Head{}, []byte(body))
		if want := int64(len(body) - len(picture) - 2); err != nil || r.TextBytes() != want {
			t.Errorf("%s: %d bytes of text, want %d (%v)", api.Name, r.TextBytes(), want, err)
		}
	}
}

func TestPlainSplices(t *testing.T) {
	tests := []struct {
		api        *API
		body, want string
	}{
		{CohereChat, `{"messages":[]}`, `{"messages":[],"max_tokens":100}`},
		{CohereChat, `{"max_tokens":500}`, `{"max_tokens":100}`},
		{CohereEmbed, `{"max_tokens":500}`, `{"max_tokens":500}`},
		{OllamaChat, `{}`, `{"options":{"num_predict":100}}`},
		{OllamaChat, `{"options":null}`, `{"options":{"num_predict":100}}`},
		{OllamaChat, `{"options": { },"model":"m"}`, `{"options": { "num_predict":100},"model":"m"}`},
		{OllamaChat, `{"options":{"seed":1}}`, `{"options":{"seed":1,"num_predict":100}}`},
		{OllamaChat, `{"options":{"num_predict":null}}`, `{"options":{"num_predict":100}}`},
		{OllamaChat, `{"options":{"num_predict":-2}}`, `{"options":{"num_predict":100}}`},
		{OllamaChat, `{"options":{"num_predict":0}}`, `{"options":{"num_predict":100}}`},
		{OllamaChat, `{"options":{"num_predict":50}}`, `{"options":{"num_predict":50}}`},
		{OllamaGenerate, `{"options":{"num_predict":500},"num_predict":500}`, `{"options":{"num_predict":100},"num_predict":500}`},
		{OllamaEmbed, `{"input":"a"}`, `{"input":"a"}`},
		{WatsonxGenerate, `{"input":"a"}`, `{"input":"a","parameters":{"max_new_tokens":100}}`},
		{WatsonxGenerateStream, `{"parameters":{"max_new_tokens":500,"top_k":1}}`, `{"parameters":{"max_new_tokens":100,"top_k":1}}`},
		{WatsonxChat, `{"model_id":"m"}`, `{"model_id":"m","max_completion_tokens":100}`},
		{WatsonxChatStream, `{"max_tokens":0}`, `{"max_tokens":100}`},
		{WriterCompletions, `{"stream":true}`, `{"stream":true,"max_tokens":100}`},
	}
	for _, test := range tests {
		r, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err != nil {
			t.Errorf("%s %s: %v", test.api.Name, test.body, err)
			continue
		}
		got := r.Splice([]byte(test.body), Splice{AskUsage: true, OutputLimit: 100})
		if string(got) != test.want {
			t.Errorf("%s %s became %s, want %s", test.api.Name, test.body, got, test.want)
		}
		again, err := test.api.ReadRequest(Head{}, got)
		if err != nil || len(test.api.format.limits) > 0 && (again.OutputLimit == 0 || again.OutputLimit > 100) {
			t.Errorf("%s %s became %s: limit %d (%v)", test.api.Name, test.body, got, again.OutputLimit, err)
		}
	}
}

func TestPlainEventsCostNoAllocation(t *testing.T) {
	lines := streamResponse(false)
	lines.ContentType = "application/x-ndjson"
	for _, test := range []struct {
		api   *API
		r     Response
		event string
	}{
		{CohereChat, streamResponse(false), "event: content-delta\n" + sse(`{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Here"}}}}`)},
		{CohereChatV1, lines, `{"is_finished":false,"event_type":"text-generation","text":"Here"}` + "\n"},
		{OllamaChat, lines, `{"model":"llama3","created_at":"2026-11-24T20:26:46.294874Z","message":{"role":"assistant","content":"Here"},"done":false}` + "\n"},
		{WatsonxGenerateStream, streamResponse(false), "id: 2\n" + sse(`{"model_id":"a/b","results":[{"generated_text":"Here","generated_token_count":1,"input_token_count":0,"stop_reason":"not_finished"}]}`)},
		{WriterCompletions, streamResponse(false), sse(`{"value":"Here"}`)},
	} {
		m := test.api.NewMeter(test.r)
		dst := m.Feed(make([]byte, 0, 4096), []byte(test.event))
		event := []byte(test.event)
		if allocs := testing.AllocsPerRun(200, func() { dst = m.Feed(dst[:0], event[:9]); dst = m.Feed(dst, event[9:]) }); allocs != 0 {
			t.Errorf("%s: %v allocations an event, want none", test.api.Name, allocs)
		}
		if events, _ := m.Seen(); events < 200 {
			t.Errorf("%s: %d events", test.api.Name, events)
		}
	}
}

func FuzzPlainSplit(f *testing.F) {
	for i, seed := range []string{
		`{"usage":{"tokens":{"input_tokens":5,"output_tokens":6},"cached_tokens":7}}`, `{"meta":{"billed_units":{"image_tokens":1,"search_units":2}}}`,
		`{"message":{"content":"a"},"done":false}` + "\n" + `{"done":true,"prompt_eval_count":1,"eval_count":2}` + "\n{}", `{"error":"x"}{"done":true}`,
		sse(`{"type":"message-end","delta":{"usage":{"tokens":{"input_tokens":1,"output_tokens":2}}}}`, "[DONE]"), `{"event_type":"stream-end","response":{"meta":{}}}` + "\r\n",
		sse(`{"results":[{"input_token_count":1,"generated_token_count":0,"stop_reason":"not_finished"},{"stop_reason":"x"}]}`, `{"value":"a"}`), `}{]`, "{}0 ",
	} {
		f.Add([]byte(seed), uint64(i), i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64, lines bool) {
		r := streamResponse(false)
		if lines {
			r.ContentType = "application/x-ndjson"
		}
		for _, api := range plainAPIs {
			whole := passed(api, r, body)
			if parts := passed(api, r, split(body, seed)...); !reflect.DeepEqual(whole, parts) {
				t.Errorf("%s\nwhole %+v\nsplit %+v", api.Name, whole, parts)
			}
			if all := whole.early + whole.late; all != string(body) {
				t.Errorf("%s: %q became %q", api.Name, body, all)
			}
			if u := whole.usage; u.Input < 0 || u.Output < 0 || u.CachedInput > u.Input || u.ReasoningOutput > u.Output {
				t.Errorf("%s: usage %+v", api.Name, u)
			}
		}
	})
}
