package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"
)

var allAPIs = append([]*API{
	Chat, ChatOfMaxTokens, Completions, CompletionsOfOllama, Responses, Compact, Embeddings, Messages, GenerateContent, StreamGenerateContent, EmbedContent, Predict,
	Converse, ConverseStream, Invoke, InvokeStream,
}, plainAPIs...)

func TestReadRequest(t *testing.T) {
	tests := []struct {
		api  *API
		body string
		want Request
	}{
		{Chat, `{"model":"gpt-4o","messages":[{"role":"user","content":"Hi"}]}`, Request{Model: "gpt-4o", Choices: 1, HasOutput: true}},
		{Chat, ` { "stream" : true , "n" : 3, "model":"m" } `, Request{Model: "m", Stream: true, Choices: 3, HasOutput: true}},
		{Chat, `{"mod\u0065l":"gpt-\u0034o"}`, Request{Model: "gpt-4o", Choices: 1, HasOutput: true}},
		{Chat, `{"max_tokens":100}`, Request{Choices: 1, OutputLimit: 100, HasOutput: true}},
		{Chat, `{"max_tokens":100,"max_completion_tokens":50}`, Request{Choices: 1, OutputLimit: 50, HasOutput: true}},
		{ChatOfMaxTokens, `{"max_tokens":100,"max_completion_tokens":50}`, Request{Choices: 1, OutputLimit: 100, HasOutput: true}},
		{ChatOfMaxTokens, `{"max_completion_tokens":50}`, Request{Choices: 1, HasOutput: true}},
		{Chat, `{"max_tokens":100,"max_completion_tokens":null}`, Request{Choices: 1, OutputLimit: 100, HasOutput: true}},
		{Chat, `{"max_tokens":1e2,"n":2.0}`, Request{Choices: 2, OutputLimit: 100, HasOutput: true}},
		{Chat, `{"max_tokens":-1}`, Request{Choices: 1, HasOutput: true}},
		{Chat, `{"max_tokens":9007199254740992}`, Request{Choices: 1, OutputLimit: maxOutput, HasOutput: true}},
		{Chat, `{"model":null,"stream":null,"n":null,"max_tokens":null,"stream_options":null,"tools":null}`, Request{Choices: 1, HasOutput: true}},
		{Chat, `{"stream":true,"stream_options":{"include_usage":true}}`, Request{Stream: true, UsageAsked: true, Choices: 1, HasOutput: true}},
		{Chat, `{"stream":true,"stream_options":{"include_usage":false,"x":{"include_usage":true}}}`, Request{Stream: true, Choices: 1, HasOutput: true}},
		{Chat, `{"metadata":{"model":"other","stream":true,"MODEL":1,"model":2}}`, Request{Choices: 1, HasOutput: true}},
		{Completions, `{"prompt":"Hi","n":2,"best_of":5,"max_tokens":7}`, Request{Choices: 5, OutputLimit: 7, HasOutput: true}},
		{Completions, `{"prompt":["a","b","c"],"n":2}`, Request{Choices: 6, HasOutput: true}},
		{Completions, `{"prompt":[1,2,3]}`, Request{Choices: 1, HasOutput: true}},
		{Completions, `{"prompt":[[1,2],[3]]}`, Request{Choices: 2, HasOutput: true}},
		{CompletionsOfOllama, `{"max_tokens":0}`, Request{Choices: 1, HasOutput: true}},
		{Responses, `{"max_output_tokens":0}`, Request{Choices: 1, HasOutput: true}},
		{Completions, `{"prompt":"Hi","max_tokens":0,"echo":true}`, Request{Choices: 1, OutputLimit: 1, HasOutput: true}},
		{Responses, `{"model":"m","input":"Hi","max_output_tokens":64}`, Request{Model: "m", Choices: 1, OutputLimit: 64, HasOutput: true}},
		{Responses, `{"input":"Hi","background":true}`, Request{Choices: 1, Background: true, HasOutput: true}},
		{Responses, `{"input":"Hi","background":false,"max_tokens":"x"}`, Request{Choices: 1, HasOutput: true, Unbounded: "max_tokens"}},
		{Compact, `{"model":"m","input":[]}`, Request{Model: "m", Choices: 1, HasOutput: true, Unbounded: "responses/compact: no limit of output"}},
		{Embeddings, `{"model":"e","input":["a","b"],"dimensions":5}`, Request{Model: "e", Choices: 1}},
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
		if got.TextBytes() != int64(len(test.body)) {
			t.Errorf("%s: TextBytes %d", test.body, got.TextBytes())
		}
	}
}

func TestReadRequestRefuses(t *testing.T) {
	tests := []struct {
		api  *API
		body string
		want string
	}{
		{Chat, ``, "not JSON: unexpected end of JSON input"},
		{Chat, `hello`, "not JSON: invalid character 'h' looking for beginning of value"},
		{Chat, `{"model":"m"`, "not JSON: unexpected end of JSON input"},
		{Chat, `{"model":"m",}`, "not JSON: invalid character '}' looking for beginning of object key string"},
		{Chat, `{"model":"m"} {"model":"n"}`, "not JSON: invalid character '{' after top-level value"},
		{Chat, `{"model":'m'}`, `not JSON: invalid character '\'' looking for beginning of value`},
		{Chat, `{"model":"m",/*x*/"n":1}`, "not JSON: invalid character '/' looking for beginning of object key string"},
		{Chat, "{\"model\":\"a\nb\"}", "not JSON: invalid character '\\n' in string literal"},
		{Chat, `{"n":01}`, "not JSON: invalid character '1' after object key:value pair"},
		{Chat, `{"n":NaN}`, "not JSON: invalid character 'N' looking for beginning of value"},
		{Chat, "\xef\xbb\xbf{}", "not JSON: invalid character 'ï' looking for beginning of value"},
		{Chat, "{\"a\":\"\xff\"}", "not JSON: not valid UTF-8"},
		{Chat, "{\"model\xc0\":1}", "not JSON: not valid UTF-8"},
		{Chat, `[]`, "not JSON: not an object"},
		{Chat, `"model"`, "not JSON: not an object"},
		{Chat, ` null`, "not JSON: not an object"},
		{Chat, `{"a":` + strings.Repeat("[", 512) + strings.Repeat("]", 512) + `}`, "not JSON: nested deeper than 512"},
		{Chat, strings.Repeat("[", 5_000_000), "not JSON: nested deeper than 512"},
		{Embeddings, `{"input":` + strings.Repeat("[", 1000), "not JSON: nested deeper than 512"},

		{Chat, `{"model":"a","model":"b"}`, "model: given twice"},
		{Chat, `{"model":"a","mod\u0065l":"a"}`, "model: given twice"},
		{Chat, `{"model":"a","model":null}`, "model: given twice"},
		{Chat, `{"stream":true,"x":1,"stream":false}`, "stream: given twice"},
		{Chat, `{"n":1,"n":2}`, "n: given twice"},
		{Chat, `{"best_of":1,"best_of":2}`, "best_of: given twice"},
		{Chat, `{"max_tokens":1,"max_tokens":2}`, "max_tokens: given twice"},
		{Chat, `{"max_completion_tokens":1,"max_completion_tokens":2}`, "max_completion_tokens: given twice"},
		{Responses, `{"max_output_tokens":1,"max_output_tokens":2}`, "max_output_tokens: given twice"},
		{Responses, `{"background":false,"background":true}`, "background: given twice"},
		{Responses, `{"input":"a","input":"b"}`, "input: given twice"},
		{Chat, `{"messages":[],"messages":[]}`, "messages: given twice"},
		{Chat, `{"tools":[],"tools":[]}`, "tools: given twice"},
		{Completions, `{"prompt":[],"prompt":[]}`, "prompt: given twice"},
		{Chat, `{"stream_options":{},"stream_options":{}}`, "stream_options: given twice"},
		{Chat, `{"stream_options":{"include_usage":true,"include_usage":false}}`, "include_usage: given twice"},
		{Chat, `{"Model":"a"}`, `"Model": not the spelling of model`},
		{Chat, `{"model":"a","MODEL":"b"}`, `"MODEL": not the spelling of model`},
		{Chat, `{"\u004dodel":"a"}`, `"Model": not the spelling of model`},
		{Chat, `{"ſtream":true}`, `"ſtream": not the spelling of stream`},
		{Chat, `{"\u017ftream":true}`, `"ſtream": not the spelling of stream`},
		{Chat, "{\"max_to\u212Aens\":1}", "\"max_to\u212Aens\": not the spelling of max_tokens"},
		{Chat, `{"max_to\u212Aens":1}`, "\"max_to\u212Aens\"" + `: not the spelling of max_tokens`},
		{Chat, `{"Stream_Options":{}}`, `"Stream_Options": not the spelling of stream_options`},
		{Chat, `{"stream_options":{"Include_usage":true}}`, `"Include_usage": not the spelling of include_usage`},
		{Chat, `{"Messages":[]}`, `"Messages": not the spelling of messages`},

		{Chat, `{"model":1}`, "model: not a string"},
		{Chat, `{"model":["m"]}`, "model: not a string"},
		{Chat, `{"model":"` + strings.Repeat("m", 600) + `"}`, "model: longer than 512 bytes"},
		{Chat, `{"stream":"yes"}`, "stream: neither true nor false"},
		{Chat, `{"stream":1}`, "stream: neither true nor false"},
		{Chat, `{"stream":{}}`, "stream: neither true nor false"},
		{Responses, `{"background":"true"}`, "background: neither true nor false"},
		{Chat, `{"n":-1}`, "n: not between 1 and 1048576"},
		{Chat, `{"n":0}`, "n: not between 1 and 1048576"},
		{Chat, `{"n":1e18}`, "n: not an integer"},
		{Chat, `{"n":1e12}`, "n: not between 1 and 1048576"},
		{Chat, `{"n":1.5}`, "n: not an integer"},
		{Chat, `{"n":"2"}`, "n: not an integer"},
		{Completions, `{"n":1048576,"prompt":["a","b"]}`, "n: more than 1048576 answers in all"},
		{Chat, `{"max_tokens":"12"}`, "max_tokens: not an integer"},
		{Chat, `{"max_tokens":true}`, "max_tokens: not an integer"},
		{Chat, `{"max_tokens":[12]}`, "max_tokens: not an integer"},
		{Chat, `{"max_completion_tokens":12.5}`, "max_completion_tokens: not an integer"},
		{Chat, `{"max_tokens":9007199254740993}`, "max_tokens: not an integer"},
		{Chat, `{"max_tokens":1e400}`, "max_tokens: not an integer"},
		{Responses, `{"max_output_tokens":{}}`, "max_output_tokens: not an integer"},
		{Chat, `{"stream_options":true}`, "stream_options: not an object"},
		{Chat, `{"stream_options":[]}`, "stream_options: not an object"},
		{Chat, `{"stream_options":{"include_usage":"true"}}`, "include_usage: neither true nor false"},
	}
	for _, test := range tests {
		_, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s %.80s: error %v, want %s", test.api.Name, test.body, err, test.want)
		}
	}
}

func TestUnbounded(t *testing.T) {
	chat := func(parts string) string { return `{"messages":[{"role":"user","content":` + parts + `}]}` }
	tests := []struct {
		api  *API
		body string
		want string
	}{
		{Chat, `{"model":"openai/gpt-4o:online"}`, "model: for a name with :online the provider reads more than the request"},
		{Chat, `{"model":"gpt-4o-Search-preview"}`, "model: for a name with -search the provider reads more than the request"},
		{Responses, `{"model":"o3-deep-research"}`, "model: for a name with deep-research the provider reads more than the request"},
		{Chat, `{"model":"gpt-4o"}`, ""},
		{Chat, chat(`"text"`), ""},
		{Chat, chat(`[{"type":"text","text":"a"},{"type":"refusal","refusal":"no"}]`), ""},
		{Chat, chat(`[{"text":"a"}]`), ""},
		{Chat, chat(`[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://a"}}]`), "messages[0].content[1]: image_url"},
		{Chat, chat(`[{"image_url":{"url":"https://a"}}]`), "messages[0].content[0].image_url"},
		{Chat, chat(`[{"type":"text","text":"a","image_url":{}}]`), "messages[0].content[0].image_url"},
		{Chat, chat(`[{"type":"text","type":"image_url"}]`), "messages[0].content[0]: image_url"},
		{Chat, chat(`[{"Type":"image_url"}]`), "messages[0].content[0].Type"},
		{Chat, chat(`[{"\u0074ype":"im\u0061ge_url"}]`), "messages[0].content[0]: image_url"},
		{Chat, chat(`[{"type":7}]`), "messages[0].content[0]: not a type"},
		{Chat, chat(`[{"type":"input_audio","input_audio":{}}]`), "messages[0].content[0]: input_audio"},
		{Chat, chat(`[{"type":"file","file":{"file_id":"f"}}]`), "messages[0].content[0]: file"},
		{Chat, chat(`[[{"type":"image_url"}]]`), "messages[0].content[0][0]: image_url"},
		{Chat, chat(`{"type":"image_url"}`), "messages[0].content.type"},
		{Chat, `{"messages":[{"role":"assistant","audio":{"id":"a"}}]}`, "messages[0].audio"},
		{Chat, `{"messages":[{"role":"assistant","audio":null,"content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"1","content":"x"}]}`, ""},
		{Chat, `{"messages":[{"role":"assistant","tool_calls":[{"type":"web"}]}]}`, "messages[0].tool_calls[0]: web"},
		{Chat, `{"messages":[],"tools":[{"type":"function","function":{"parameters":{"type":"object"}}},{"type":"custom","custom":{}}]}`, ""},
		{Chat, `{"messages":[],"tools":[{"type":"openrouter:web_search"}]}`, "tools[0]: openrouter:web_search"},
		{Chat, `{"web_search_options":{}}`, "web_search_options"},
		{Chat, `{"web_search_options":null}`, ""},
		{Chat, `{"modalities":["text"]}`, ""},
		{Chat, `{"modalities":["text","audio"]}`, "modalities[1]: audio"},
		{Chat, `{"plugins":[{"id":"web"}]}`, "plugins"},
		{Chat, `{"documents":[]}`, "documents"},
		{Chat, `{"temperature":1,"response_format":{"type":"json_schema"},"stop":["a"],"seed":1,"logit_bias":{"1":2},"stream_options":{"include_usage":true}}`, ""},
		{Chat, `{"messages":[{"role":"user","content":"a"}],"messages2":1,"plugins":1}`, "messages2"},
		{Completions, `{"prompt":["a"],"suffix":"b","logprobs":5}`, ""},
		{Completions, `{"prompt":[{"x":1}]}`, "prompt[0].x"},
		{Completions, `{"prompt_embeds":"x"}`, "prompt_embeds"},
		{Responses, `{"input":"a","instructions":"b","reasoning":{"effort":"low"},"text":{},"include":["x"],"store":true}`, ""},
		{Responses, `{"input":[{"role":"user","content":"a"},{"type":"message","role":"assistant","id":"m","status":"completed","content":[{"type":"output_text","text":"a","annotations":[],"logprobs":[]}]}]}`, ""},
		{Responses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","file_id":"f"}]}]}`, "input[0].content[1]: input_image"},
		{Responses, `{"input":[{"role":"user","content":[{"type":"input_file","file_url":"f"}]}]}`, "input[0].content[0]: input_file"},
		{Responses, `{"input":[{"type":"item_reference","id":"i"}]}`, "input[0]: item_reference"},
		{Responses, `{"input":[{"type":"reasoning","id":"r","summary":[]}]}`, "input[0]: reasoning"},
		{Responses, `{"input":[{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"x"}]}`, ""},
		{Responses, `{"input":[{"type":"function_call_output","call_id":"c","output":[{"type":"input_image","image_url":"u"}]}]}`, "input[0].output[0]: input_image"},
		{Responses, `{"input":"a","tools":[{"type":"function","name":"f","parameters":{},"strict":true,"description":"d"}]}`, ""},
		{Responses, `{"input":"a","tools":[{"type":"web_search_preview"}]}`, "tools[0]: web_search_preview"},
		{Responses, `{"input":"a","tools":[{"type":"file_search","vector_store_ids":["v"]}]}`, "tools[0]: file_search"},
		{Responses, `{"input":"a","tools":[{"type":"mcp","server_url":"u"}]}`, "tools[0]: mcp"},
		{Responses, `{"input":"a","previous_response_id":"r"}`, "previous_response_id"},
		{Responses, `{"input":"a","conversation":"c"}`, "conversation"},
		{Responses, `{"prompt":{"id":"p"}}`, "prompt"},
		{Embeddings, `{"input":[[1,2],[3]],"encoding_format":"base64"}`, ""},
		{Embeddings, `{"input":[{"type":"image_url"}]}`, "input[0].type"},
		{Embeddings, `{"input":` + strings.Repeat("[", 100) + `{"x":1}` + strings.Repeat("]", 100) + `}`, "input" + strings.Repeat("[0]", 15) + ".nested too deeply"},
	}
	for _, test := range tests {
		r, err := test.api.ReadRequest(Head{}, []byte(test.body))
		if err != nil || r.Unbounded != test.want {
			t.Errorf("%s %s: unbounded by %q (%v), want %q", test.api.Name, test.body, r.Unbounded, err, test.want)
		}
	}
}

// A frame notes the first 64 members only.
func TestWhatMayComeOnceIsAmongTheFirst64(t *testing.T) {
	var walk func(n *node)
	walk = func(n *node) {
		for at, kid := range n.kids {
			if n.exact && kid.id != 0 && at >= 64 {
				t.Errorf("%s is member %d", kid.key, at)
			}
			if len(kid.key)*6 > maxKey && kid.id != 0 {
				t.Errorf("%s is too long a key", kid.key)
			}
			walk(kid)
		}
		if n.elem != nil {
			walk(n.elem)
		}
	}
	for _, api := range allAPIs {
		walk(api.format.request)
	}
}

// readings are how other readers of JSON take the members that the gateway acts on.
func readings(body []byte) []map[string]any {
	names := []string{"model", "stream", "n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream_options", "background", "model_id", "num_generations"}
	var folding struct {
		Model               any `json:"model"`
		Stream              any `json:"stream"`
		N                   any `json:"n"`
		BestOf              any `json:"best_of"`
		MaxTokens           any `json:"max_tokens"`
		MaxCompletionTokens any `json:"max_completion_tokens"`
		MaxOutputTokens     any `json:"max_output_tokens"`
		StreamOptions       *struct {
			IncludeUsage any `json:"include_usage"`
		} `json:"stream_options"`
		Background     any `json:"background"`
		ModelID        any `json:"model_id"`
		NumGenerations any `json:"num_generations"`
	}
	_ = json.Unmarshal(body, &folding) // stream_options of another type are refused anyhow
	last := map[string]any{}
	_ = json.Unmarshal(body, &last)
	first := map[string]any{}
	for _, name := range names {
		first[name] = gjson.GetBytes(body, name).Value()
	}
	include := func(options any) any {
		if o, ok := options.(map[string]any); ok {
			return o["include_usage"]
		}
		return nil
	}
	folded := map[string]any{"model": folding.Model, "stream": folding.Stream, "n": folding.N, "best_of": folding.BestOf, "max_tokens": folding.MaxTokens,
		"max_completion_tokens": folding.MaxCompletionTokens, "max_output_tokens": folding.MaxOutputTokens, "background": folding.Background,
		"model_id": folding.ModelID, "num_generations": folding.NumGenerations}
	if folding.StreamOptions != nil {
		folded["include_usage"] = folding.StreamOptions.IncludeUsage
	}
	first["include_usage"] = gjson.GetBytes(body, "stream_options.include_usage").Value()
	last["include_usage"] = include(last["stream_options"])
	protobuf(body, folded, last, first)
	return []map[string]any{folded, last, first}
}

// protobuf adds what a reader of protobuf's JSON takes: any spelling of the two, the first or the last of what comes twice.
func protobuf(body []byte, folded, last, first map[string]any) {
	var fold struct {
		Camel, Snake struct {
			MaxOutputTokens any `json:"maxOutputTokens"`
			MaxOutputSnake  any `json:"max_output_tokens"`
			CandidateCount  any `json:"candidateCount"`
			CandidateSnake  any `json:"candidate_count"`
		}
	}
	_ = json.Unmarshal([]byte(gjson.GetBytes(body, "generationConfig").Raw), &fold.Camel)
	_ = json.Unmarshal([]byte(gjson.GetBytes(body, "generation_config").Raw), &fold.Snake)
	folded["maxOutputTokens"] = either(fold.Camel.MaxOutputTokens, fold.Camel.MaxOutputSnake, fold.Snake.MaxOutputTokens, fold.Snake.MaxOutputSnake)
	folded["candidateCount"] = either(fold.Camel.CandidateCount, fold.Camel.CandidateSnake, fold.Snake.CandidateCount, fold.Snake.CandidateSnake)
	for _, in := range []string{"generationConfig", "generation_config"} {
		config, _ := last[in].(map[string]any)
		for name, spellings := range map[string][]string{"maxOutputTokens": {"maxOutputTokens", "max_output_tokens"}, "candidateCount": {"candidateCount", "candidate_count"}} {
			for _, spelling := range spellings {
				if v := config[spelling]; v != nil {
					last[name] = v
				}
				if v := gjson.GetBytes(body, in+"."+spelling).Value(); v != nil && first[name] == nil {
					first[name] = v
				}
			}
		}
	}
}

// actedOn are the members that an API acts on.
var actedOn = map[*API][]string{
	Chat:        {"model", "stream", "n", "best_of", "max_tokens", "max_completion_tokens", "include_usage"},
	Completions: {"model", "stream", "n", "best_of", "max_tokens", "include_usage"},
	Responses:   {"model", "stream", "max_output_tokens", "background", "include_usage"},
	Compact:     {"model", "stream", "include_usage"},
	Embeddings:  {"model", "stream", "include_usage"},
	Messages:    {"model", "stream", "max_tokens"},

	GenerateContent:       {"maxOutputTokens", "candidateCount"},
	StreamGenerateContent: {"maxOutputTokens", "candidateCount"},

	CohereChat:            {"model", "stream", "max_tokens"},
	CohereChatV1:          {"model", "stream", "max_tokens"},
	CohereGenerate:        {"model", "stream", "max_tokens", "num_generations"},
	CohereEmbed:           {"model"},
	CohereRerank:          {"model"},
	OllamaChat:            {"model"},
	OllamaGenerate:        {"model"},
	OllamaEmbed:           {"model"},
	OllamaEmbeddings:      {"model"},
	WatsonxGenerate:       {"model_id"},
	WatsonxGenerateStream: {"model_id"},
	WatsonxChat:           {"model_id", "n", "best_of"},
	WatsonxChatStream:     {"model_id", "n", "best_of"},
	WatsonxEmbeddings:     {"model_id"},
	WatsonxRerank:         {"model_id"},
	WriterCompletions:     {"model", "stream", "max_tokens"},
}

// agrees checks that a body that ReadRequest accepts means the same to readers that take the first member, the last
// one, or fold letter case; and that it refuses no body for its syntax that encoding/json takes.
func agrees(t interface{ Errorf(string, ...any) }, api *API, body []byte) {
	r, err := api.ReadRequest(Head{}, body)
	if err != nil {
		if strings.HasPrefix(err.Error(), "not JSON: invalid") || err.Error() == "not JSON" {
			if json.Valid(body) {
				t.Errorf("%q is JSON and refused: %v", body, err)
			}
		}
		return
	}
	if !json.Valid(body) {
		t.Errorf("%q is no JSON and accepted", body)
		return
	}
	for i, reading := range readings(body) {
		for _, name := range actedOn[api] {
			ours, theirs := asRead(&r, name), reading[name]
			if zero, ok := theirs.(float64); ok && zero == 0 && api.format.zeroIsNone && strings.HasPrefix(name, "max_") {
				theirs = -1.0 // it bounds nothing, as a negative one
			}
			if !sameValue(ours, theirs) {
				t.Errorf("%s %q: %s is %v, another reader (%d) has %v", api.Name, body, name, ours, i, theirs)
			}
		}
	}
}

// asRead is what r holds of a member; nil where it can't tell absent from a default.
func asRead(r *Request, name string) any {
	limit := func(name string) any {
		for at, l := range r.splice.api.format.limits {
			if l.name == name && r.splice.limits[at].state == stated {
				return float64(r.splice.limits[at].limit)
			}
		}
		return nil
	}
	switch name {
	case "model", "model_id":
		return r.Model
	case "stream":
		return r.Stream
	case "background":
		return r.Background
	case "include_usage":
		return r.UsageAsked
	case "n", "best_of", "candidateCount", "num_generations":
		return r.Choices
	}
	return limit(name)
}

func sameValue(ours, theirs any) bool {
	switch ours := ours.(type) {
	case string:
		text, _ := theirs.(string)
		return ours == text
	case bool:
		yes, _ := theirs.(bool)
		return ours == yes
	case int64: // Choices is at least either of n and best_of
		n, _ := theirs.(float64)
		return float64(ours) >= n
	case float64:
		n, ok := theirs.(float64)
		return ok && ours == n
	}
	return theirs == nil
}

func TestOtherReadersAgree(t *testing.T) {
	keys := []string{"model_id", "num_generations", "generationConfig", "generation_config", "model", "stream", "n", "best_of", "max_tokens", "max_completion_tokens", "max_output_tokens", "stream_options", "background", "messages"}
	values := []string{`"a"`, `"b"`, `true`, `false`, `null`, `1`, `2`, `-1`, `1e2`, `2.5`, `"1"`, `{}`, `[]`, `{"include_usage":true}`, `{"include_usage":true,"include_usage":false}`, `{"INCLUDE_USAGE":true}`,
		`{"maxOutputTokens":5,"candidateCount":2}`, `{"max_output_tokens":5}`, `{"max_output_tokens":5,"maxOutputTokens":6}`, `{"candidate_count":3,"candidate_count":4}`, `{"maxoutputtokens":7}`}
	accepted, refused := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		var members []string
		for range rapid.IntRange(0, 4).Draw(t, "members") {
			key := rapid.SampledFrom(keys).Draw(t, "key")
			at := rapid.IntRange(0, len(key)-1).Draw(t, "at")
			switch rapid.IntRange(0, 8).Draw(t, "spelling") {
			case 0:
				key = key[:at] + strings.ToUpper(key[at:at+1]) + key[at+1:]
			case 1:
				key = key[:at] + fmt.Sprintf(`\u%04x`, key[at]) + key[at+1:]
			case 2:
				key = strings.Replace(strings.Replace(key, "k", "\u212a", 1), "s", "\u017f", 1)
			}
			members = append(members, `"`+key+`":`+rapid.SampledFrom(values).Draw(t, "value"))
		}
		api := rapid.SampledFrom(allAPIs).Draw(t, "api")
		body := []byte("{" + strings.Join(members, ",") + "}")
		if _, err := api.ReadRequest(Head{}, body); err == nil {
			accepted++
		} else {
			refused++
		}
		agrees(t, api, body)
	})
	if accepted < 10 || refused < 10 {
		t.Errorf("%d accepted, %d refused: too few of either", accepted, refused)
	}
	result := "ok"
	if t.Failed() { // agrees fails at the first disagreement
		result = "FAIL"
	}
	t.Logf("FAULT parser-differential accepted=%d refused=%d RESULT %s", accepted, refused, result)
}

func TestRecordedRequestsAreAccepted(t *testing.T) {
	for _, r := range openAIRecordings(t) { // fails on a request that is refused
		if len(r.request) > 0 && r.request[0] == '{' {
			agrees(t, r.api, r.request)
		}
	}
}

// either is the first of them that is there.
func either(values ...any) any {
	for _, v := range values {
		if v != nil {
			return v
		}
	}
	return nil
}
