package dialect

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// recordings are real exchanges with providers; their README says what expected.json holds.
const recordings = "../../../shared/recordings"

type recording struct {
	name     string
	api      *API
	body     []byte
	request  []byte
	response Response
	expected struct {
		API       string `json:"api"`
		Provider  string `json:"provider"`
		Status    int    `json:"status"`
		HasUsage  bool   `json:"has_usage"`
		HasCounts bool   `json:"has_token_counts"`
		Input     *int64 `json:"input_tokens_total"`
		Output    *int64 `json:"output_tokens_total"`
		Cached    *int64 `json:"cached_input_tokens"`
		Written   *int64 `json:"cache_creation_tokens"`
		Reasoning *int64 `json:"reasoning_tokens"`
		Note      string `json:"metering_note"`
		Other     struct {
			Iterations *struct {
				Input   int64 `json:"input_tokens"`
				Output  int64 `json:"output_tokens"`
				Cached  int64 `json:"cache_read_input_tokens"`
				Written int64 `json:"cache_creation_input_tokens"`
			} `json:"iterations_sum"`
		} `json:"other"`
	}
}

// recordedAPIs are the recordings that are metered; of some the path says which of two it is.
var recordedAPIs = map[string]*API{
	"openai-chat": Chat, "writer-chat": Chat, "openai-completions": Completions, "openai-responses": Responses,
	"responses-compact": Compact, "embeddings": Embeddings, "rerank": Rerank, "images": Images,
	"audio-transcriptions": Transcriptions, "mistral-ocr": OCR, "anthropic-messages": Messages,
	"gemini-generate": GenerateContent, "gemini-stream": StreamGenerateContent, "gemini-embed": EmbedContent,
	"vertex-predict": Predict, "bedrock-converse": Converse, "bedrock-invoke": Invoke,
	"cohere-v1-chat": CohereChatV1, "cohere-v2-chat": CohereChat, "cohere-v2-embed": CohereEmbed,
	"cohere-v1-rerank": CohereRerank, "cohere-v2-rerank": CohereRerank,
	"ollama-chat": OllamaChat, "ollama-generate": OllamaGenerate, "ollama-embeddings": OllamaEmbeddings,
	"watsonx-generate": WatsonxGenerate,
}

var recordedStreams = map[string]*API{
	"converse-stream": ConverseStream, "invoke-with-response-stream": InvokeStream, "text_stream": WatsonxGenerateStream,
}

// unmetered are recordings of what is free or refused.
var unmetered = []string{
	"anthropic-batch-results", "anthropic-count-tokens", "assistants", "audio-speech", "batches", "bedrock-count-tokens",
	"gemini-count-tokens", "moderations", "realtime-ws", "responses-input-tokens", "responses-retrieve",
}

// readRecordings reads those whose folders' names begin with one of the prefixes.
func readRecordings(t testing.TB, prefixes ...string) []recording {
	t.Helper()
	var all []recording
	for _, prefix := range prefixes {
		folders, err := filepath.Glob(filepath.Join(recordings, prefix+"*", "expected.json"))
		if err == nil && len(folders) == 0 && os.Getenv("CI") == "" {
			t.Skip("the recordings are not beside this checkout; CI has them")
		}
		if err != nil || len(folders) == 0 {
			t.Fatalf("no recordings %s in %s: %v", prefix, recordings, err)
		}
		for _, file := range folders {
			if r := readRecording(t, filepath.Dir(file)); r.api != nil {
				all = append(all, r)
			}
		}
	}
	return all
}

func openAIRecordings(t testing.TB) []recording {
	var text []recording
	for _, r := range readRecordings(t, "openai.") {
		if !r.api.format.form {
			text = append(text, r)
		}
	}
	return text
}

func readRecording(t testing.TB, folder string) recording {
	t.Helper()
	r := recording{name: filepath.Base(folder)}
	readJSON(t, filepath.Join(folder, "expected.json"), &r.expected)
	var request struct {
		Path string          `json:"path"`
		Body json.RawMessage `json:"body"`
	}
	readJSON(t, filepath.Join(folder, "request.json"), &request)
	path, query, _ := strings.Cut(request.Path, "?")
	r.api = recordedAPIs[r.expected.API]
	for suffix, api := range recordedStreams {
		if strings.HasSuffix(path, "/"+suffix) {
			r.api = api
		}
	}
	if r.api == nil {
		for _, name := range unmetered {
			if r.expected.API == name {
				return r
			}
		}
		t.Fatalf("%s: no API is known for %s", r.name, r.expected.API)
	}
	readHead(t, folder, &r.response)
	var err error
	if r.body, err = os.ReadFile(filepath.Join(folder, "response.body")); err != nil {
		t.Fatal(err)
	}
	r.request = request.Body
	head := Head{Model: pathModel(path), Query: query}
	if len(r.request) > 0 && r.request[0] == '{' {
		if r.response.Request, err = r.api.ReadRequest(head, r.request); err != nil {
			t.Fatalf("%s: request: %v", r.name, err)
		}
	} else if r.response.Request, err = r.api.ReadRequest(head, assumed(r)); err != nil { // only the answer was recorded
		t.Fatalf("%s: %v", r.name, err)
	}
	return r
}

// assumed is the request of an exchange of which only the answer is known.
func assumed(r recording) []byte {
	return fmt.Appendf(nil, `{"stream":%t}`, strings.Contains(r.name, ".sse.") || strings.Contains(r.name, ".ndjson."))
}

func readHead(t testing.TB, folder string, r *Response) {
	var head struct {
		Status  int         `json:"status"`
		Headers [][2]string `json:"headers"`
	}
	readJSON(t, filepath.Join(folder, "response.headers.json"), &head)
	r.Status = head.Status
	r.Header = func(name string) string {
		for _, h := range head.Headers {
			if strings.EqualFold(h[0], name) {
				return h[1]
			}
		}
		return ""
	}
	r.ContentType = r.Header("Content-Type")
}

// pathModel is the model that the paths of Google's and Amazon's APIs name.
func pathModel(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments[:len(segments)-1] {
		if s == "models" || s == "model" {
			model, _ := url.PathUnescape(segments[i+1])
			if s == "models" {
				model, _, _ = strings.Cut(model, ":")
			}
			return model
		}
	}
	return ""
}

func readJSON(t testing.TB, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// metered is what a meter said of a body that came in pieces.
type metered struct {
	early, late []byte // what the client had before and after the release
	usage       Usage
	model, id   string
	finish      string
	failure     string
	ended       bool
	readyEarly  bool // before the body's end
	events      int64
	text        int64
}

// meter passes a body in pieces of size bytes; 0: whole.
func meter(api *API, r Response, body []byte, size int) metered {
	if size == 0 {
		size = max(len(body), 1)
	}
	return meterPieces(api, r, body, func() int { return size })
}

func meterPieces(api *API, r Response, body []byte, size func() int) metered {
	m := api.NewMeter(r)
	var out metered
	for at := 0; at < len(body); {
		n := min(size(), len(body)-at)
		out.early = m.Feed(out.early, body[at:at+n])
		out.readyEarly = m.Ready() || m.Told()
		at += n
	}
	out.early = m.Finish(out.early)
	out.ended = m.Ended()
	out.late = m.Release(nil)
	out.usage, out.model, out.id, out.failure = m.Usage(), m.Model(), m.ID(), m.Error()
	out.finish = fmt.Sprint(m.FinishReasons())
	out.events, out.text = m.Seen()
	return out
}

var pieces = []int{0, 1, 7, 64, 4096}

func TestRecordingsAreMeteredExactlyAndPassUnchanged(t *testing.T) {
	var exact, without, wrong int
	apis := map[*API]bool{}
	for _, r := range readRecordings(t, "") {
		apis[r.api] = true
		for _, size := range pieces {
			got := meter(r.api, r.response, r.body, size)
			if all := append(bytes.Clone(got.early), got.late...); !bytes.Equal(all, r.body) {
				t.Errorf("%s in pieces of %d: the client gets other bytes", r.name, size)
				wrong++
			}
			if strings.Contains(r.expected.Note, "are both right") {
				continue
			}
			got.usage.Units = Units{}
			want := wanted(r)
			switch {
			case got.usage != want:
				t.Errorf("%s in pieces of %d: usage %+v, want %+v", r.name, size, got.usage, want)
				wrong++
			case want.Known():
				exact++
			default:
				without++
			}
		}
	}
	fmt.Printf("FAULT recordings layer=dialect apis=%d pieces=%v exact=%d without_counts=%d wrong=%d RESULT %s\n",
		len(apis), pieces, exact, without, wrong, map[bool]string{true: "ok", false: "FAIL"}[wrong == 0])
}

// splits is how many ways each recording is cut; every run takes others.
var splits = flag.Int("splits", 5, "random splits of each recording")

// Where a body is cut never matters: not for the usage, not for the bytes, not for what is withheld.
func TestAnySplitOfARecordingIsTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for _, r := range readRecordings(t, "") {
		want := meter(r.api, r.response, r.body, 0)
		for range *splits {
			most := 1 + random.IntN(len(r.body)+1)
			got := meterPieces(r.api, r.response, r.body, func() int { return 1 + random.IntN(most) })
			got.readyEarly, want.readyEarly = false, false // whole, it can't be ready before its last piece
			if !reflect.DeepEqual(want, got) {             // cmp alone takes a minute
				t.Errorf("%s, seed %d (-whole +cut):\n%s", r.name, seed, cmp.Diff(want, got, cmp.AllowUnexported(metered{})))
			}
		}
	}
}

func wanted(r recording) Usage {
	e := &r.expected
	if !e.HasUsage || !e.HasCounts {
		return Usage{}
	}
	or0 := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	u := Usage{InputKnown: e.Input != nil, OutputKnown: true, Input: or0(e.Input), Output: or0(e.Output)}
	u.CachedInput, u.CacheWriteInput, u.ReasoningOutput = or0(e.Cached), or0(e.Written), or0(e.Reasoning)
	if i := e.Other.Iterations; i != nil {
		u.Input, u.Output, u.CachedInput, u.CacheWriteInput = i.Input+i.Cached+i.Written, i.Output, i.Cached, i.Written
	}
	u.CachedInput = min(u.CachedInput, u.Input)
	u.CacheWriteInput = min(u.CacheWriteInput, u.Input-u.CachedInput)
	u.ReasoningOutput = min(u.ReasoningOutput, u.Output)
	return u
}
