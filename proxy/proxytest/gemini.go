package proxytest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// NewGemini makes a provider that speaks the API of Google AI Studio. The key is shown as x-goog-api-key or in the query.
func NewGemini(o Options) *Provider { return newProvider(o, &gemini) }

var gemini = service{
	admit: admitGemini, route: routeGemini, read: readGemini, failed: googleError, header: googleHeader, fault: geminiFault,
}

func admitGemini(o Options, r *http.Request) *answer {
	shown := r.Header.Get("X-Goog-Api-Key")
	if shown == "" {
		shown = r.URL.Query().Get("key")
	}
	switch {
	case !wrongKey(o, shown):
		return nil
	case shown == "":
		return googleError(http.StatusForbidden, "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or other form of API consumer identity to call this API.")
	}
	return googleRefuse(http.StatusBadRequest, "API key not valid. Please pass a valid API key.", googleDetail{
		Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: "API_KEY_INVALID", Domain: "googleapis.com",
		Metadata: map[string]string{"service": "generativelanguage.googleapis.com"},
	})
}

// geminiOperations stand behind a model's colon.
var geminiOperations = map[string]*api{
	"generateContent":       {"generateContent", generateContent},
	"streamGenerateContent": {"generateContent", streamGenerateContent},
	"embedContent":          {"embedContent", embedContent},
	"batchEmbedContents":    {"embedContent", batchEmbedContents},
	"countTokens":           {"countTokens", countContents},
}

func routeGemini(method, path string) *api {
	segments := strings.Split(path, "/")
	if len(segments) < 3 || !slices.Contains([]string{"v1", "v1beta", "v1alpha"}, segments[1]) || segments[2] != "models" {
		return nil
	}
	switch {
	case method == http.MethodGet && len(segments) == 3:
		return &api{"models", listGeminiModels}
	case method == http.MethodGet && len(segments) == 4:
		return &api{"models", describeGeminiModel}
	case method == http.MethodPost && len(segments) == 4:
		_, operation := modelCall(path)
		return geminiOperations[operation]
	}
	return nil
}

// modelCall takes the last segment of a path apart: a model and what is asked of it.
func modelCall(path string) (model, operation string) {
	last, _ := url.PathUnescape(path[strings.LastIndexByte(path, '/')+1:]) // "" names no operation
	model, operation, _ = strings.Cut(last, ":")
	return model, operation
}

// geminiBody is what is read of a body: of a prompt, of texts to embed, of Vertex's instances.
type geminiBody struct {
	Contents          json.RawMessage `json:"contents"`
	SystemInstruction json.RawMessage `json:"systemInstruction"`
	GenerationConfig  struct {
		MaxOutputTokens int64 `json:"maxOutputTokens"`
		CandidateCount  int64 `json:"candidateCount"`
	} `json:"generationConfig"`
	// GenerateContentRequest is what countTokens counts, if no contents.
	GenerateContentRequest *geminiBody `json:"generateContentRequest"`

	Content              json.RawMessage `json:"content"`
	OutputDimensionality int             `json:"outputDimensionality"`
	Requests             []geminiBody    `json:"requests"`
	Instances            json.RawMessage `json:"instances"`
	Parameters           struct {
		OutputDimensionality int `json:"outputDimensionality"`
	} `json:"parameters"`
}

func readGemini(q *request, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost {
		return nil
	}
	var b geminiBody
	var v any
	if json.Unmarshal(body, &v) != nil || json.Unmarshal(body, q) != nil || json.Unmarshal(marshal(camel(v)), &b) != nil {
		return complaint("Invalid JSON payload received.")
	}
	q.alt = r.URL.Query().Get("alt")
	q.Model, _ = modelCall(q.path)
	if b.GenerateContentRequest != nil {
		b = *b.GenerateContentRequest
	}
	q.Instructions, q.Messages = b.SystemInstruction, b.Contents
	q.MaxOutputTokens, q.N = b.GenerationConfig.MaxOutputTokens, b.GenerationConfig.CandidateCount
	q.Dimensions = max(b.OutputDimensionality, b.Parameters.OutputDimensionality)
	switch {
	case b.Content != nil:
		q.Input = marshal([]json.RawMessage{b.Content})
	case b.Instances != nil:
		q.Input = b.Instances
	case b.Requests != nil:
		var contents []json.RawMessage
		for _, e := range b.Requests {
			contents, q.Dimensions = append(contents, e.Content), max(q.Dimensions, e.OutputDimensionality)
		}
		q.Input = marshal(contents)
	case b.Contents == nil:
		return complaint("* GenerateContentRequest.contents: contents is not specified")
	}
	return nil
}

// camel gives members the names that they have in Google's answers; in requests max_output_tokens is as good as
// maxOutputTokens.
func camel(v any) any {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			v[i] = camel(e)
		}
	case map[string]any:
		renamed := map[string]any{}
		for name, e := range v {
			words := strings.Split(name, "_")
			for i, w := range words[1:] {
				if w != "" {
					words[i+1] = strings.ToUpper(w[:1]) + w[1:]
				}
			}
			renamed[strings.Join(words, "")] = camel(e)
		}
		return renamed
	}
	return v
}

// googleStatuses are Google's names of HTTP's status codes.
var googleStatuses = map[int]string{
	http.StatusBadRequest:         "INVALID_ARGUMENT",
	http.StatusUnauthorized:       "UNAUTHENTICATED",
	http.StatusForbidden:          "PERMISSION_DENIED",
	http.StatusNotFound:           "NOT_FOUND",
	http.StatusTooManyRequests:    "RESOURCE_EXHAUSTED",
	http.StatusServiceUnavailable: "UNAVAILABLE",
	http.StatusGatewayTimeout:     "DEADLINE_EXCEEDED",
}

type googleFailure struct {
	Error struct {
		Code    int            `json:"code"`
		Message string         `json:"message"`
		Status  string         `json:"status"`
		Details []googleDetail `json:"details,omitempty"`
	} `json:"error"`
}

type googleDetail struct {
	Type     string            `json:"@type"`
	Reason   string            `json:"reason"`
	Domain   string            `json:"domain"`
	Metadata map[string]string `json:"metadata"`
}

func googleFailed(status int, message string) googleFailure {
	var f googleFailure
	f.Error.Code, f.Error.Message, f.Error.Status = status, message, googleStatuses[status]
	if f.Error.Status == "" {
		f.Error.Status = "INTERNAL"
	}
	if message == "" {
		f.Error.Message = "The request was not answered: " + f.Error.Status + "."
	}
	return f
}

func googleError(status int, message string) *answer { return googleRefuse(status, message) }

func googleRefuse(status int, message string, details ...googleDetail) *answer {
	f := googleFailed(status, message)
	f.Error.Details = details
	return &answer{status: status, contentType: googleJSON, parts: [][]byte{append(marshalIndent(f), '\n')}, usageAt: -1}
}

const googleJSON = "application/json; charset=UTF-8"

func googleHeader(h http.Header, a *answer) {
	h.Set("Server-Timing", "gfet4t7; dur=7")
	h.Set("X-Content-Type-Options", "nosniff")
	if a.stream {
		h.Set("Content-Disposition", "attachment")
	}
}

func geminiFault() []byte {
	return event("", googleFailed(http.StatusServiceUnavailable, "The model is overloaded. Please try again later."))
}

// geminiModels are what the list of models has.
var geminiModels = []string{"gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001", "gemini-embedding-2"}

type geminiModel struct {
	Name                       string   `json:"name"`
	Version                    string   `json:"version"`
	DisplayName                string   `json:"displayName"`
	InputTokenLimit            int      `json:"inputTokenLimit"`
	OutputTokenLimit           int      `json:"outputTokenLimit"`
	SupportedGenerationMethods []string `json:"supportedGenerationMethods"`
}

func newGeminiModel(name string) geminiModel {
	m := geminiModel{"models/" + name, "001", name, 1048576, 65536, []string{"generateContent", "countTokens"}}
	if strings.Contains(name, "embedding") {
		m.InputTokenLimit, m.OutputTokenLimit, m.SupportedGenerationMethods = 2048, 1, []string{"embedContent"}
	}
	return m
}

func listGeminiModels(q *request) *answer {
	var list struct {
		Models []geminiModel `json:"models"`
	}
	for _, name := range geminiModels {
		list.Models = append(list.Models, newGeminiModel(name))
	}
	return googleFree(q, list)
}

func describeGeminiModel(q *request) *answer {
	name, _ := modelCall(q.path)
	if !slices.Contains(geminiModels, name) {
		return googleError(http.StatusNotFound, "models/"+name+" is not found for API version v1beta.")
	}
	return googleFree(q, newGeminiModel(name))
}

func googleFree(q *request, v any) *answer {
	a := free(q, v)
	a.contentType = googleJSON
	return a
}
