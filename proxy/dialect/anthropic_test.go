package dialect

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// passing is an answer that passes a meter, and what comes of that.
type passing struct {
	name    string
	api     *API
	body    string
	early   string // what the client may have before the settlement
	usage   Usage
	ready   bool // before the body's end
	finish  string
	failure string
}

// check passes the answer as a whole and in pieces.
func (p passing) check(t *testing.T, r Response) {
	t.Helper()
	for _, size := range cuts {
		got := meter(p.api, r, []byte(p.body), size)
		where := fmt.Sprintf("%s, in pieces of %d", p.name, size)
		if got.usage != p.usage {
			t.Errorf("%s: usage %+v, want %+v", where, got.usage, p.usage)
		}
		if string(got.early) != p.early {
			t.Errorf("%s: early %q, want %q", where, got.early, p.early)
		}
		if all := string(got.early) + string(got.late); all != p.body {
			t.Errorf("%s: the client gets %q", where, all)
		}
		if got.readyEarly != p.ready || got.ended != (len(got.late) > 0) {
			t.Errorf("%s: ready %v, want %v; ended %v, %d bytes withheld", where, got.readyEarly, p.ready, got.ended, len(got.late))
		}
		if got.finish != "["+p.finish+"]" || got.failure != p.failure {
			t.Errorf("%s: finish %s, failure %q, want [%s], %q", where, got.finish, got.failure, p.finish, p.failure)
		}
	}
}

var anyJSON = Response{Status: 200, ContentType: "application/json"}

func TestMessagesUsageIsReadWhereItStandsOnly(t *testing.T) {
	known := func(u Usage) Usage {
		u.InputKnown, u.OutputKnown = true, true
		return u
	}
	all := known(Usage{Input: 12, CachedInput: 4, CacheWriteInput: 3, Output: 5, ReasoningOutput: 2})
	const usage = `"usage":{"input_tokens":5,"cache_creation_input_tokens":3,"cache_read_input_tokens":4,"output_tokens":5,"output_tokens_details":{"thinking_tokens":2}}`
	tests := []struct {
		name, body string
		want       Usage
	}{
		{"the classes stand outside the input", `{"id":"msg_1",` + usage + `}`, all},
		{"members in another order", `{"usage":{"output_tokens_details":{"thinking_tokens":2},"output_tokens":5,"cache_read_input_tokens":4,"cache_creation_input_tokens":3,"input_tokens":5},"type":"message"}`, all},
		{"white space everywhere", " {\n \"usage\" :\t{ \"input_tokens\" : 12 ,\r\n\"output_tokens\":5 } }\n", twelveFive},
		{"padding before the brace", `{"usage":{"input_tokens":12,"output_tokens":5}    }`, twelveFive},
		{"escaped keys", `{"us\u0061ge":{"input_t\u006fkens":12,"\u006futput_tokens":5}}`, twelveFive},
		{"unknown members inside", `{"usage":{"input_tokens":12,"gateway":{"input_tokens":9},"service_tier":"standard","cache_creation":null,"output_tokens":5,"server_tool_use":null}}`, twelveFive},
		{"no classes", `{"usage":{"input_tokens":12,"output_tokens":5}}`, twelveFive},
		{"null classes", `{"usage":{"input_tokens":12,"cache_read_input_tokens":null,"cache_creation_input_tokens":null,"output_tokens":5}}`, twelveFive},
		{"look-alikes before and behind", `{"content":[{"type":"tool_use","input":{"usage":{"input_tokens":99,"output_tokens":99}},"usage":{"input_tokens":1}}],` + usage + `,"x":{"usage":{"input_tokens":99}}}`, all},
		{"a look-alike in a string", `{"a":"\"usage\":{\"input_tokens\":99}","usage":{"input_tokens":12,"output_tokens":5},"b":"\\"}`, twelveFive},
		{"a look-alike alone", `{"message":{"usage":{"input_tokens":99,"output_tokens":9}}}`, Usage{}},
		{"twice: the last", `{"usage":{"input_tokens":1,"output_tokens":1},"usage":{"input_tokens":12,"output_tokens":5}}`, twelveFive},
		{"null behind it", `{"usage":{"input_tokens":12,"output_tokens":5},"usage":null}`, twelveFive},
		{"nonsense behind it", `{"usage":{"input_tokens":12,"output_tokens":5},"usage":{"input_tokens":-1,"output_tokens":"6"}}`, twelveFive},
		{"floats", `{"usage":{"input_tokens":12.0,"output_tokens":0.5e1}}`, twelveFive},
		{"a fraction is rounded up", `{"usage":{"input_tokens":11.2,"output_tokens":4.001}}`, twelveFive},
		{"no output", `{"usage":{"input_tokens":12}}`, Usage{InputKnown: true, Input: 12}},
		{"negative output", `{"usage":{"input_tokens":12,"output_tokens":-5}}`, Usage{InputKnown: true, Input: 12}},
		{"no input", `{"usage":{"output_tokens":5,"cache_read_input_tokens":4}}`, Usage{OutputKnown: true, Output: 5}},
		{"2^53", `{"usage":{"input_tokens":9007199254740992,"output_tokens":5}}`, known(Usage{Input: 1 << 53, Output: 5})},
		{"more than 2^53", `{"usage":{"input_tokens":9007199254740993,"output_tokens":5}}`, Usage{OutputKnown: true, Output: 5}},
		{"1e999", `{"usage":{"input_tokens":12,"output_tokens":1e999}}`, Usage{InputKnown: true, Input: 12}},
		{"strings", `{"usage":{"input_tokens":"12","output_tokens":"5"}}`, Usage{}},
		{"no numbers", `{"usage":{}}`, Usage{}},
		{"a list", `{"usage":[12,5]}`, Usage{}},
		{"more thinking than output", `{"usage":{"input_tokens":12,"output_tokens":5,"output_tokens_details":{"thinking_tokens":9}}}`,
			known(Usage{Input: 12, Output: 5, ReasoningOutput: 5})},

		{"iterations hold more", `{"usage":{"input_tokens":7,"output_tokens":5,"cache_read_input_tokens":1,"iterations":[
			{"type":"compaction","input_tokens":100,"cache_read_input_tokens":20,"cache_creation_input_tokens":3,"output_tokens":40},
			{"type":"message","input_tokens":7,"output_tokens":5,"output_tokens_details":{"thinking_tokens":2}}]}}`,
			known(Usage{Input: 130, CachedInput: 20, CacheWriteInput: 3, Output: 45, ReasoningOutput: 2})},
		{"iterations hold less", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":[{"input_tokens":6,"output_tokens":1},{"input_tokens":5,"output_tokens":9}]}}`,
			known(Usage{Input: 12, Output: 10})},
		{"iterations split the input otherwise", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":[{"input_tokens":2,"cache_read_input_tokens":9}]}}`,
			known(Usage{Input: 12, CachedInput: 9, Output: 5})},
		{"cached as the one says, written as the other", `{"usage":{"input_tokens":0,"cache_read_input_tokens":12,"output_tokens":5,"iterations":[{"cache_creation_input_tokens":9}]}}`,
			known(Usage{Input: 12, CachedInput: 12, Output: 5})},
		{"no iterations", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":[]}}`, twelveFive},
		{"nonsense for iterations", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":[7,null,{"input_tokens":"9"},{"output_tokens":-9}]}}`, twelveFive},
		{"an object for iterations", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":{"input_tokens":99}}}`, twelveFive},
		{"iterations beyond all measure", `{"usage":{"input_tokens":12,"output_tokens":5,"iterations":[` + strings.Repeat(`{"input_tokens":9007199254740992},`, 1100) + `null]}}`,
			known(Usage{Input: 1 << 53, Output: 5})},
		{"not closed: the output isn't known", `{"usage":{"input_tokens":12,"output_tokens":5}`, Usage{InputKnown: true, Input: 12, Output: 5}},
		{"closed too often", `{"usage":{"input_tokens":12,"output_tokens":5}}}}]`, twelveFive},
	}
	for _, test := range tests {
		for _, size := range append(cuts, 4096) {
			got := meter(Messages, anyJSON, []byte(test.body), size)
			if got.usage != test.want {
				t.Errorf("%s, in pieces of %d: %+v, want %+v", test.name, size, got.usage, test.want)
			}
			if all := string(got.early) + string(got.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets %q", test.name, size, all)
			}
		}
	}
}

func TestMessagesStreams(t *testing.T) {
	typed := func(events ...string) string { // with the event: lines that Anthropic sends
		var b strings.Builder
		for _, e := range events {
			kind, _, _ := strings.Cut(strings.TrimPrefix(e, `{"type":"`), `"`)
			b.WriteString("event: " + kind + "\ndata: " + e + "\n\n")
		}
		return b.String()
	}
	until := func(events ...string) string { return strings.TrimSuffix(typed(events...), "\n\n") }
	const (
		start   = `{"type":"message_start","message":{"id":"msg_1","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":10,"cache_creation_input_tokens":0,"cache_read_input_tokens":2,"output_tokens":3}}    }`
		ping    = `{"type": "ping"}`
		text    = `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello"}     }`
		stop    = `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}   }`
		end     = `{"type":"message_stop"  }`
		more    = `{"type":"message_delta","delta":{"stop_reason":null},"usage":{"input_tokens":400,"output_tokens":4}}`
		all     = `{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"input_tokens":500,"cache_creation_input_tokens":7,"cache_read_input_tokens":null,"output_tokens":6,"output_tokens_details":{"thinking_tokens":1}}}`
		silent  = `{"type":"message_delta","delta":{"stop_reason":"end_turn"}}`
		broken  = `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`
		passes  = `{"type":"message_delta","delta":{"stop_reason":"compaction"},"usage":{"input_tokens":1,"cache_read_input_tokens":0,"output_tokens":5,"iterations":[{"type":"compaction","input_tokens":90,"cache_read_input_tokens":2,"output_tokens":30},{"type":"message","input_tokens":1,"output_tokens":5}]}}`
		unknown = `{"type":"what_is_new","usage":null,"delta":{"stop_reason":null,"usage":{"output_tokens":99}},"message":null}`
	)
	twelve := Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 5, CachedInput: 2}
	begun := Usage{InputKnown: true, Input: 12, Output: 3, CachedInput: 2}
	merged := Usage{InputKnown: true, OutputKnown: true, Input: 509, CachedInput: 2, CacheWriteInput: 7, Output: 6, ReasoningOutput: 1}
	tests := []passing{
		{"as it is", Messages, typed(start, ping, text, stop, end), until(start, ping, text, stop), twelve, true, "end_turn", ""},
		{"no event: lines", Messages, sse(start, text, stop, end), sse(start, text) + "data: " + stop, twelve, true, "end_turn", ""},
		{"CRLF and comments", Messages, strings.ReplaceAll(": hi\n\n"+typed(start, stop, end), "\n", "\r\n"),
			strings.ReplaceAll(": hi\n\n"+until(start, stop), "\n", "\r\n"), twelve, true, "end_turn", ""},
		{"the last delta tells all anew", Messages, typed(start, text, all, end), until(start, text, all), merged, true, "tool_use", ""},
		{"several deltas", Messages, typed(start, more, text, all, end), until(start, more, text, all), merged, true, "tool_use", ""},
		{"no usage at the end", Messages, typed(start, text, silent, end), until(start, text, silent), begun, true, "end_turn", ""},
		{"usage behind the end", Messages, typed(start, silent, stop, end), until(start, silent), twelve, true, "end_turn end_turn", ""},
		{"it ends without a reason", Messages, typed(start, more, end), until(start, more, end),
			Usage{InputKnown: true, OutputKnown: true, Input: 402, Output: 4, CachedInput: 2}, true, "", ""},
		{"an error in the middle", Messages, typed(start, text, broken), until(start, text, broken), begun, true, "", "overloaded_error"},
		{"an error behind usage", Messages, typed(start, more, broken), until(start, more, broken),
			Usage{InputKnown: true, Input: 402, Output: 4, CachedInput: 2}, true, "", "overloaded_error"},
		{"an error first", Messages, typed(broken), until(broken), Usage{}, true, "", "overloaded_error"},
		{"cut off", Messages, typed(start, text), typed(start, text), begun, false, "", ""},
		{"cut off behind usage", Messages, typed(start, more, text), typed(start, more, text),
			Usage{InputKnown: true, Input: 402, Output: 4, CachedInput: 2}, false, "", ""},
		{"compaction: the passes count", Messages, typed(start, passes, end), until(start, passes),
			Usage{InputKnown: true, OutputKnown: true, Input: 93, CachedInput: 2, Output: 35}, true, "compaction", ""},
		{"compaction told twice: the last passes count", Messages, typed(start, strings.Replace(passes, `"compaction"`, "null", 1), passes, end),
			until(start, strings.Replace(passes, `"compaction"`, "null", 1), passes), Usage{InputKnown: true, OutputKnown: true, Input: 93, CachedInput: 2, Output: 35}, true, "compaction", ""},
		{"null and look-alikes behind the real one", Messages, typed(start, stop, unknown, end), until(start, stop), twelve, true, "end_turn", ""},
		{"null and look-alikes before it", Messages, typed(unknown, start, unknown, stop, end), until(unknown, start, unknown, stop), twelve, true, "end_turn", ""},
		{"no start", Messages, typed(all, end), until(all),
			Usage{InputKnown: true, OutputKnown: true, Input: 507, CacheWriteInput: 7, Output: 6, ReasoningOutput: 1}, true, "tool_use", ""},
		{"an empty reason is none", Messages, typed(start, strings.Replace(stop, "end_turn", "", 1), end), until(start, strings.Replace(stop, "end_turn", "", 1), end), twelve, true, "", ""},
		{"a plain answer under text/event-stream", Messages, `{"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":5}}`,
			`{"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":5}`, twelveFive, true, "end_turn", ""},
		{"a plain error under text/event-stream", Messages, broken, strings.TrimSuffix(broken, "}"), Usage{}, true, "", "overloaded_error"},
	}
	for _, test := range tests {
		test.check(t, streamResponse(false))
	}
	got := meter(Messages, streamResponse(false), []byte(typed(start, text, stop)), 5)
	if got.id != "msg_1" || got.model != "claude-x" {
		t.Errorf("id %q, model %q", got.id, got.model)
	}
}

func TestMessagesSeenText(t *testing.T) {
	tests := []struct {
		name, body   string
		events, text int64
	}{
		{"text", sse(`{"type":"content_block_delta","delta":{"type":"text_delta","text":"Hello"}}`, `{"type":"content_block_delta","delta":{"type":"text_delta","text":""}}`), 1, 5},
		{"thinking", sse(`{"delta":{"type":"thinking_delta","thinking":"abc"}}`, `{"delta":{"type":"signature_delta","signature":"EqQB"}}`), 1, 3},
		{"tool calls", sse(`{"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`, `{"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}`), 2, 10},
		{"not the prompt's", sse(`{"type":"message_start","message":{"content":[{"text":"abc"}]}}`), 0, 0},
		{"plain", `{"content":[{"type":"thinking","thinking":"abc","signature":"x"},{"type":"text","text":"de"},{"type":"tool_use","name":"f","input":{"a":1}},{"type":"x","content":[{"text":"no"}]}]}`, 1, 11},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(Messages, streamResponse(false), []byte(test.body), size)
			if got.events != test.events || got.text != test.text {
				t.Errorf("%s, in pieces of %d: %d events, %d bytes, want %d and %d", test.name, size, got.events, got.text, test.events, test.text)
			}
		}
	}
}

// asking is a request, and what is read of it.
type asking struct {
	api  *API
	body string
	want Request
	text int64 // TextBytes, where it isn't the body's length
}

func (a asking) check(t *testing.T, h Head) {
	t.Helper()
	got, err := a.api.ReadRequest(h, []byte(a.body))
	if err != nil {
		t.Errorf("%s %s: %v", a.api.Name, a.body, err)
		return
	}
	if diff := cmp.Diff(a.want, got, cmpopts.IgnoreUnexported(Request{})); diff != "" {
		t.Errorf("%s %s (-want +got):\n%s", a.api.Name, a.body, diff)
	}
	text := a.text
	if text == 0 {
		text = int64(len(a.body))
	}
	if got.TextBytes() != text {
		t.Errorf("%s %s: %d bytes of text, want %d", a.api.Name, a.body, got.TextBytes(), text)
	}
}

func TestMessagesRequests(t *testing.T) {
	picture := strings.Repeat("A", 1000)
	image := `{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + picture + `"}}]}]}`
	result := `{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"data":"` + picture + `"}}]}]}]}`
	tests := []asking{
		{Messages, `{"model":"claude-x","max_tokens":100,"messages":[{"role":"user","content":"Hi"}]}`, Request{Model: "claude-x", Choices: 1, OutputLimit: 100, HasOutput: true}, 0},
		{Messages, ` { "messages":[], "stream" : true , "model":"m", "max_tokens":1e2 } `, Request{Model: "m", Stream: true, Choices: 1, OutputLimit: 100, HasOutput: true}, 0},
		{Messages, `{"m\u006fdel":"m","max_tok\u0065ns":7,"str\u0065am":true}`, Request{Model: "m", Stream: true, Choices: 1, OutputLimit: 7, HasOutput: true}, 0},
		{Messages, `{"":7,"model":"m"}`, Request{Model: "m", Choices: 1, HasOutput: true}, 0},
		{Messages, `{"max_tokens":0}`, Request{Choices: 1, OutputLimit: 1, HasOutput: true}, 0},
		{Messages, `{"metadata":{"stream":true,"model":"x","max_tokens":1}}`, Request{Choices: 1, HasOutput: true}, 0},
		{Messages, image, Request{Choices: 1, HasOutput: true, Unbounded: "messages[0].content[0]: image"}, int64(len(image) - 1002)},
		{Messages, result, Request{Choices: 1, HasOutput: true, Unbounded: "messages[0].content[0].content[0]: image"}, int64(len(result) - 1002)},
	}
	for _, test := range tests {
		test.check(t, Head{})
	}
	vertex := asking{Messages, `{"anthropic_version":"vertex-2023-10-16","max_tokens":9,"messages":[]}`, Request{Model: "claude-x@1", Choices: 1, OutputLimit: 9, HasOutput: true}, 0}
	vertex.check(t, Head{Model: "claude-x@1"})
}

func TestMessagesRefuses(t *testing.T) {
	for body, want := range map[string]string{
		`{"model":"a","model":"b"}`:            "model: given twice",
		`{"max_tokens":1,"max_tokens":2}`:      "max_tokens: given twice",
		`{"max_tokens":1,"m\u0061x_tokens":2}`: "max_tokens: given twice",
		`{"stream":true,"stream":false}`:       "stream: given twice",
		`{"messages":[],"messages":[]}`:        "messages: given twice",
		`{"system":"a","system":"b"}`:          "system: given twice",
		`{"tools":[],"tools":[]}`:              "tools: given twice",
		`{"Max_Tokens":1}`:                     `"Max_Tokens": not the spelling of max_tokens`,
		`{"max_tokens":"12"}`:                  "max_tokens: not an integer",
		`{"max_tokens":9007199254740993}`:      "max_tokens: not an integer",
		`{"stream":"true"}`:                    "stream: neither true nor false",
		`{"model":7}`:                          "model: not a string",
	} {
		if _, err := Messages.ReadRequest(Head{}, []byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", body, err, want)
		}
	}
}

func TestMessagesUnbounded(t *testing.T) {
	user := func(content string) string { return `{"messages":[{"role":"user","content":` + content + `}]}` }
	for body, want := range map[string]string{
		user(`"Hi"`): "",
		user(`[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"},"citations":null}]`):                                                    "",
		user(`[{"type":"tool_use","id":"t","name":"f","input":{"type":"image","source":{"url":"u"}},"caller":{"type":"direct"}}]`):                     "",
		user(`[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":"x"},{"type":"tool_result","content":[{"type":"text","text":"x"}]}]`): "",
		user(`[{"type":"thinking","thinking":"a","signature":"b"},{"type":"redacted_thinking","data":"c"}]`):                                           "",
		user(`[{"type":"image","source":{"type":"url","url":"https://a"}}]`):                                                                           "messages[0].content[0]: image",
		user(`[{"source":{"type":"url","url":"https://a"},"type":"image"}]`):                                                                           "messages[0].content[0].source.type",
		user(`[{"source":{"data":"AAAA"}}]`): "messages[0].content[0].source.data",
		user(`[{"type":"text","text":"a"},{"type":"document","source":{"type":"file","file_id":"f"}}]`): "messages[0].content[1]: document",
		user(`[{"type":"document","source":{"type":"text","data":"a"},"citations":{"enabled":true}}]`):  "messages[0].content[0]: document",
		user(`[{"type":"container_upload","file_id":"f"}]`):                                             "messages[0].content[0]: container_upload",
		user(`[{"type":"search_result","source":"u","content":[]}]`):                                    "messages[0].content[0]: search_result",
		user(`[{"type":"tool_result","content":[{"type":"image","source":{}}]}]`):                       "messages[0].content[0].content[0]: image",
		user(`[{"type":"server_tool_use","id":"s","name":"web_search","input":{}}]`):                    "messages[0].content[0]: server_tool_use",
		user(`[{"type":"text","type":"image"}]`):                                                        "messages[0].content[0]: image",
		user(`{"type":"image"}`):                                                                        "messages[0].content.type",
		`{"system":"a","temperature":1,"top_k":1,"stop_sequences":[],"thinking":{"type":"enabled","budget_tokens":1024},"metadata":{},"output_config":{},"x":{}}`: "x",
		`{"system":[{"type":"text","text":"a"}],"tool_choice":{"type":"auto"},"service_tier":"auto"}`:                                                             "",
		`{"system":[{"type":"image","source":{}}]}`: "system[0]: image",
		`{"tools":[{"name":"f","description":"d","input_schema":{"type":"object"}},{"type":"custom","name":"g","cache_control":null}]}`: "",
		`{"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":5}]}`:                                                   "tools[0]: web_search_20250305",
		`{"tools":[{"name":"f"},{"type":"bash_20250124","name":"bash"}]}`:                                                               "tools[1]: bash_20250124",
		`{"container":"c"}`:                                                         "container",
		`{"container":null,"mcp_servers":[]}`:                                       "mcp_servers",
		`{"context_management":{"edits":[{"type":"compact_20260112"}]}}`:            "context_management",
		`{"anthropic_version":"bedrock-2023-05-31","anthropic_beta":["a"]}`:         "",
		`{"messages":[{"role":"user","content":"a","file":"f"}]}`:                   "messages[0].file",
		`{"messages":[{"role":"user","content":[[{"type":"image","source":{}}]]}]}`: "messages[0].content[0][0]: image",
	} {
		r, err := Messages.ReadRequest(Head{}, []byte(body))
		if err != nil || r.Unbounded != want {
			t.Errorf("%s: unbounded by %q (%v), want %q", body, r.Unbounded, err, want)
		}
	}
}

func TestMessagesSplices(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{`{"model":"m"}`, `{"model":"m","max_tokens":50}`},
		{` { "max_tokens" : 100 , "stream":true } `, ` { "max_tokens" : 50 , "stream":true } `},
		{`{"max_tokens":49}`, `{"max_tokens":49}`},
		{`{"max_tokens":null}`, `{"max_tokens":50}`},
		{`{"max_tok\u0065ns":1e3,"thinking":{"max_tokens":99}}`, `{"max_tok\u0065ns":50,"thinking":{"max_tokens":99}}`},
		{`{}`, `{"max_tokens":50}`},
	} {
		splices(t, Messages, test.body, test.want)
	}
}

// splices checks what a limit of 50 and asking for usage make of a body, and that this is read as it is meant.
func splices(t *testing.T, api *API, body, want string) {
	t.Helper()
	r, err := api.ReadRequest(Head{Model: "m"}, []byte(body))
	if err != nil {
		t.Errorf("%s: %v", body, err)
		return
	}
	got := r.Splice([]byte(body), Splice{AskUsage: true, OutputLimit: 50})
	if string(got) != want {
		t.Errorf("%s became %s, want %s", body, got, want)
	}
	again, err := api.ReadRequest(Head{Model: "m"}, got)
	if err != nil || len(api.format.limits) > 0 && (again.OutputLimit < 1 || again.OutputLimit > 50) {
		t.Errorf("%s became %s: limit %d, %v", body, got, again.OutputLimit, err)
	}
}

func TestEventsOfMessagesCostNoAllocation(t *testing.T) {
	m := Messages.NewMeter(streamResponse(false))
	event := []byte("event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hello\"}   }\n\n")
	dst := m.Feed(make([]byte, 0, 4096), event)
	if allocs := testing.AllocsPerRun(200, func() { dst = m.Feed(dst[:0], event[:70]); dst = m.Feed(dst, event[70:]) }); allocs != 0 {
		t.Errorf("%v allocations an event, want none", allocs)
	}
}

// A provider that writes a text of its own before tools, or for the form of its output, reads more than the body.
func TestWhatTheProviderAddsIsTold(t *testing.T) {
	tests := []struct {
		api  *API
		body string
		want int64
	}{
		{Messages, `{"messages":[]}`, 0},
		{Messages, `{"messages":[],"tools":[]}`, 0},
		{Messages, `{"messages":[],"tools":null}`, 0},
		{Messages, `{"messages":[],"tools":[{"name":"a","input_schema":{}}]}`, toolPrompt},
		{Messages, `{"messages":[],"output_config":{"format":{"type":"json_schema"}}}`, toolPrompt},
		{Converse, `{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"a"}}]}}`, toolPrompt},
		{Chat, `{"messages":[],"tools":[{"type":"function","function":{"name":"a"}}]}`, 0},
	}
	for _, test := range tests {
		got, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err != nil || got.AddedInput != test.want || got.Unbounded != "" {
			t.Errorf("%s %s: %d added, unbounded %q, %v", test.api.Name, test.body, got.AddedInput, got.Unbounded, err)
		}
	}
}

// Anthropic refuses a limit that isn't above the thinking's own.
func TestThinkingNeedsALimitAboveIt(t *testing.T) {
	for body, want := range map[string]int64{
		`{"max_tokens":4096,"thinking":{"type":"enabled","budget_tokens":1024}}`: 1025,
		`{"max_tokens":4096,"thinking":{"type":"adaptive"}}`:                     0,
		`{"thinking":{"budget_tokens":-1}}`:                                      0,
		`{"thinking":{"budget_tokens":9e15}}`:                                    maxOutput + 1,
	} {
		got, err := Messages.ReadRequest(Head{}, []byte(body))
		if err != nil || got.MinOutput != want || got.Unbounded != "" {
			t.Errorf("%s: at least %d, unbounded %q, %v; want %d", body, got.MinOutput, got.Unbounded, err, want)
		}
	}
}
