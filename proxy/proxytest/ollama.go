package proxytest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// NewOllama makes a provider that speaks Ollama's own API. The key, if one is asked for, is shown as bearer.
func NewOllama(o Options) *Provider { return newProvider(o, &ollama) }

var ollama = service{
	admit: admitOllama, route: routeOllama, read: readOllama, failed: ollamaError, header: ollamaHeader, fault: ollamaFault,
}

func admitOllama(o Options, r *http.Request) *answer {
	if wrongKey(o, bearer(r)) {
		return ollamaError(http.StatusUnauthorized, "unauthorized")
	}
	return nil
}

// ollamaOperations are the operations by method and path.
var ollamaOperations = map[string]*api{
	"POST /api/chat":       {"chat", ollamaChat},
	"POST /api/generate":   {"generate", ollamaGenerate},
	"POST /api/embed":      {"embed", ollamaEmbed},
	"POST /api/embeddings": {"embeddings", ollamaEmbeddings},
	"POST /api/show":       {"show", showOllamaModel},
	"GET /api/tags":        {"tags", listOllamaModels},
	"GET /api/version":     {"version", ollamaVersion},
}

func routeOllama(method, path string) *api { return ollamaOperations[method+" "+path] }

// readOllama streams unless it is told not to; a limit of -1 or -2 is none.
func readOllama(q *request, r *http.Request, body []byte) error {
	if err := readJSON(q, r, body); err != nil || r.Method != http.MethodPost {
		return err
	}
	var rest struct {
		Stream  *bool           `json:"stream"`
		System  json.RawMessage `json:"system"`
		Options struct {
			NumPredict int64 `json:"num_predict"`
		} `json:"options"`
	}
	if err := json.Unmarshal(body, &rest); err != nil {
		return err
	}
	q.Stream = rest.Stream == nil || *rest.Stream
	q.Instructions = rest.System
	q.MaxTokens = rest.Options.NumPredict
	return nil
}

type ollamaFailure struct {
	Error string `json:"error"`
}

func ollamaError(status int, message string) *answer {
	if message == "" {
		message = "the request was not answered: " + strings.ToLower(http.StatusText(status))
	}
	return &answer{status: status, contentType: ollamaJSON, parts: [][]byte{marshal(ollamaFailure{message})}, usageAt: -1}
}

func ollamaHeader(http.Header, *answer) {}

func ollamaFault() []byte {
	return append(marshal(ollamaFailure{"an error was encountered while running the model"}), '\n')
}

const (
	ollamaJSON = "application/json; charset=utf-8"
	ndjson     = "application/x-ndjson"
)

// ollamaLine is one line of an answer: Message in a chat, Response where a prompt goes on.
type ollamaLine struct {
	Model         string         `json:"model"`
	CreatedAt     string         `json:"created_at"`
	Message       *ollamaMessage `json:"message,omitempty"`
	Response      *string        `json:"response,omitempty"`
	DoneReason    string         `json:"done_reason,omitempty"`
	Done          bool           `json:"done"`
	Context       []int          `json:"context,omitempty"`
	TotalDuration int64          `json:"total_duration,omitempty"` // nanoseconds
	LoadDuration  int64          `json:"load_duration,omitempty"`
}

type ollamaMessage struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

// evalCounts stand among the members of the last line. What was cached is not evaluated: then the prompt has no count.
type evalCounts struct {
	PromptEvalCount *int64 `json:"prompt_eval_count,omitempty"`
	EvalCount       int64  `json:"eval_count"`
}

func ollamaChat(q *request) *answer {
	return ollamaAnswer(q, func(s *ollamaLine, text string) { s.Message = &ollamaMessage{"assistant", text} })
}

func ollamaGenerate(q *request) *answer {
	return ollamaAnswer(q, func(s *ollamaLine, text string) {
		if s.Response = &text; s.Done {
			s.Context = []int{128006, 882, 128007}
		}
	})
}

// ollamaAnswer is one line, or one for each word and a last one with the counts; put gives a line its text.
func ollamaAnswer(q *request, put func(*ollamaLine, string)) *answer {
	q.usage.cacheWrite, q.usage.reasoning = 0, 0 // not told
	if q.usage.cached > 0 {
		q.usage.input, q.usage.cached = 0, 0
	}
	created := time.Unix(q.created, 0).UTC()
	spoken := func(text string, done bool) ollamaLine {
		created = created.Add(time.Millisecond)
		s := ollamaLine{Model: q.Model, CreatedAt: created.Format(time.RFC3339Nano), Done: done}
		put(&s, text)
		return s
	}
	if len(prompts(q)) == 0 {
		return q.loaded(spoken("", true))
	}
	last := func(text string) any {
		s := spoken(text, true)
		s.DoneReason, s.TotalDuration, s.LoadDuration = q.finishReason(), 9_000_000, 2_000_000
		return joined(marshal(s), q.evalCounts())
	}
	if !q.Stream {
		a := line(q, "", q.Model, last)
		a.contentType = ollamaJSON
		return a
	}
	var parts [][]byte
	for _, word := range q.words {
		parts = append(parts, append(marshal(spoken(word, false)), '\n'))
	}
	parts = append(parts, append(marshal(last("")), '\n'))
	a := stream(q, "", q.Model, parts, len(parts)-1)
	a.contentType = ndjson
	return a
}

// loaded answers who says nothing: the model is in memory now, and nothing was spent.
func (q *request) loaded(s ollamaLine) *answer {
	s.DoneReason, s.Context = "load", nil
	a := free(q, s)
	a.contentType, a.model = ollamaJSON, q.Model
	return a
}

func (q *request) evalCounts() json.RawMessage {
	counts := evalCounts{EvalCount: q.usage.output}
	if q.usage.input > 0 {
		counts.PromptEvalCount = &q.usage.input
	}
	return q.rawUsage(counts)
}

// joined adds the members of another object; what is no object adds nothing.
func joined(object, other json.RawMessage) json.RawMessage {
	if len(other) <= len("{}") || other[0] != '{' {
		return object
	}
	return slices.Concat(object[:len(object)-1], []byte(","), other[1:])
}

func ollamaEmbed(q *request) *answer {
	q.usage = usage{input: q.usage.input}
	var vectors [][]float32
	for _, text := range embeddingInputs(q.Input) {
		vectors = append(vectors, vector(text, ollamaDimensions(q)))
	}
	a := line(q, "", q.Model, func(string) any {
		body := marshal(struct {
			Model         string      `json:"model"`
			Embeddings    [][]float32 `json:"embeddings"`
			TotalDuration int64       `json:"total_duration"`
			LoadDuration  int64       `json:"load_duration"`
		}{q.Model, vectors, 9_000_000, 2_000_000})
		return joined(body, q.rawUsage(struct {
			PromptEvalCount int64 `json:"prompt_eval_count"`
		}{q.usage.input}))
	})
	a.contentType = ollamaJSON
	return a
}

// ollamaEmbeddings is the older operation: one text, and no count.
func ollamaEmbeddings(q *request) *answer {
	return ollamaFree(q, struct {
		Embedding []float32 `json:"embedding"`
	}{vector(string(q.Prompt), ollamaDimensions(q))})
}

func ollamaDimensions(q *request) int {
	if q.Dimensions > 0 {
		return q.Dimensions
	}
	return 768
}

type ollamaModel struct {
	Name       string       `json:"name"`
	Model      string       `json:"model"`
	ModifiedAt string       `json:"modified_at"`
	Size       int64        `json:"size"`
	Digest     string       `json:"digest"`
	Details    ollamaDetail `json:"details"`
}

type ollamaDetail struct {
	ParentModel       string   `json:"parent_model"`
	Format            string   `json:"format"`
	Family            string   `json:"family"`
	Families          []string `json:"families"`
	ParameterSize     string   `json:"parameter_size"`
	QuantizationLevel string   `json:"quantization_level"`
}

var llama = ollamaDetail{Format: "gguf", Family: "llama", Families: []string{"llama"}, ParameterSize: "3.2B", QuantizationLevel: "Q4_K_M"}

func listOllamaModels(q *request) *answer {
	var list struct {
		Models []ollamaModel `json:"models"`
	}
	for i, name := range []string{"llama3.2:latest", "nomic-embed-text:latest"} {
		list.Models = append(list.Models, ollamaModel{name, name, "2026-10-02T09:30:00Z", 2019393189, strings.Repeat(string(rune('a'+i)), 64), llama})
	}
	return ollamaFree(q, list)
}

func showOllamaModel(q *request) *answer {
	return ollamaFree(q, struct {
		Details      ollamaDetail `json:"details"`
		Capabilities []string     `json:"capabilities"`
	}{llama, []string{"completion"}})
}

func ollamaVersion(q *request) *answer {
	return ollamaFree(q, struct {
		Version string `json:"version"`
	}{"0.12.6"})
}

func ollamaFree(q *request, v any) *answer {
	a := free(q, v)
	a.contentType = ollamaJSON
	return a
}
