package proxytest_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sashabaranov/go-openai"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

// serve starts a provider until the end of the test. What the witness says of an answer's end is read after stop.
func serve(t *testing.T, o proxytest.Options) (p *proxytest.Provider, url string, stop func()) {
	t.Helper()
	p = proxytest.New(o)
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL, server.Close
}

func client(url, key string) *openai.Client {
	c := openai.DefaultConfig(key)
	c.BaseURL = url + "/v1"
	return openai.NewClientWithConfig(c)
}

// post sends a request that a script steers and reads the answer whole.
func post(t *testing.T, url, body string) (*http.Response, string, error) {
	t.Helper()
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp, string(b), err
}

func messages(text string) []openai.ChatCompletionMessage {
	return []openai.ChatCompletionMessage{{Role: "system", Content: "You help."}, {Role: "user", Content: text}}
}

func TestChatWithARealClient(t *testing.T) {
	p, url, stop := serve(t, proxytest.Options{APIKey: "sk-test", Persona: proxytest.BicycleShop})
	got, err := client(url, "sk-test").CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "gpt-4o-mini", Messages: messages("I have a flat, what now?")})
	if err != nil {
		t.Fatal(err)
	}
	if got.Model != "gpt-4o-mini-2024-07-18" || !strings.Contains(got.Choices[0].Message.Content, "puncture belt") {
		t.Errorf("got model %s and %q", got.Model, got.Choices[0].Message.Content)
	}
	words := len(strings.Fields(got.Choices[0].Message.Content))
	if got.Usage.PromptTokens != 8 || got.Usage.CompletionTokens != words || got.Usage.TotalTokens != 8+words {
		t.Errorf("got %+v, want 8 input and %d output tokens", got.Usage, words)
	}
	want := proxytest.Answer{
		ID: got.ID, API: "chat.completions", Model: got.Model, Input: 8, Output: int64(words),
		Method: "POST", Path: "/v1/chat/completions", Status: 200, Whole: true,
	}
	stop()
	seen := p.Answered()
	if diff := cmp.Diff([]proxytest.Answer{want}, seen, cmpopts.IgnoreFields(proxytest.Answer{}, "Header", "BodySHA256")); diff != "" {
		t.Errorf("the witness differs (-want +got):\n%s", diff)
	}
	if got := seen[0].Header.Get("Authorization"); got != "Bearer sk-test" {
		t.Errorf("the witness saw Authorization %q", got)
	}
}

func TestStreamReportsUsageOnlyWhenAsked(t *testing.T) {
	p, url, _ := serve(t, proxytest.Options{})
	for _, asked := range []bool{true, false} {
		q := openai.ChatCompletionRequest{Model: "gpt-4o", Messages: messages("hello"), N: 2}
		if asked {
			q.StreamOptions = &openai.StreamOptions{IncludeUsage: true}
		}
		stream, err := client(url, "").CreateChatCompletionStream(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		said := map[int]string{}
		var usage *openai.Usage
		for {
			chunk, err := stream.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range chunk.Choices {
				said[c.Index] += c.Delta.Content
			}
			if chunk.Usage != nil {
				usage = chunk.Usage
			}
		}
		stream.Close()
		want := proxytest.Plain("")
		if said[0] != want || said[1] != want {
			t.Errorf("asked %v: got %v", asked, said)
		}
		if (usage != nil) != asked {
			t.Errorf("asked %v: got usage %+v", asked, usage)
		}
		if asked && usage.CompletionTokens != 2*9 {
			t.Errorf("got %d output tokens, want 18 for two choices", usage.CompletionTokens)
		}
	}
	if seen := p.Answered(); seen[0].Output != 18 || seen[1].Output != 0 {
		t.Errorf("the witness saw %d and %d output tokens reported, want 18 and 0", seen[0].Output, seen[1].Output)
	}
}

func TestCompletionsEmbeddingsModelsWithARealClient(t *testing.T) {
	_, url, _ := serve(t, proxytest.Options{})
	c := client(url, "")
	done, err := c.CreateCompletion(t.Context(), openai.CompletionRequest{Model: "gpt-3.5-turbo-instruct", Prompt: "one two three", MaxTokens: 4})
	if err != nil {
		t.Fatal(err)
	}
	if done.Usage.CompletionTokens != 4 || done.Choices[0].FinishReason != "length" || done.Choices[0].Text != "The quick brown fox" {
		t.Errorf("a limit of 4 tokens gave %+v", done)
	}
	for _, format := range []openai.EmbeddingEncodingFormat{openai.EmbeddingEncodingFormatFloat, openai.EmbeddingEncodingFormatBase64} {
		e, err := c.CreateEmbeddings(t.Context(), openai.EmbeddingRequest{Model: openai.SmallEmbedding3, Input: []string{"one two", "three"}, Dimensions: 8, EncodingFormat: format})
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Data) != 2 || len(e.Data[1].Embedding) != 8 || e.Usage.PromptTokens != 3 || e.Usage.TotalTokens != 3 {
			t.Errorf("%s: got %+v", format, e)
		}
	}
	list, err := c.ListModels(t.Context())
	if err != nil || len(list.Models) == 0 {
		t.Fatalf("models: %v, %v", list, err)
	}
	if m, err := c.GetModel(t.Context(), "gpt-4o"); err != nil || m.ID != "gpt-4o" {
		t.Errorf("model: %v, %v", m, err)
	}
	if m, err := c.Moderations(t.Context(), openai.ModerationRequest{Input: "fine"}); err != nil || m.Results[0].Flagged {
		t.Errorf("moderation: %v, %v", m, err)
	}
}

func TestErrorsAreReadByARealClient(t *testing.T) {
	for name, test := range map[string]struct {
		options proxytest.Options
		status  int
		code    any
	}{
		"key":        {proxytest.Options{APIKey: "other"}, 401, "invalid_api_key"},
		"rate":       {proxytest.Options{Script: proxytest.Script{Status: 429}}, 429, "rate_limit_exceeded"},
		"no model":   {proxytest.Options{Script: proxytest.Script{Status: 404}}, 404, "model_not_found"},
		"own body":   {proxytest.Options{Script: proxytest.Script{Status: 400, Error: json.RawMessage(`{"error":{"message":"m","type":"t","code":"c"}}`)}}, 400, "c"},
		"overloaded": {proxytest.Options{Script: proxytest.Script{Status: 503}}, 503, 0}, // null, as this client reads it
	} {
		p, url, stop := serve(t, test.options)
		_, err := client(url, "sk-wrong-000000").CreateChatCompletion(t.Context(), openai.ChatCompletionRequest{Model: "gpt-4o", Messages: messages("hello")})
		var api *openai.APIError
		if !errors.As(err, &api) || api.HTTPStatusCode != test.status || api.Code != test.code {
			t.Errorf("%s: got %v, want %d %v", name, err, test.status, test.code)
		}
		stop()
		if seen := p.Answered(); len(seen) != 1 || seen[0].Status != test.status || !seen[0].Whole {
			t.Errorf("%s: the witness saw %+v", name, seen)
		}
	}
}

func TestUnknownPathIsRefusedAndWitnessed(t *testing.T) {
	p, url, _ := serve(t, proxytest.Options{})
	resp, body, err := post(t, url+"/v1/files?a=b", `{}`)
	if err != nil || resp.StatusCode != 404 || !strings.Contains(body, "Invalid URL (POST /v1/files)") {
		t.Errorf("got %v, %s, %v", resp, body, err)
	}
	if seen := p.Answered(); p.Calls() != 1 || seen[0].API != "" || seen[0].Path != "/v1/files?a=b" {
		t.Errorf("the witness saw %+v", seen)
	}
}

func TestResponsesStreamIsNumberedAndEndsWithItsUsage(t *testing.T) {
	_, url, _ := serve(t, proxytest.Options{})
	for limit, last := range map[string]string{"": "response.completed", `,"max_output_tokens":3`: "response.incomplete"} {
		_, body, err := post(t, url+"/v1/responses", `{"model":"gpt-4.1","input":[{"role":"user","content":[{"type":"input_text","text":"one two"}]}],"stream":true`+limit+`,"proxytest":{"reasoning":2}}`)
		if err != nil {
			t.Fatal(err)
		}
		type event struct {
			Type     string `json:"type"`
			Number   int    `json:"sequence_number"`
			Response struct {
				Usage *struct {
					Input  int `json:"input_tokens"`
					Output int `json:"output_tokens"`
				} `json:"usage"`
			} `json:"response"`
		}
		var e event
		n := 0
		for lines := bufio.NewScanner(strings.NewReader(body)); lines.Scan(); {
			data, ok := strings.CutPrefix(lines.Text(), "data: ")
			if !ok {
				continue
			}
			e = event{}
			if err := json.Unmarshal([]byte(data), &e); err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			if e.Number != n || !strings.Contains(body, "event: "+e.Type+"\n") {
				t.Errorf("event %d is %+v", n, e)
			}
			n++
		}
		want := 9 + 2
		if limit != "" {
			want = 3
		}
		if e.Type != last || e.Response.Usage == nil || e.Response.Usage.Input != 2 || e.Response.Usage.Output != want {
			t.Errorf("the last event is %+v, want %s with 2 and %d tokens", e, last, want)
		}
		if strings.Contains(body, "[DONE]") {
			t.Error("a stream of responses ends without [DONE]")
		}
	}
}

func TestScriptedIDMakesEqualRequestsEqualBytes(t *testing.T) {
	_, url, _ := serve(t, proxytest.Options{})
	_, other, _ := serve(t, proxytest.Options{})
	for _, path := range []string{"chat/completions", "completions", "responses", "responses/compact", "embeddings"} {
		for _, stream := range []string{"false", "true"} {
			body := `{"model":"m","prompt":"a","input":"a","messages":[],"stream":` + stream + `,"proxytest":{"id":"same"}}`
			_, one, err1 := post(t, url+"/v1/"+path, body)
			_, two, err2 := post(t, other+"/v1/"+path, body)
			if err1 != nil || err2 != nil || one != two || len(one) == 0 {
				t.Errorf("%s, stream %s: %v, %v,\n%s\n%s", path, stream, err1, err2, one, two)
			}
		}
	}
}

func TestStreamFaults(t *testing.T) {
	p, url, stop := serve(t, proxytest.Options{})
	const head = `{"model":"m","messages":[{"content":"hello"}],"stream":true,"stream_options":{"include_usage":true},"proxytest":`
	chat := url + "/v1/chat/completions"

	_, body, err := post(t, chat, head+`{"chunks":9,"break_after":4}}`)
	if !errors.Is(err, io.ErrUnexpectedEOF) || strings.Count(body, "data: ") != 4 {
		t.Errorf("broken after 4: got %v and %s", err, body)
	}
	if _, _, err = post(t, chat, head+`{"break_after":0}}`); !errors.Is(err, io.EOF) {
		t.Errorf("broken before the header: got %v", err)
	}
	if _, body, err = post(t, chat, head+`{"error_after":2}}`); err != nil || !strings.HasSuffix(body, "\"code\":null}}\n\n") || strings.Contains(body, "DONE") {
		t.Errorf("error after 2: got %v and %s", err, body)
	}
	if _, body, _ = post(t, chat, head+`{"no_usage":true}}`); strings.Contains(body, `"usage":{`) || !strings.Contains(body, `"usage":null`) {
		t.Errorf("without usage: got %s", body)
	}
	if _, body, _ = post(t, chat, head+`{"usage_twice":true,"null_after":true,"output":10}}`); !strings.Contains(body, `"completion_tokens":5,`) ||
		strings.LastIndex(body, `"usage":null`) < strings.LastIndex(body, `"completion_tokens":10,`) {
		t.Errorf("usage twice, then null: got %s", body)
	}
	if _, body, _ = post(t, chat, head+`{"usage":{"prompt_tokens":-1,"completion_tokens":12.5}}}`); !strings.Contains(body, `"usage":{"prompt_tokens":-1,"completion_tokens":12.5}`) {
		t.Errorf("own usage: got %s", body)
	}
	if _, body, _ = post(t, chat, head+`{"crlf":true}}`); strings.Count(body, "\n") != strings.Count(body, "\r\n") {
		t.Errorf("CRLF: got %q", body)
	}
	resp, body, _ := post(t, chat, head+`{"content_length":true}}`)
	if resp.ContentLength != int64(len(body)) {
		t.Errorf("got Content-Length %d for %d bytes", resp.ContentLength, len(body))
	}
	stop()
	whole := 0
	for _, a := range p.Answered() {
		if a.Whole {
			whole++
		}
	}
	if whole != 6 || p.Calls() != 8 {
		t.Errorf("the witness saw %d whole answers of %d, want 6 of 8", whole, p.Calls())
	}
}

func TestJSONFaults(t *testing.T) {
	_, url, _ := serve(t, proxytest.Options{})
	const head = `{"model":"m","messages":[{"content":"hello"}],"proxytest":`
	chat := url + "/v1/chat/completions"
	resp, body, err := post(t, chat, head+`{"break_after":1}}`)
	if !errors.Is(err, io.ErrUnexpectedEOF) || resp.ContentLength < int64(len(body)) || body == "" {
		t.Errorf("broken in the middle: got %v after %d bytes", err, len(body))
	}
	if _, body, _ = post(t, chat, head+`{"size":100000}}`); len(body) != 100000 || !json.Valid([]byte(body)) {
		t.Errorf("got %d bytes, want 100000", len(body))
	}
	request, _ := http.NewRequest("POST", chat, strings.NewReader(head+`{"gzip":true,"header":{"Set-Cookie":"a=b"}}}`))
	request.Header.Set("Accept-Encoding", "identity")
	resp, err = http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	z, err := gzip.NewReader(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(z); err != nil || !json.Valid(plain) || resp.Header.Get("Set-Cookie") != "a=b" {
		t.Errorf("got %v and %s", err, plain)
	}
}

func TestStallEndsWhenTheOtherSideLeaves(t *testing.T) {
	p := proxytest.New(proxytest.Options{})
	server := httptest.NewServer(p)
	resp, err := http.Post(server.URL+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"m","stream":true,"proxytest":{"stall_after":2}}`))
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 6)
	if _, err := io.ReadFull(resp.Body, first); err != nil || string(first) != "data: " {
		t.Errorf("got %q, %v", first, err)
	}
	resp.Body.Close()
	server.Close() // returns only once the handler has
	if seen := p.Answered(); len(seen) != 1 || seen[0].Whole {
		t.Errorf("the witness saw %+v, want one answer, not whole", seen)
	}
}

func TestWitnessForgetsTheOldestAndLogsAll(t *testing.T) {
	var log bytes.Buffer
	p := proxytest.New(proxytest.Options{Keep: 2, Log: &log, KeepBodies: true})
	server := httptest.NewServer(p)
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		if _, _, err := post(t, server.URL+"/v1/embeddings", `{"model":"m","input":"x","dimensions":2,"proxytest":{"id":"`+id+`"}}`); err != nil {
			t.Fatal(err)
		}
	}
	server.Close()
	seen := p.Answered()
	if len(seen) != 2 || seen[0].ID != "embd-d" || seen[1].ID != "embd-e" || !bytes.Contains(seen[1].Body, []byte(`"id":"e"`)) {
		t.Errorf("got %+v, want the last two", seen)
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	var last proxytest.Answer
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || len(lines) != 5 {
		t.Fatalf("got %d lines, %v", len(lines), err)
	}
	if diff := cmp.Diff(seen[1], last); diff != "" {
		t.Errorf("the log's last line differs (-want +got):\n%s", diff)
	}
}

func TestHeaderSteersWhatTheBodyDoesNot(t *testing.T) {
	_, url, _ := serve(t, proxytest.Options{Script: proxytest.Script{Text: "by default"}})
	for _, test := range []struct{ header, member, want string }{
		{"", "", "by default"},
		{`{"text":"by header"}`, "", "by header"},
		{`{"text":"by header"}`, `,"proxytest":{"text":"by body"}`, "by body"},
		{`no script`, "", "invalid character"},
	} {
		q, err := http.NewRequest("POST", url+"/v1/chat/completions", strings.NewReader(`{"model":"m"`+test.member+`}`))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set(proxytest.Header, test.header)
		resp, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || !strings.Contains(string(body), test.want) {
			t.Errorf("%+v: got %s, %v", test, body, err)
		}
	}
}

func TestLeanAnswersEqualRequestsEqually(t *testing.T) {
	p, url, _ := serve(t, proxytest.Options{Lean: true})
	const body = `{"model":"m","messages":[],"stream":true,"proxytest":{"chunks":3}}`
	_, one, _ := post(t, url+"/v1/chat/completions", body)
	_, two, _ := post(t, url+"/v1/chat/completions", body)
	if one != two || !strings.HasSuffix(one, "data: [DONE]\n\n") {
		t.Errorf("got\n%s\n%s", one, two)
	}
	if p.Calls() != 2 || len(p.Answered()) != 0 {
		t.Errorf("got %d calls, %d witnessed", p.Calls(), len(p.Answered()))
	}
}
