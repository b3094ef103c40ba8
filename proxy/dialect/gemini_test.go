package dialect

import (
	"fmt"
	"strings"
	"testing"
)

func TestGeminiUsageIsReadWhereItStandsOnly(t *testing.T) {
	known := func(u Usage) Usage {
		u.InputKnown, u.OutputKnown = true, true
		return u
	}
	read := known(Usage{Input: 12})
	const whole = `{"promptTokenCount":9,"toolUsePromptTokenCount":3,"cachedContentTokenCount":4,"candidatesTokenCount":3,"thoughtsTokenCount":2,"totalTokenCount":17}`
	all := known(Usage{Input: 12, CachedInput: 4, Output: 5, ReasoningOutput: 2})
	tests := []struct {
		name string
		api  *API
		body string
		want Usage
	}{
		{"all classes", GenerateContent, `{"usageMetadata":` + whole + `}`, all},
		{"members in another order", GenerateContent, `{"responseId":"r","usageMetadata":{"totalTokenCount":17,"candidatesTokenCount":5,"promptTokenCount":12},"candidates":[]}`, twelveFive},
		{"white space everywhere", GenerateContent, " {\n \"usageMetadata\" :\t{ \"promptTokenCount\" : 12 ,\r\n\"candidatesTokenCount\":5 } }\n", twelveFive},
		{"escaped keys", GenerateContent, `{"us\u0061geMetadata":{"prompt\u0054okenCount":12,"c\u0061ndidatesTokenCount":5}}`, twelveFive},
		{"unknown members inside", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"trafficType":"ON_DEMAND","promptTokensDetails":[{"modality":1,"tokenCount":99}],"x":null,"candidatesTokenCount":5}}`, twelveFive},
		{"thoughts alone", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"thoughtsTokenCount":5,"totalTokenCount":17}}`, known(Usage{Input: 12, Output: 5, ReasoningOutput: 5})},
		{"a prompt alone", GenerateContent, `{"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":12,"totalTokenCount":12}}`, read},
		{"text for which nothing is told", GenerateContent, `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12}}`, Usage{Input: 12, InputKnown: true}},
		{"text that only the total tells of", GenerateContent, `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"totalTokenCount":17}}`, twelveFive},
		{"look-alikes before and behind", GenerateContent, `{"metadata":{"usageMetadata":{"promptTokenCount":99}},"candidates":[{"usageMetadata":{"promptTokenCount":99},"content":{"parts":[{"functionCall":{"args":{"usageMetadata":{"promptTokenCount":99}}}}]}}],"usageMetadata":` + whole + `,"x":{"usageMetadata":{"promptTokenCount":1}}}`, all},
		{"a look-alike in a string", GenerateContent, `{"a":"\"usageMetadata\":{\"promptTokenCount\":99}","usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}}`, twelveFive},
		{"a look-alike alone", GenerateContent, `{"response":{"usageMetadata":{"promptTokenCount":99}}}`, Usage{}},
		{"twice: the last", GenerateContent, `{"usageMetadata":{"promptTokenCount":1},"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}}`, twelveFive},
		{"null behind it", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5},"usageMetadata":null}`, twelveFive},
		{"nothing but a traffic type behind it", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5},"usageMetadata":{"trafficType":"ON_DEMAND"}}`, twelveFive},
		{"nonsense behind it", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5},"usageMetadata":{"promptTokenCount":-1}}`, twelveFive},
		{"floats", GenerateContent, `{"usageMetadata":{"promptTokenCount":12.0,"candidatesTokenCount":0.5e1}}`, twelveFive},
		{"a fraction is rounded up", GenerateContent, `{"usageMetadata":{"promptTokenCount":11.2,"candidatesTokenCount":5}}`, twelveFive},
		{"2^53", GenerateContent, `{"usageMetadata":{"promptTokenCount":9007199254740992,"candidatesTokenCount":5}}`, known(Usage{Input: 1 << 53, Output: 5})},
		{"more than 2^53", GenerateContent, `{"usageMetadata":{"promptTokenCount":9007199254740993,"candidatesTokenCount":5}}`, Usage{}},
		{"negative output", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":-5}}`, Usage{}},
		{"a string", GenerateContent, `{"usageMetadata":{"promptTokenCount":"12"}}`, Usage{}},
		{"a list", GenerateContent, `{"usageMetadata":[12,5]}`, Usage{}},
		{"more cached than read", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"cachedContentTokenCount":99,"candidatesTokenCount":5}}`, known(Usage{Input: 12, CachedInput: 12, Output: 5})},
		{"a total that holds more", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":2,"totalTokenCount":17}}`, twelveFive},
		{"a total that holds less", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5,"totalTokenCount":12}}`, twelveFive},
		{"not closed: the candidates are told", GenerateContent, `{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}`, twelveFive},
		{"an array under another's name", GenerateContent, `[{"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}}]`, twelveFive},

		{"embeddings", EmbedContent, `{"embedding":{"values":[0.5,-1]},"usageMetadata":{"promptTokenCount":12,"promptTokenDetails":[]}}`, read},
		{"embeddings that tell nothing", EmbedContent, `{"embeddings":[{"values":[1]}]}`, Usage{}},
		{"embeddings' statistics aren't read there", EmbedContent, `{"predictions":[{"embeddings":{"statistics":{"token_count":4}}}]}`, Usage{}},

		{"predictions are added up", Predict, `{"metadata":{"billableCharacterCount":99},"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":4,"truncated":false}}},{"embeddings":{"statistics":{"token_count":8.0}}}]}`, read},
		{"one that doesn't tell", Predict, `{"predictions":[{"embeddings":{"statistics":{"token_count":12}}},{"embeddings":{"values":[1]}}]}`, Usage{Input: 12}},
		{"one that tells nonsense", Predict, `{"predictions":[{"embeddings":{"statistics":{"token_count":-3}}},{"embeddings":{"statistics":{"token_count":12}}}]}`, Usage{Input: 12}},
		{"one that tells it twice", Predict, `{"predictions":[{"embeddings":{"statistics":{"token_count":3,"token_count":12}}}]}`, read},
		{"beyond all measure", Predict, `{"predictions":[` + strings.Repeat(`{"embeddings":{"statistics":{"token_count":9007199254740992}}},`, 1100) + `{"embeddings":{"statistics":{"token_count":1}}}]}`, known(Usage{Input: 1 << 53})},
		{"look-alikes", Predict, `{"token_count":9,"statistics":{"token_count":9},"predictions":[{"token_count":9,"statistics":{"token_count":9}}]}`, Usage{}},
		{"no predictions", Predict, `{"predictions":[]}`, Usage{}},
		{"an error", Predict, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}`, Usage{}},
		{"predictions cut off", Predict, `{"predictions":[{"embeddings":{"statistics":{"token_count":12}}}]`, Usage{Input: 12}},
	}
	for _, test := range tests {
		for _, size := range append(cuts, 4096) {
			got := meter(test.api, anyJSON, []byte(test.body), size)
			if got.usage != test.want {
				t.Errorf("%s, in pieces of %d: %+v, want %+v", test.name, size, got.usage, test.want)
			}
			if all := string(got.early) + string(got.late); all != test.body {
				t.Errorf("%s, in pieces of %d: the client gets %q", test.name, size, all)
			}
		}
	}
}

const (
	geminiWord    = `{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"}}],"usageMetadata":{"promptTokenCount":12,"totalTokenCount":12},"modelVersion":"gemini-x","responseId":"r1"}`
	geminiMore    = `{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"index":0}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":2,"totalTokenCount":14}}`
	geminiStop    = `{"candidates":[{"content":{"parts":[{"text":"!"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5,"totalTokenCount":17}}`
	geminiTraffic = `{"candidates":[{"content":{"parts":[{"text":"Hi"}]}}],"usageMetadata":{"trafficType":"ON_DEMAND"}}`
	geminiBehind  = `{"usageMetadata":{"trafficType":"ON_DEMAND"}}`
	geminiBlocked = `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":12,"totalTokenCount":12}}`
	geminiError   = `{"error":{"code":503,"message":"no","status":"UNAVAILABLE","details":[]}}`
	geminiSilent  = `{"candidates":[{"finishReason":"MAX_TOKENS"}]}`
)

// geminiEach is a chunk as Gemini 1 sent it: each said that it had finished, and counted what was generated so far.
func geminiEach(output int) string {
	return fmt.Sprintf(`{"candidates":[{"content":{"parts":[{"text":"Hi"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":%d}}`, output)
}

func TestGeminiStreams(t *testing.T) {
	crlf := func(messages ...string) string { return strings.ReplaceAll(sse(messages...), "\n", "\r\n") }
	until := func(messages ...string) string { return strings.TrimSuffix(crlf(messages...), "\r\n\r\n") }
	half := Usage{InputKnown: true, OutputKnown: true, Input: 12, Output: 2}
	read := Usage{InputKnown: true, Input: 12}
	all := Usage{InputKnown: true, OutputKnown: true, Input: 12}
	api := StreamGenerateContent
	tests := []passing{
		{"cumulative", api, crlf(geminiWord, geminiMore, geminiStop), until(geminiWord, geminiMore, geminiStop), twelveFive, true, "STOP", ""},
		{"LF", api, sse(geminiWord, geminiStop), sse(geminiWord) + "data: " + geminiStop, twelveFive, true, "STOP", ""},
		{"Vertex's early chunks", api, crlf(geminiTraffic, geminiTraffic, geminiStop), until(geminiTraffic, geminiTraffic, geminiStop), twelveFive, true, "STOP", ""},
		{"a traffic type behind the real one", api, crlf(geminiWord, geminiStop, geminiBehind), until(geminiWord, geminiStop), twelveFive, true, "STOP", ""},
		{"null behind the real one", api, crlf(geminiWord, geminiStop, `{"usageMetadata":null}`), until(geminiWord, geminiStop), twelveFive, true, "STOP", ""},
		{"one chunk: others may follow", api, crlf(geminiStop), until(geminiStop), twelveFive, false, "STOP", ""},
		{"every chunk finishes", api, crlf(geminiEach(1), geminiEach(3), geminiEach(5), geminiBehind), crlf(geminiEach(1), geminiEach(3), geminiEach(5), geminiBehind),
			twelveFive, false, "STOP STOP STOP", ""},
		{"blocked", api, crlf(geminiBlocked), until(geminiBlocked), all, true, "PROHIBITED_CONTENT", ""},
		{"no usage at the end", api, crlf(geminiWord, geminiSilent), until(geminiWord, geminiSilent), read, false, "MAX_TOKENS", ""},
		{"usage behind the end", api, crlf(geminiSilent, strings.Replace(geminiStop, "!", "", 1)), until(geminiSilent), twelveFive, true, "MAX_TOKENS STOP", ""},
		{"an error in the middle", api, crlf(geminiWord, geminiError), until(geminiWord, geminiError), read, true, "", "UNAVAILABLE"},
		{"cut off", api, crlf(geminiWord), crlf(geminiWord), read, false, "", ""},
		{"cut off behind counts", api, crlf(geminiWord, geminiMore), crlf(geminiWord, geminiMore), half, false, "", ""},
		{"an unspecified reason is none", api, crlf(strings.Replace(geminiMore, `"index"`, `"finishReason":"FINISH_REASON_UNSPECIFIED","index"`, 1), geminiStop),
			until(strings.Replace(geminiMore, `"index"`, `"finishReason":"FINISH_REASON_UNSPECIFIED","index"`, 1), geminiStop), twelveFive, true, "STOP", ""},
		{"enums as numbers", api, crlf(strings.Replace(geminiMore, `"index"`, `"finishReason":0,"index"`, 1), strings.Replace(geminiStop, `"STOP"`, `1`, 1)),
			until(strings.Replace(geminiMore, `"index"`, `"finishReason":0,"index"`, 1), strings.Replace(geminiStop, `"STOP"`, `1`, 1)), twelveFive, true, "1", ""},
		{"escaped keys", api, crlf(geminiWord, strings.NewReplacer("finishReason", `finish\u0052eason`, "usageMetadata", `\u0075sageMetadata`).Replace(geminiStop)),
			until(geminiWord, strings.NewReplacer("finishReason", `finish\u0052eason`, "usageMetadata", `\u0075sageMetadata`).Replace(geminiStop)), twelveFive, true, "STOP", ""},

		{"an array", api, "[" + geminiWord + "\r\n,\r\n" + geminiMore + "\n,\r\n" + geminiStop + "\r\n]", "[" + geminiWord + "\r\n,\r\n" + geminiMore + "\n,\r\n" + geminiStop + "\r\n", twelveFive, true, "STOP", ""},
		{"an array with space around", api, "\n[ " + geminiTraffic + " , " + geminiStop + " ] \n", "\n[ " + geminiTraffic + " , " + geminiStop + " ", twelveFive, true, "STOP", ""},
		{"an array that isn't closed", api, "[" + geminiWord + ",\r\n" + geminiMore, "[" + geminiWord + ",\r\n" + geminiMore, half, false, "", ""},
		{"an array without a reason", api, "[" + geminiMore + "]", "[" + geminiMore, half, true, "", ""},
		{"an array of one error", api, "[" + geminiError + "\n]", "[" + geminiError + "\n", Usage{}, true, "", "UNAVAILABLE"},
		{"an array that ends with an error", api, "[" + geminiWord + "," + geminiError + "]", "[" + geminiWord + "," + geminiError, read, true, "", "UNAVAILABLE"},
		{"an empty array", api, "[]", "[", Usage{}, true, "", ""},
		{"a plain error", api, geminiError, strings.TrimSuffix(geminiError, "}"), Usage{}, true, "", "UNAVAILABLE"},
	}
	for _, test := range tests {
		for _, kind := range []string{"text/event-stream", "application/json; charset=UTF-8"} {
			test.check(t, Response{Status: 200, ContentType: kind, Request: Request{Stream: true, answers: 1}})
		}
	}
	got := meter(api, streamResponse(false), []byte(sse(geminiWord, geminiStop)), 5)
	if got.id != "r1" || got.model != "gemini-x" {
		t.Errorf("id %q, model %q", got.id, got.model)
	}
}

func TestGeminiStreamsEndWithTheLastCandidate(t *testing.T) {
	finishes := func(index int) string {
		return fmt.Sprintf(`{"candidates":[{"index":%d,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}}`, index)
	}
	both := `{"candidates":[{"finishReason":"STOP"},{"index":1,"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":5}}`
	first := `{"candidates":[{"finishReason":"STOP"},{"content":{"parts":[{"text":"Hi"}]}}]}`
	two := Response{Status: 200, ContentType: "text/event-stream", Request: Request{Stream: true, Choices: 2, answers: 2}}
	for _, test := range []passing{
		{"one after the other", StreamGenerateContent, sse(finishes(1), geminiMore, finishes(0), geminiBehind), sse(finishes(1), geminiMore) + "data: " + finishes(0), twelveFive, true, "STOP STOP", ""},
		{"both at once", StreamGenerateContent, sse(geminiMore, both), sse(geminiMore) + "data: " + both, twelveFive, true, "STOP STOP", ""},
		{"one of two in a chunk", StreamGenerateContent, sse(first, finishes(1)), sse(first) + "data: " + finishes(1), twelveFive, true, "STOP STOP", ""},
		{"one twice", StreamGenerateContent, sse(finishes(0), finishes(0)), sse(finishes(0), finishes(0)), twelveFive, false, "STOP STOP", ""},
	} {
		test.check(t, two)
	}
}

func TestGeminiSeenText(t *testing.T) {
	part := func(parts string) string { return `{"candidates":[{"content":{"parts":[` + parts + `]}}]}` }
	tests := []struct {
		name, body   string
		events, text int64
	}{
		{"text and thoughts", sse(part(`{"text":"abc","thought":true},{"text":"de","thoughtSignature":"x"}`), geminiMore), 2, 7},
		{"calls", sse(part(`{"functionCall":{"name":"f","args":{"a":1}}},{"executableCode":{"code":"1+1"}}`)), 1, 9},
		{"pictures are none", sse(part(`{"inlineData":{"data":"AAAA"}}`)), 0, 0},
		{"an array", "[" + geminiWord + "," + geminiMore + "," + geminiSilent + "]", 2, 4},
		{"plain", geminiStop, 1, 1},
	}
	for _, test := range tests {
		for _, size := range cuts {
			got := meter(StreamGenerateContent, streamResponse(false), []byte(test.body), size)
			if got.events != test.events || got.text != test.text {
				t.Errorf("%s, in pieces of %d: %d events, %d bytes, want %d and %d", test.name, size, got.events, got.text, test.events, test.text)
			}
		}
	}
}

func TestGeminiRequests(t *testing.T) {
	picture := strings.Repeat("A", 1000)
	inline := `{"contents":[{"parts":[{"inline_data":{"data":"` + picture + `"}}]}]}`
	embedded := `{"requests":[{"content":{"parts":[{"inlineData":{"data":"` + picture + `"}}]}}]}`
	predicted := `{"instances":[{"image":{"bytesBase64Encoded":"` + picture + `"}}]}`
	for _, test := range []asking{
		{GenerateContent, `{"contents":[{"parts":[{"text":"Hi"}]}]}`, Request{Model: "m", Choices: 1, HasOutput: true}, 0},
		{StreamGenerateContent, `{"contents":[]}`, Request{Model: "m", Stream: true, Choices: 1, HasOutput: true}, 0},
		{GenerateContent, `{"model":"models/other","stream":true}`, Request{Model: "m", Choices: 1, HasOutput: true, Unbounded: "stream"}, 0},
		{GenerateContent, `{"generationConfig":{"maxOutputTokens":100,"candidateCount":3}}`, Request{Model: "m", Choices: 3, OutputLimit: 100, HasOutput: true}, 0},
		{GenerateContent, `{"generation_config":{"max_output_tokens":1e2,"candidate_count":2}}`, Request{Model: "m", Choices: 2, OutputLimit: 100, HasOutput: true}, 0},
		{GenerateContent, `{"generation\u0043onfig":{"max_output\u005ftokens":100}}`, Request{Model: "m", Choices: 1, OutputLimit: 100, HasOutput: true}, 0},
		{GenerateContent, `{"generationConfig":{"maxOutputTokens":"100","candidateCount":"3"}}`, Request{Model: "m", Choices: 3, OutputLimit: 100, HasOutput: true}, 0},
		{GenerateContent, `{"generationConfig":null}`, Request{Model: "m", Choices: 1, HasOutput: true}, 0},
		{GenerateContent, `{"generationConfig":{"maxOutputTokens":null,"candidateCount":null}}`, Request{Model: "m", Choices: 1, HasOutput: true}, 0},
		{GenerateContent, `{"labels":{"maxOutputTokens":"1"},"generationConfig":{"thinkingConfig":{"maxOutputTokens":1}}}`, Request{Model: "m", Choices: 1, HasOutput: true}, 0},
		{GenerateContent, inline, Request{Model: "m", Choices: 1, HasOutput: true, Unbounded: "contents[0].parts[0].inlineData.data"}, int64(len(inline) - 1002)},
		{EmbedContent, `{"model":"models/other","content":{"parts":[{"text":"Hi"}]},"taskType":"RETRIEVAL_QUERY","title":"t","output_dimensionality":768}`, Request{Model: "m", Choices: 1}, 0},
		{EmbedContent, `{"requests":[{"model":"models/other","content":{"parts":[{"text":"Hi"}]},"outputDimensionality":768}]}`, Request{Model: "m", Choices: 1}, 0},
		{EmbedContent, embedded, Request{Model: "m", Choices: 1, Unbounded: "requests[0].content.parts[0].inlineData.data"}, int64(len(embedded) - 1002)},
		{Predict, `{"instances":[{"content":"Hi","task_type":"RETRIEVAL_QUERY","title":"t"}],"parameters":{"outputDimensionality":768,"autoTruncate":false}}`, Request{Model: "m", Choices: 1}, 0},
		{Predict, predicted, Request{Model: "m", Choices: 1, Unbounded: "instances[0].image.bytesBase64Encoded"}, int64(len(predicted) - 1002)},
	} {
		test.check(t, Head{Model: "m"})
	}
}

func TestGeminiRefuses(t *testing.T) {
	for body, want := range map[string]string{
		`{"generationConfig":{},"generationConfig":{}}`:                            "generationConfig: given twice",
		`{"generationConfig":{},"generation_config":{}}`:                           "generationConfig: given twice",
		`{"generation_config":{},"g\u0065neration_config":{}}`:                     "generationConfig: given twice",
		`{"generationConfig":{"maxOutputTokens":1,"maxOutputTokens":2}}`:           "maxOutputTokens: given twice",
		`{"generationConfig":{"maxOutputTokens":1,"max_output_tokens":2}}`:         "maxOutputTokens: given twice",
		`{"generation_config":{"max_output_tokens":null,"maxOutputTokens":2}}`:     "maxOutputTokens: given twice",
		`{"generationConfig":{"candidateCount":1,"candidate_count":2}}`:            "candidateCount: given twice",
		`{"contents":[],"contents":[]}`:                                            "contents: given twice",
		`{"systemInstruction":{},"system_instruction":{}}`:                         "systemInstruction: given twice",
		`{"tools":[],"tools":[]}`:                                                  "tools: given twice",
		`{"GenerationConfig":{}}`:                                                  `"GenerationConfig": not the spelling of generationConfig`,
		`{"GENERATION_CONFIG":{}}`:                                                 `"GENERATION_CONFIG": not the spelling of generation_config`,
		`{"generationConfig":{"Max_Output_Tokens":1}}`:                             `"Max_Output_Tokens": not the spelling of max_output_tokens`,
		`{"generationConfig":{"max\u004futputtokens":1}}`:                          `"maxOutputtokens": not the spelling of maxOutputTokens`,
		`{"generationConfig":{"maxOutputTokens":"many"}}`:                          "maxOutputTokens: not an integer",
		`{"generationConfig":{"max_output_tokens":1.5}}`:                           "maxOutputTokens: not an integer",
		`{"generationConfig":{"candidateCount":0}}`:                                "candidateCount: not between 1 and 1048576",
		`{"generationConfig":[]}`:                                                  "generationConfig: not an object",
		`{"generationConfig":{"responseModalities":[],"response_modalities":[1]}}`: "responseModalities: given twice",
	} {
		if _, err := GenerateContent.ReadRequest(Head{}, []byte(body)); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", body, err, want)
		}
	}
}

func TestGeminiUnbounded(t *testing.T) {
	user := func(parts string) string { return `{"contents":[{"role":"user","parts":[` + parts + `]}]}` }
	for body, want := range map[string]string{
		user(`{"text":"Hi","thought":true,"thoughtSignature":"x"}`): "",
		user(`{"text":"Hi","thought_signature":"x"}`):               "",
		user(`{"functionCall":{"id":"1","name":"f","args":{"fileData":{}}}},{"function_response":{"id":"1","name":"f","response":{"x":{}}}}`): "",
		user(`{"functionResponse":{"name":"f","response":{},"parts":[{"inlineData":{}}]}}`):                                                   "contents[0].parts[0].functionResponse.parts",
		user(`{"text":"Hi"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}}`):                                                           "contents[0].parts[1].inlineData.mimeType",
		user(`{"inline_data":{"data":"AAAA"}}`):                                                                                               "contents[0].parts[0].inlineData.data",
		user(`{"fileData":{"fileUri":"gs://a"}}`):                                                                                             "contents[0].parts[0].fileData",
		user(`{"file_data":{"file_uri":"gs://a"}}`):                                                                                           "contents[0].parts[0].file_data",
		user(`{"text":"a","videoMetadata":{}}`):                                                                                               "contents[0].parts[0].videoMetadata",
		`{"contents":{"role":"user","parts":{"text":"Hi"}}}`:                                                                                  "",
		`{"contents":{"role":"user","parts":{"fileData":{}}}}`:                                                                                "contents.parts.fileData",
		`{"contents":[{"parts":{"fileData":{}}}]}`:                                                                                            "contents[0].parts.fileData",
		`{"contents":[[{"parts":[{"fileData":{}}]}]]}`:                                                                                        "contents[0][0].parts[0].fileData",
		`{"system_instruction":{"parts":[{"text":"Hi"}]},"systemInstructions":1}`:                                                             "systemInstructions",
		`{"systemInstruction":{"parts":[{"fileData":{}}]}}`:                                                                                   "systemInstruction.parts[0].fileData",
		`{"cachedContent":"cachedContents/1"}`:                                                                                                "cachedContent",
		`{"cached_content":"cachedContents/1"}`:                                                                                               "cached_content",
		`{"tools":[{"functionDeclarations":[{"name":"f","parameters":{"googleSearch":{}}}]},{"function_declarations":[]}]}`:                   "",
		`{"tools":{"functionDeclarations":[]}}`:                                                                                               "",
		`{"tools":[{"googleSearch":{}}]}`:                                                                                                     "tools[0].googleSearch",
		`{"tools":[{"google_search_retrieval":{}}]}`:                                                                                          "tools[0].google_search_retrieval",
		`{"tools":[{"functionDeclarations":[]},{"codeExecution":{}}]}`:                                                                        "tools[1].codeExecution",
		`{"tools":[{"urlContext":{}}]}`:                                                                                                       "tools[0].urlContext",
		`{"tools":{"googleSearch":{}}}`:                                                                                                       "tools.googleSearch",
		`{"safetySettings":[],"toolConfig":{},"labels":{},"serviceTier":"x","generationConfig":{"temperature":1,"response_mime_type":"a","responseSchema":{},"thinkingConfig":{"thinkingBudget":-1}}}`: "",
		`{"generationConfig":{"responseModalities":["TEXT"]}}`:                      "",
		`{"generationConfig":{"responseModalities":["TEXT","IMAGE"]}}`:              "generationConfig.responseModalities[1]: IMAGE",
		`{"generationConfig":{"response_modalities":["AUDIO"]}}`:                    "generationConfig.responseModalities[0]: AUDIO",
		`{"generationConfig":{"responseModalities":[2]}}`:                           "generationConfig.responseModalities[0]: not a type",
		`{"generationConfig":{"speechConfig":{}}}`:                                  "generationConfig.speechConfig",
		`{"generationConfig":{"imageConfig":null,"routingConfig":{"autoMode":{}}}}`: "generationConfig.routingConfig.autoMode",
	} {
		r, err := GenerateContent.ReadRequest(Head{}, []byte(body))
		if err != nil || r.Unbounded != want {
			t.Errorf("%s: unbounded by %q (%v), want %q", body, r.Unbounded, err, want)
		}
	}
	for body, want := range map[string]string{
		`{"content":{"parts":[{"fileData":{}}]}}`:                "content.parts[0].fileData",
		`{"requests":[{"content":{"parts":[{"fileData":{}}]}}]}`: "requests[0].content.parts[0].fileData",
		`{"requests":[{"x":1}]}`:                                 "requests[0].x",
		`{"embedContentConfig":{}}`:                              "embedContentConfig",
	} {
		r, err := EmbedContent.ReadRequest(Head{}, []byte(body))
		if err != nil || r.Unbounded != want {
			t.Errorf("%s: unbounded by %q (%v), want %q", body, r.Unbounded, err, want)
		}
	}
	for body, want := range map[string]string{
		`{"instances":[{"image":{"gcsUri":"gs://a"}}]}`: "instances[0].image.gcsUri",
		`{"instances":[{"prompt":"a cat"}]}`:            "instances[0].prompt",
		`{"parameters":{"sampleCount":4}}`:              "parameters.sampleCount",
	} {
		r, err := Predict.ReadRequest(Head{}, []byte(body))
		if err != nil || r.Unbounded != want {
			t.Errorf("%s: unbounded by %q (%v), want %q", body, r.Unbounded, err, want)
		}
	}
}

func TestGeminiSplices(t *testing.T) {
	for _, test := range []struct{ body, want string }{
		{`{"contents":[]}`, `{"contents":[],"generationConfig":{"maxOutputTokens":50}}`},
		{`{}`, `{"generationConfig":{"maxOutputTokens":50}}`},
		{`{"generationConfig":{}}`, `{"generationConfig":{"maxOutputTokens":50}}`},
		{`{"generationConfig":null}`, `{"generationConfig":{"maxOutputTokens":50}}`},
		{` { "generationConfig" : { "topP" : 1 } , "x":1} `, ` { "generationConfig" : { "topP" : 1 ,"maxOutputTokens":50} , "x":1} `},
		{`{"generation_config":{"top_p":1}}`, `{"generation_config":{"top_p":1,"maxOutputTokens":50}}`},
		{`{"generationConfig":{"maxOutputTokens":100}}`, `{"generationConfig":{"maxOutputTokens":50}}`},
		{`{"generation_config":{"max_output_tokens":100}}`, `{"generation_config":{"max_output_tokens":50}}`},
		{`{"generation_config":{"maxOutputTokens":null}}`, `{"generation_config":{"maxOutputTokens":50}}`},
		{`{"generationConfig":{"maxOutputTokens":50}}`, `{"generationConfig":{"maxOutputTokens":50}}`},
		{`{"maxOutputTokens":9,"labels":{"maxOutputTokens":"9"}}`, `{"maxOutputTokens":9,"labels":{"maxOutputTokens":"9"},"generationConfig":{"maxOutputTokens":50}}`},
	} {
		splices(t, StreamGenerateContent, test.body, test.want)
	}
	splices(t, EmbedContent, `{"content":{}}`, `{"content":{}}`)
	splices(t, Predict, `{"instances":[]}`, `{"instances":[]}`)
}

// Each chunk tells usage, whose text is copied to be read.
func TestChunksOfGeminiCostOneAllocation(t *testing.T) {
	m := StreamGenerateContent.NewMeter(streamResponse(false))
	chunk := []byte(sse(geminiMore))
	dst := m.Feed(make([]byte, 0, 4096), chunk)
	if allocs := testing.AllocsPerRun(200, func() { dst = m.Feed(dst[:0], chunk[:70]); dst = m.Feed(dst, chunk[70:]) }); allocs > 1 {
		t.Errorf("%v allocations a chunk, want one", allocs)
	}
}
