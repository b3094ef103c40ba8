package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		Status    int    `json:"status"`
		HasUsage  bool   `json:"has_usage"`
		HasCounts bool   `json:"has_token_counts"`
		Input     *int64 `json:"input_tokens_total"`
		Output    *int64 `json:"output_tokens_total"`
		Cached    *int64 `json:"cached_input_tokens"`
		Written   *int64 `json:"cache_creation_tokens"`
		Reasoning *int64 `json:"reasoning_tokens"`
		Terminal  *bool  `json:"stream_terminal_seen"`
		Error     any    `json:"stream_error"`
		Note      string `json:"metering_note"`
	}
}

var recordedAPIs = map[string]*API{
	"openai-chat": Chat, "openai-completions": Completions, "openai-responses": Responses,
	"responses-compact": Compact, "embeddings": Embeddings,
}

func openAIRecordings(t testing.TB) []recording {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(recordings, "openai.*"))
	if err == nil && len(folders) == 0 && os.Getenv("CI") == "" {
		t.Skip("the recordings are not beside this checkout; CI has them")
	}
	if err != nil || len(folders) == 0 {
		t.Fatalf("no recordings in %s: %v", recordings, err)
	}
	var all []recording
	for _, folder := range folders {
		r := recording{name: filepath.Base(folder)}
		readJSON(t, filepath.Join(folder, "expected.json"), &r.expected)
		if r.api = recordedAPIs[r.expected.API]; r.api == nil {
			continue
		}
		var request struct {
			Body json.RawMessage `json:"body"`
		}
		readJSON(t, filepath.Join(folder, "request.json"), &request)
		r.request = request.Body
		var head struct {
			Status  int         `json:"status"`
			Headers [][2]string `json:"headers"`
		}
		readJSON(t, filepath.Join(folder, "response.headers.json"), &head)
		r.response.Status = head.Status
		for _, h := range head.Headers {
			if strings.EqualFold(h[0], "content-type") {
				r.response.ContentType = h[1]
			}
		}
		if r.body, err = os.ReadFile(filepath.Join(folder, "response.body")); err != nil {
			t.Fatal(err)
		}
		if len(r.request) > 0 && r.request[0] == '{' {
			if r.response.Request, err = r.api.ReadRequest(Head{}, r.request); err != nil {
				t.Fatalf("%s: request: %v", r.name, err)
			}
		}
		all = append(all, r)
	}
	return all
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
	m := api.NewMeter(r)
	var out metered
	for at := 0; at < len(body); at += size {
		out.early = m.Feed(out.early, body[at:min(at+size, len(body))])
		out.readyEarly = m.Ready()
	}
	out.early = m.Finish(out.early)
	out.ended = m.Ended()
	out.late = m.Release(nil)
	out.usage, out.model, out.id, out.failure = m.Usage(), m.Model(), m.ID(), m.Error()
	out.finish = fmt.Sprint(m.FinishReasons())
	out.events, out.text = m.Seen()
	return out
}

var pieces = []int{0, 1, 7, 4096}

func TestRecordingsAreMeteredExactlyAndPassUnchanged(t *testing.T) {
	counts := map[string]int{}
	for _, r := range openAIRecordings(t) {
		counts[r.api.Name]++
		for _, size := range pieces {
			got := meter(r.api, r.response, r.body, size)
			if all := append(bytes.Clone(got.early), got.late...); !bytes.Equal(all, r.body) {
				t.Errorf("%s in pieces of %d: the client gets other bytes", r.name, size)
			}
			if !got.ended {
				t.Errorf("%s in pieces of %d: no end", r.name, size)
			}
			if len(got.late) == 0 {
				t.Errorf("%s in pieces of %d: nothing withheld", r.name, size)
			}
			if strings.Contains(r.expected.Note, "are both right") {
				continue
			}
			if want := wanted(r); got.usage != want {
				t.Errorf("%s in pieces of %d: usage %+v, want %+v", r.name, size, got.usage, want)
			}
		}
	}
	total := 0
	for _, n := range counts {
		total += n
	}
	fmt.Printf("RECORDINGS openai=%d %v pieces=%v tokens and bytes exact\n", total, counts, pieces)
	if len(counts) != len(recordedAPIs) {
		t.Errorf("recordings of %d APIs, want %d", len(counts), len(recordedAPIs))
	}
}

func wanted(r recording) Usage {
	if !r.expected.HasUsage || !r.expected.HasCounts {
		return Usage{}
	}
	or0 := func(n *int64) int64 {
		if n == nil {
			return 0
		}
		return *n
	}
	return Usage{InputKnown: true, OutputKnown: true, Input: or0(r.expected.Input), Output: or0(r.expected.Output),
		CachedInput: or0(r.expected.Cached), CacheWriteInput: or0(r.expected.Written), ReasoningOutput: or0(r.expected.Reasoning)}
}
