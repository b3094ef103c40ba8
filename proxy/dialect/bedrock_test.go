package dialect

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// chunkFrame is a frame of an invoke stream.
func chunkFrame(inside string) []byte {
	return eventFrame("chunk", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(inside))+`","p":"abcdefgh"}`)
}

var metrics125 = chunkFrame(`{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":12,"outputTokenCount":5,"invocationLatency":1321,"firstByteLatency":439}}`)

func bedrockUsage(input, cached, written, output int64) Usage {
	return Usage{InputKnown: true, OutputKnown: true, Input: input, CachedInput: cached, CacheWriteInput: written, Output: output}
}

// converseUsages are usage objects in an answer or a metadata frame; %s is a usage of 12 and 5.
var converseUsages = []struct {
	name, body string
	want       Usage
}{
	{"as it comes", `{"metrics":{"latencyMs":1},"usage":{"inputTokens":12,"outputTokens":5,"totalTokens":17,"serverToolUsage":{}}}`, twelveFive},
	{"another order", `{"usage":{"totalTokens":17,"outputTokens":5,"inputTokens":12},"metrics":{}}`, twelveFive},
	{"white space", " {\r\n \"usage\" :\t{ \"inputTokens\" : 12 , \"outputTokens\":5 } } ", twelveFive},
	{"escaped keys", `{"us\u0061ge":{"input\u0054okens":12,"outputTokens":5}}`, twelveFive},
	{"unknown members", `{"x":[{"y":{}}],"usage":{"a":null,"inputTokens":12,"b":{"inputTokens":99},"outputTokens":5},"p":"abc"}`, twelveFive},
	{"cache beside the input", `{"usage":{"inputTokens":5,"cacheReadInputTokens":4,"cacheWriteInputTokens":3,"outputTokens":5,"totalTokens":17}}`, bedrockUsage(12, 4, 3, 5)},
	{"cache in both spellings", `{"usage":{"cacheReadInputTokenCount":4,"cacheReadInputTokens":4,"cacheWriteInputTokenCount":3,"cacheWriteInputTokens":3,"cacheDetails":[{"inputTokens":3,"ttl":"5m"}],"inputTokens":5,"outputTokens":5,"totalTokens":17}}`, bedrockUsage(12, 4, 3, 5)},
	{"cache in the other spelling", `{"usage":{"cacheReadInputTokenCount":4,"cacheWriteInputTokenCount":3,"inputTokens":5,"outputTokens":5}}`, bedrockUsage(12, 4, 3, 5)},
	{"cache null", `{"usage":{"cacheReadInputTokens":null,"cacheReadInputTokenCount":4,"inputTokens":8,"outputTokens":5}}`, bedrockUsage(12, 4, 0, 5)},
	{"unsound cache", `{"usage":{"cacheReadInputTokens":-4,"cacheWriteInputTokens":"3","inputTokens":12,"outputTokens":5}}`, twelveFive},
	{"look-alikes", `{"trace":{"guardrail":{"inputAssessment":{"x":{"invocationMetrics":{"usage":{"inputTokens":9,"outputTokens":9,"topicPolicyUnits":1}}}}},"usage":{"inputTokens":9,"outputTokens":9}},"usage":{"inputTokens":12,"outputTokens":5},"metrics":{"usage":{"inputTokens":9,"outputTokens":9}}}`, twelveFive},
	{"a look-alike in a string", `{"modelOutput":"\"usage\":{\"inputTokens\":99}","usage":{"inputTokens":12,"outputTokens":5}}`, twelveFive},
	{"a look-alike alone", `{"trace":{"usage":{"inputTokens":9,"outputTokens":9}}}`, Usage{}},
	{"twice: the last", `{"usage":{"inputTokens":1,"outputTokens":1},"usage":{"inputTokens":12,"outputTokens":5}}`, twelveFive},
	{"null behind it", `{"usage":{"inputTokens":12,"outputTokens":5},"usage":null}`, twelveFive},
	{"nonsense behind it", `{"usage":{"inputTokens":12,"outputTokens":5},"usage":{"inputTokens":-1,"outputTokens":7}}`, twelveFive},
	{"floats", `{"usage":{"inputTokens":12.0,"outputTokens":0.5e1}}`, twelveFive},
	{"a fraction is rounded up", `{"usage":{"inputTokens":11.2,"outputTokens":5}}`, twelveFive},
	{"2^53", `{"usage":{"inputTokens":9007199254740992,"outputTokens":5}}`, bedrockUsage(1<<53, 0, 0, 5)},
	{"more than 2^53", `{"usage":{"inputTokens":9007199254740993,"outputTokens":5}}`, Usage{Output: 5, OutputKnown: true}},
	{"no output", `{"usage":{"inputTokens":12,"totalTokens":12}}`, Usage{Input: 12, InputKnown: true}},
	{"negative output", `{"usage":{"inputTokens":12,"outputTokens":-5}}`, Usage{Input: 12, InputKnown: true}},
	{"strings", `{"usage":{"inputTokens":"12","outputTokens":"5"}}`, Usage{}},
	{"empty", `{"usage":{}}`, Usage{}},
	{"null", `{"usage":null}`, Usage{}},
	{"no usage", `{"metrics":{"latencyMs":1}}`, Usage{}},
}

func TestConverseUsageIsReadWhereItStandsOnly(t *testing.T) {
	for _, test := range converseUsages {
		if got := passes(t, Converse, anyAnswer(nil), []byte(test.body), test.name); got.usage != test.want || !got.ended {
			t.Errorf("%s: usage %+v, want %+v", test.name, got.usage, test.want)
		}
		body := concat(hello, stopped, eventFrame("metadata", test.body))
		if got := passes(t, ConverseStream, framesAnswer, body, test.name); got.usage != test.want || !got.readyEarly {
			t.Errorf("%s, streamed: usage %+v, want %+v", test.name, got.usage, test.want)
		}
		body = concat(eventFrame("contentBlockDelta", test.body), eventFrame("guardrail", test.body), stopped)
		if got := passes(t, ConverseStream, framesAnswer, body, test.name); got.usage != (Usage{}) {
			t.Errorf("%s, in other frames: usage %+v", test.name, got.usage)
		}
	}
}

func anyAnswer(headers map[string]string) Response {
	return Response{Status: 200, ContentType: "application/json", Header: func(name string) string { return headers[strings.ToLower(name)] }}
}

func TestConverseTellsTextAndReasons(t *testing.T) {
	body := `{"output":{"message":{"role":"assistant","content":[{"text":"Hello"},{"reasoningContent":{"reasoningText":{"text":"hm","signature":"xxxx"}}},{"toolUse":{"toolUseId":"t","name":"ask","input":{"a":1}}}]}},"stopReason":"tool_use","usage":{"inputTokens":12,"outputTokens":5}}`
	got := passes(t, Converse, anyAnswer(nil), []byte(body), "plain")
	if got.text != int64(len("Hello"+"hm"+"ask"+`"a":1`)) || got.finish != "[tool_use]" {
		t.Errorf("plain: %d bytes of text, finish %s", got.text, got.finish)
	}
	got = passes(t, ConverseStream, framesAnswer, concat(
		eventFrame("messageStart", `{"role":"assistant"}`), hello,
		eventFrame("contentBlockStart", `{"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"t","name":"ask"}}}`),
		eventFrame("contentBlockDelta", `{"contentBlockIndex":1,"delta":{"toolUse":{"input":"{\"a"}}}`),
		eventFrame("contentBlockDelta", `{"contentBlockIndex":2,"delta":{"reasoningContent":{"text":"hm"}}}`),
		eventFrame("contentBlockStop", `{"contentBlockIndex":2}`), stopped, metered125), "streamed")
	if got.text != int64(len("Hello"+"ask"+`{\"a`+"hm")) || got.events != 4 || got.finish != "[end_turn]" {
		t.Errorf("streamed: %d bytes of text in %d events, finish %s", got.text, got.events, got.finish)
	}
}

func TestBedrockErrorsAreCalledAsTheirHeaderSays(t *testing.T) {
	for kind, want := range map[string]string{
		"ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/": "ThrottlingException",
		"ValidationException": "ValidationException", "so sorry": "error", "": "error",
	} {
		for _, api := range []*API{Converse, ConverseStream, Invoke, InvokeStream} {
			r := anyAnswer(map[string]string{"x-amzn-errortype": kind, "x-amzn-bedrock-input-token-count": "7"})
			r.Status = 429
			if got := passes(t, api, r, []byte(`{"message":"Too many requests"}`), kind); got.failure != want || got.usage != (Usage{}) || !got.ended {
				t.Errorf("%s %q: failure %q, want %q; usage %+v", api.Name, kind, got.failure, want, got.usage)
			}
		}
	}
}

// countHeaders are those of a plain answer, empty ones left out.
func countHeaders(input, output, cached, written string) map[string]string {
	all := map[string]string{"x-amzn-requestid": "r"}
	for name, value := range map[string]string{"input": input, "output": output, "cache-read-input": cached, "cache-write-input": written} {
		if value != "" {
			all["x-amzn-bedrock-"+name+"-token-count"] = value
		}
	}
	return all
}

func TestInvokeReadsHeadersThenTheModelsOwnFormat(t *testing.T) {
	none := countHeaders("", "", "", "")
	anthropic := `{"id":"m","model":"claude","content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn","usage":{"input_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,"output_tokens":5}}`
	tests := []struct {
		name    string
		headers map[string]string
		body    string
		want    Usage
	}{
		{"headers alone", countHeaders("12", "5", "", ""), `{"generation":"Hello"}`, twelveFive},
		{"headers with a cache", countHeaders("5", "5", "4", "3"), `{"generation":"Hello"}`, bedrockUsage(12, 4, 3, 5)},
		{"headers before the body", countHeaders("12", "5", "0", "0"), `{"usage":{"input_tokens":99,"output_tokens":99,"cache_read_input_tokens":9}}`, twelveFive},
		{"headers that leave the cache to the body", countHeaders("5", "5", "", ""), anthropic, bedrockUsage(12, 4, 3, 5)},
		{"headers of another count than the body's", countHeaders("12", "5", "", ""), anthropic, twelveFive},
		{"headers with the cache in the input, as in the body", countHeaders("12", "5", "", ""), `{"usage":{"prompt_tokens":12,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2}}}`, twelveFive},
		{"unsound headers", countHeaders("-1", "many", "", ""), anthropic, bedrockUsage(12, 4, 3, 5)},
		{"an input header, nothing generated", countHeaders("12", "", "", ""), `{"embedding":[0.1,0.2],"inputTextTokenCount":12}`, bedrockUsage(12, 0, 0, 0)},
		{"an input header, output in the body", countHeaders("12", "", "", ""), `{"generation":"Hello","generation_token_count":5}`, twelveFive},
		{"an input header, output told nowhere", countHeaders("12", "", "", ""), `{"generation":"Hello"}`, Usage{Input: 12, InputKnown: true}},
		{"an answer that is no JSON", countHeaders("12", "5", "", ""), `Hello`, twelveFive},
		{"Anthropic", none, anthropic, bedrockUsage(12, 4, 3, 5)},
		{"Nova", none, `{"output":{"message":{"content":[{"text":"Hello"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":5,"totalTokens":10,"cacheReadInputTokenCount":4,"cacheWriteInputTokenCount":3}}`, bedrockUsage(12, 4, 3, 5)},
		{"Titan", none, `{"inputTextTokenCount":12.0,"results":[{"tokenCount":5.0,"outputText":"Hello","completionReason":"FINISH"}]}`, twelveFive},
		{"Titan, two results", none, `{"results":[{"tokenCount":2,"outputText":"Hello"},{"tokenCount":3,"outputText":"Hello"}],"inputTextTokenCount":12}`, twelveFive},
		{"Titan's embeddings", none, `{"embedding":[0.1],"inputTextTokenCount":12}`, bedrockUsage(12, 0, 0, 0)},
		{"Llama", none, `{"generation":"Hello","prompt_token_count":12,"generation_token_count":5,"stop_reason":"stop"}`, twelveFive},
		{"OpenAI's format", none, `{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":12,"completion_tokens":5,"total_tokens":17,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}}`,
			Usage{InputKnown: true, OutputKnown: true, Input: 12, CachedInput: 2, Output: 5, ReasoningOutput: 1}},
		{"Cohere with tokens", none, `{"text":"Hello","meta":{"billed_units":{"input_tokens":9,"output_tokens":9},"tokens":{"input_tokens":12,"output_tokens":5}}}`, twelveFive},
		{"Mistral, which tells nothing", none, `{"outputs":[{"text":"Hello","stop_reason":"stop"}]}`, Usage{}},
		{"a reranker", none, `{"results":[{"index":2,"relevance_score":0.87}]}`, Usage{}},
		{"another order", none, `{"generation_token_count":5,"stop_reason":"stop","prompt_token_count":12,"generation":"Hello"}`, twelveFive},
		{"unknown members and white space", none, " {\"x\":{\"prompt_token_count\":9} ,\n\"prompt_token_count\" : 12 , \"generation_token_count\"\t: 5 } ", twelveFive},
		{"escaped keys", none, `{"usage":{"input\u005ftokens":12,"output_tokens":5}}`, twelveFive},
		{"look-alikes", none, `{"content":[{"usage":{"input_tokens":9}}],"amazon-bedrock-trace":{"usage":{"input_tokens":9,"output_tokens":9}},"usage":{"input_tokens":12,"output_tokens":5,"iterations":[{"input_tokens":99}]},"message":{"usage":{"input_tokens":9,"output_tokens":9}}}`, twelveFive},
		{"twice: the last", none, `{"usage":{"input_tokens":1,"output_tokens":1},"usage":{"input_tokens":12,"output_tokens":5}}`, twelveFive},
		{"null behind it", none, `{"usage":{"input_tokens":12,"output_tokens":5},"usage":null}`, twelveFive},
		{"nonsense behind it", none, `{"prompt_token_count":12,"generation_token_count":5,"prompt_token_count":"x","generation_token_count":-1}`, twelveFive},
		{"more than 2^53", none, `{"prompt_token_count":9007199254740993,"generation_token_count":5}`, Usage{Output: 5, OutputKnown: true}},
		{"an embedding of images", none, `{"embeddings":{"float":[[0.1]]},"images":[{"width":1}],"texts":["a long text"]}`, Usage{}},
	}
	for _, test := range tests {
		got := passes(t, Invoke, anyAnswer(test.headers), []byte(test.body), test.name)
		if got.usage != test.want || !got.ended || len(got.late) == 0 {
			t.Errorf("%s: usage %+v, want %+v; ended %v", test.name, got.usage, test.want, got.ended)
		}
	}
	got := passes(t, Invoke, anyAnswer(none), []byte(`{"images":["aGVsbG8=","aGVsbG8="],"error":null}`), "images")
	if want := (Usage{Units: Units{Images: 2}}); got.usage != want || got.failure != "" {
		t.Errorf("images: usage %+v, want %+v, failure %q", got.usage, want, got.failure)
	}
	m := Invoke.NewMeter(anyAnswer(countHeaders("12", "5", "", "")))
	if m.Feed(nil, []byte(`{"generation":"Hel`)); m.Usage() != twelveFive || m.Whole() {
		t.Errorf("broken off: usage %+v, whole %v", m.Usage(), m.Whole())
	}
}

func TestInvokeStreamsReadMetricsThenTheModelsOwnFormat(t *testing.T) {
	start := chunkFrame(`{"type":"message_start","message":{"id":"m","model":"claude","usage":{"input_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,"output_tokens":1}}}`)
	delta := chunkFrame(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}`)
	metrics := func(more string) []byte { return chunkFrame(`{"amazon-bedrock-invocationMetrics":{` + more + `}}`) }
	tests := []struct {
		name string
		body []byte
		want Usage
		late int
	}{
		{"metrics", concat(start, delta, metrics125), bedrockUsage(12, 0, 0, 5), 1},
		{"metrics with a cache", concat(start, delta, metrics(`"outputTokenCount":5,"cacheWriteInputTokenCount":3,"cacheReadInputTokenCount":4,"inputTokenCount":5`)), bedrockUsage(12, 4, 3, 5), 1},
		{"metrics that leave the cache to the model", concat(start, delta, metrics(`"inputTokenCount":5,"outputTokenCount":6`)), bedrockUsage(12, 4, 3, 6), 1},
		{"metrics alone", metrics125, twelveFive, 1},
		{"metrics in the only chunk", chunkFrame(`{"outputText":"Hello","index":0,"totalOutputTextTokenCount":9,"inputTextTokenCount":9,"completionReason":"LENGTH","amazon-bedrock-invocationMetrics":{"inputTokenCount":12,"outputTokenCount":5}}`), twelveFive, 1},
		{"metrics and more", concat(metrics125, delta), twelveFive, 1 + len(delta)},
		{"metrics as floats", metrics(`"inputTokenCount":12.0,"outputTokenCount":5.0`), twelveFive, 1},
		{"unsound metrics", concat(start, delta, metrics(`"inputTokenCount":-1`)), bedrockUsage(12, 4, 3, 5), 1},
		{"metrics null", concat(start, delta, chunkFrame(`{"amazon-bedrock-invocationMetrics":null}`)), bedrockUsage(12, 4, 3, 5), 0},
		{"metrics deeper down", concat(start, delta, chunkFrame(`{"amazon-bedrock-trace":{"guardrail":{"invocationMetrics":{"usage":{"input_tokens":9}},"amazon-bedrock-invocationMetrics":{"inputTokenCount":9}}}}`)), bedrockUsage(12, 4, 3, 5), 0},
		{"Anthropic", concat(start, delta, chunkFrame(`{"type":"message_stop"}`)), bedrockUsage(12, 4, 3, 5), 0},
		{"Anthropic, whose end repeats the input", concat(start, chunkFrame(`{"type":"message_delta","usage":{"input_tokens":6,"cache_read_input_tokens":null,"output_tokens":5}}`)), bedrockUsage(13, 4, 3, 5), 0},
		{"Anthropic, broken off", start, Usage{Input: 12, CachedInput: 4, CacheWriteInput: 3, InputKnown: true}, 0},
		{"usage null behind it", concat(start, delta, chunkFrame(`{"usage":null}`)), bedrockUsage(12, 4, 3, 5), 0},
		{"Nova", concat(chunkFrame(`{"contentBlockDelta":{"delta":{"text":"Hello"},"contentBlockIndex":0}}`), chunkFrame(`{"messageStop":{"stopReason":"end_turn"}}`), chunkFrame(`{"metadata":{"usage":{"inputTokens":12,"outputTokens":5},"trace":{"usage":{"inputTokens":9}}}}`)), twelveFive, 0},
		{"Titan, blocked", chunkFrame(`{"outputText":"no","index":0.0,"totalOutputTextTokenCount":5.0,"inputTextTokenCount":12.0,"amazon-bedrock-trace":{"guardrail":{"input":{"x":{"invocationMetrics":{"usage":{"topicPolicyUnits":1}}}}}}}`), twelveFive, 0},
		{"Titan, whose first chunks say null", concat(chunkFrame(`{"outputText":"a","totalOutputTextTokenCount":null,"inputTextTokenCount":12}`), chunkFrame(`{"outputText":"b","totalOutputTextTokenCount":5,"inputTextTokenCount":null}`)), twelveFive, 0},
		{"Llama", concat(chunkFrame(`{"generation":"a","prompt_token_count":12,"generation_token_count":1}`), chunkFrame(`{"generation":"b","prompt_token_count":null,"generation_token_count":5,"stop_reason":"stop"}`)), twelveFive, 0},
		{"OpenAI's format", concat(chunkFrame(`{"choices":[{"index":0,"delta":{"content":"a"}}]}`), chunkFrame(`{"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":5}}`)), twelveFive, 0},
		{"nothing told", concat(chunkFrame(`{"text":"a","is_finished":false}`), chunkFrame(`{"is_finished":true}`)), Usage{}, 0},
		{"white space, another order, escaped keys", eventFrame("chunk", " { \"p\" : \"x\" , \"\\u0062ytes\"\n:\t\""+strings.ReplaceAll(strings.ReplaceAll(base64.StdEncoding.EncodeToString([]byte(" { \"amazon-bedrock-invocationMetric\\u0073\" : { \"outputTokenCount\" : 5, \"x\":[1],\"inputTokenCount\":12 } } ")), "=", `\u003d`), "/", `\/`)+"\" } "), twelveFive, 1},
		{"bytes that are none", eventFrame("chunk", `{"bytes":{"amazon-bedrock-invocationMetrics":{"inputTokenCount":9}},"amazon-bedrock-invocationMetrics":{"inputTokenCount":9}}`), Usage{}, 0},
		{"bytes twice", eventFrame("chunk", `{"bytes":"e30=","bytes":"`+base64.StdEncoding.EncodeToString([]byte(`{"prompt_token_count":12,"generation_token_count":5}`))+`"}`), twelveFive, 0},
		{"another frame", eventFrame("other", `{"bytes":"`+base64.StdEncoding.EncodeToString([]byte(`{"prompt_token_count":12}`))+`"}`), Usage{}, 0},
	}
	for _, test := range tests {
		got := passes(t, InvokeStream, framesAnswer, test.body, test.name)
		if got.usage != test.want || len(got.late) != test.late {
			t.Errorf("%s: usage %+v, want %+v; %d withheld, want %d", test.name, got.usage, test.want, len(got.late), test.late)
		}
	}
	r := framesAnswer
	r.Header = anyAnswer(countHeaders("99", "99", "", "")).Header
	if got := passes(t, InvokeStream, r, concat(start, delta), "headers"); got.usage != bedrockUsage(12, 4, 3, 5) {
		t.Errorf("headers of a stream: usage %+v", got.usage)
	}
	got := passes(t, InvokeStream, framesAnswer, concat(start, chunkFrame(`{"type":"error","error":{"type":"overloaded_error","message":"x"}}`)), "an error")
	if got.failure != "overloaded_error" || len(got.late) != 1 || got.usage.OutputKnown {
		t.Errorf("an error: failure %q, %d withheld, usage %+v", got.failure, len(got.late), got.usage)
	}
}

// A base64 text that breaks off is no text of the answer.
func TestAChunkThatBreaksOffCountsOnlyItsText(t *testing.T) {
	frame := chunkFrame(`{"completion":"` + strings.Repeat("Hello", 1000) + `"}`)
	got := passes(t, InvokeStream, framesAnswer, frame[:len(frame)/2], "half a chunk")
	if got.text != 0 || got.events != 0 {
		t.Errorf("%d bytes of text in %d events", got.text, got.events)
	}
	got = passes(t, InvokeStream, framesAnswer, frame, "a chunk")
	if got.text != 5000 || got.events != 1 {
		t.Errorf("whole: %d bytes of text in %d events", got.text, got.events)
	}
}

func TestBedrockRequests(t *testing.T) {
	const model = "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-3-haiku-20240307-v1:0"
	const own = "invoke: the request is in the model's own format"
	tests := []struct {
		api       *API
		model     string
		body      string
		limit     int64
		unbounded string
	}{
		{Converse, model, `{"messages":[{"role":"user","content":[{"text":"Hi"},{"cachePoint":{"type":"default"}}]}],"system":[{"text":"Be kind"},{"cachePoint":{"type":"default"}}],"inferenceConfig":{"maxTokens":10,"temperature":0.8,"topP":1,"stopSequences":["|"]},"requestMetadata":{"a":"b"}}`, 10, ""},
		{ConverseStream, model, `{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"ask","input":{"image":{"deep":[1]}}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"text":"a"},{"json":{"video":1}}],"status":"success"}}]}],"toolConfig":{"tools":[{"toolSpec":{"name":"ask","inputSchema":{"json":{}}}},{"cachePoint":{}}],"toolChoice":{"auto":{}}}}`, 0, ""},
		{Converse, model, `{"inferenceConfig":{}}`, 0, ""},
		{Converse, model, `{"inferenceConfig":null}`, 0, ""},
		{Converse, model, `{"messages":[{"role":"user","content":[{"image":{"source":{"bytes":"aGk="},"format":"png"}}]}]}`, 0, "messages[0].content[0].image.source.bytes"},
		{Converse, model, `{"messages":[{"role":"user","content":[{"text":"x"},{"document":{"source":{"s3Location":{"uri":"s3://a"}}}}]}]}`, 0, "messages[0].content[1].document.source.s3Location"},
		{Converse, model, `{"messages":[{"role":"user","content":[{"toolResult":{"content":[{"video":{"source":{"bytes":"aGk="}}}]}}]}]}`, 0, "messages[0].content[0].toolResult.content[0].video.source.bytes"},
		{Converse, model, `{"messages":[{"content":[{"guardContent":{"text":{"text":"a"}}}]}]}`, 0, "messages[0].content[0].guardContent"},
		{Converse, model, `{"messages":[{"content":[{"reasoningContent":{"redactedContent":"a"}}]}]}`, 0, "messages[0].content[0].reasoningContent"},
		{Converse, model, `{"guardrailConfig":{"guardrailIdentifier":"a"}}`, 0, "guardrailConfig"},
		{Converse, model, `{"promptVariables":{"a":{"text":"b"}}}`, 0, "promptVariables"},
		{Converse, model, `{"additionalModelRequestFields":{"max_tokens":9}}`, 0, "additionalModelRequestFields"},
		{Converse, model, `{"inferenceConfig":{"x":1}}`, 0, "inferenceConfig.x"},
		{Converse, model, `{"toolConfig":{"tools":[{"systemTool":{"name":"nova_grounding"}}]}}`, 0, "toolConfig.tools[0].systemTool"},
		{Converse, "arn:aws:bedrock:us-east-1:1:prompt/PROMPT1:2", `{}`, 0, "model: for a name with :prompt/ the provider reads more than the request"},
		{Invoke, model, `{"max_tokens":10,"messages":[]}`, 10, own},
		{Invoke, model, `{"max_tokens_to_sample":10.0,"prompt":"a"}`, 10, own},
		{InvokeStream, model, `{"max_gen_len":10}`, 10, own},
		{Invoke, model, `{"textGenerationConfig":{"maxTokenCount":10},"maxTokenCount":99}`, 10, own},
		{Invoke, model, `{"inferenceConfig":{"max_new_tokens":10}}`, 10, own},
		{Invoke, model, `{"inferenceConfig":{"maxTokens":10},"max_tokens":"many"}`, 10, own},
		{Invoke, model, `{"max_tokens":-1,"maxTokens":1.5e300}`, 0, own},
		{Invoke, model, `{"max_tokens":9007199254740991}`, maxOutput, own},
		{Invoke, model, `{"model":"another","stream":true,"n":"x"}`, 0, own},
	}
	for _, test := range tests {
		r, err := test.api.ReadRequest(Head{Model: test.model}, []byte(test.body))
		if err != nil {
			t.Errorf("%s %s: %v", test.api.Name, test.body, err)
			continue
		}
		stream := test.api == ConverseStream || test.api == InvokeStream
		if r.Model != test.model || r.OutputLimit != test.limit || r.Unbounded != test.unbounded || r.Stream != stream || r.Choices != 1 {
			t.Errorf("%s %s: %+v, want a limit of %d, unbounded by %q", test.api.Name, test.body, r, test.limit, test.unbounded)
		}
	}
	for body, want := range map[string]string{
		`{"inferenceConfig":{"maxTokens":1,"maxTokens":2}}`:            "maxTokens: given twice",
		`{"inferenceConfig":{"maxtokens":1}}`:                          `"maxtokens": not the spelling of maxTokens`,
		`{"inferenceConfig":{},"InferenceConfig":{"maxTokens":100}}`:   `"InferenceConfig": not the spelling of inferenceConfig`,
		`{"inferenceConfig":{"maxTokens":1.5}}`:                        "maxTokens: not an integer",
		`{"inferenceConfig":[]}`:                                       "inferenceConfig: not an object",
		`{"messages":[],"messages":[{"content":[{"image":{}}]}]}`:      "messages: given twice",
		`{"inferenceConfig":{"maxTokens":1}} {"inferenceConfig":null}`: "not JSON: invalid character '{' after top-level value",
	} {
		if _, err := Converse.ReadRequest(Head{Model: model}, []byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", body, err, want)
		}
	}
}

func TestBedrockPicturesAreNoText(t *testing.T) {
	const data = "aGVsbG8gaGVsbG8gaGVsbG8="
	for body, api := range map[string]*API{
		`{"messages":[{"content":[{"image":{"source":{"bytes":"DATA"}}}]}]}`:                                   Converse,
		`{"messages":[{"content":[{"toolResult":{"content":[{"document":{"source":{"bytes":"DATA"}}}]}}]}]}`:   ConverseStream,
		`{"messages":[{"content":[{"type":"image","source":{"type":"base64","data":"DATA"}}]}]}`:               Invoke,
		`{"messages":[{"content":[{"image":{"source":{"bytes":"DATA"}}}]}]}` + " ":                             InvokeStream,
		`{"messages":[{"content":[{"type":"image_url","image_url":{"url":"DATA"}}]}],"inputText":"a picture"}`: Invoke,
		`{"inputText":"a picture","inputImage":"DATA"}`:                                                        Invoke,
	} {
		r, err := api.ReadRequest(Head{}, []byte(strings.Replace(body, "DATA", data, 1)))
		if want := int64(len(body) - len(`"DATA"`)); err != nil || r.TextBytes() != want {
			t.Errorf("%s: %d bytes of text, want %d (%v)", body, r.TextBytes(), want, err)
		}
	}
}

// Converse's limit is put where it belongs; what the models call theirs stays as it is.
func TestBedrockLimitsAreSpliced(t *testing.T) {
	for _, test := range []struct {
		api        *API
		body, want string
	}{
		{Converse, `{"messages":[]}`, `{"messages":[],"inferenceConfig":{"maxTokens":7}}`},
		{Converse, `{}`, `{"inferenceConfig":{"maxTokens":7}}`},
		{Converse, ` { "inferenceConfig" : { "topP":1 } } `, ` { "inferenceConfig" : { "topP":1 ,"maxTokens":7} } `},
		{ConverseStream, `{"inferenceConfig":null}`, `{"inferenceConfig":{"maxTokens":7}}`},
		{ConverseStream, `{"inferenceConfig":{"maxTokens":1000}}`, `{"inferenceConfig":{"maxTokens":7}}`},
		{Converse, `{"inferenceConfig":{"maxTokens":5}}`, `{"inferenceConfig":{"maxTokens":5}}`},
		{Invoke, `{"max_tokens":1000}`, `{"max_tokens":1000}`},
		{InvokeStream, `{"inputText":"a"}`, `{"inputText":"a"}`},
	} {
		r, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err != nil {
			t.Errorf("%s: %v", test.body, err)
		}
		if got := string(r.Splice([]byte(test.body), Splice{AskUsage: true, OutputLimit: 7})); got != test.want {
			t.Errorf("%s: %s became %s, want %s", test.api.Name, test.body, got, test.want)
		}
	}
}

// FuzzBase64Value compares what is read inside base64 with what is read of the value itself.
func FuzzBase64Value(f *testing.F) {
	for i, seed := range []string{
		`{"model":"????????>>>>>>>>@@@@@@@@","prompt_token_count":12}`, `{"usage":{"input_tokens":1}} trailing`, `{"a":tru`, "", "\xff\xfe\xfb\xef", strings.Repeat(`{"a":[`, 300),
	} {
		f.Add([]byte(seed), uint64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		want, _, _ := scan(invokeAnswer, body)
		text, _ := json.Marshal(base64.StdEncoding.EncodeToString(body))
		if seed%2 == 0 {
			text = []byte(strings.NewReplacer("/", `\/`, "+", `\u002B`, "=", `\u003d`, "A", `\u0041`).Replace(string(text)))
		}
		var got visits
		var b base64Value
		b.scan.visitor = &got
		for range 2 { // it can be used again
			got = nil
			b.reset(invokeAnswer)
			for _, p := range split(text, seed) {
				b.feed(p)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q as %s\n got %q\nwant %q", body, text, got, want)
		}
		if len(b.scan.text) > maxRaw {
			t.Errorf("%d bytes kept", len(b.scan.text))
		}
	})
}

func TestBase64ThatIsNoneHarmsNothing(t *testing.T) {
	for _, text := range []string{`!!!!`, `eyJhIjox`, `====`, `\u00`, `\`, `e30`, `e30=e30=`, "e3\n0="} {
		body := concat(eventFrame("chunk", `{"bytes":"`+text+`"}`), metrics125)
		got := passes(t, InvokeStream, framesAnswer, body, fmt.Sprintf("%q", text))
		if text != `\` && got.usage != twelveFive {
			t.Errorf("%q: usage %+v", text, got.usage)
		}
	}
}
