package proxytest

import (
	"encoding/json"
	"net/http"
	"strings"
)

// NewVertex makes a provider that speaks the API of Google's Vertex AI, for the models of Google and of Anthropic. The key
// is shown as bearer.
func NewVertex(o Options) *Provider { return newProvider(o, &vertex) }

var vertex = service{
	admit: admitVertex, route: routeVertex, read: readVertex, failed: googleError, header: googleHeader, fault: geminiFault,
}

func admitVertex(o Options, r *http.Request) *answer {
	if wrongKey(o, bearer(r)) {
		return googleRefuse(http.StatusUnauthorized, "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.", googleDetail{
			Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: "ACCESS_TOKEN_TYPE_UNSUPPORTED", Domain: "googleapis.com",
			Metadata: map[string]string{"service": "aiplatform.googleapis.com"},
		})
	}
	return nil
}

// vertexOperations stand behind a model's colon, by the model's publisher.
var vertexOperations = map[string]map[string]*api{
	"google": {
		"generateContent":       {"generateContent", generateContent},
		"streamGenerateContent": {"generateContent", streamGenerateContent},
		"embedContent":          {"embedContent", embedContent},
		"predict":               {"predict", predict},
		"countTokens":           {"countTokens", countContents},
	},
	"anthropic": {
		"rawPredict":       {"messages", vertexMessages},
		"streamRawPredict": {"messages", vertexMessages},
	},
}

// routeVertex knows /{version}/projects/{project}/locations/{location}/publishers/{publisher}/models/{model}:{operation}.
func routeVertex(method, path string) *api {
	s := strings.Split(path, "/")
	if method != http.MethodPost || len(s) != 10 || s[1] != "v1" && s[1] != "v1beta1" || s[2] != "projects" || s[4] != "locations" || s[6] != "publishers" || s[8] != "models" {
		return nil
	}
	model, operation := modelCall(path)
	if s[7] == "anthropic" && model == countTokens && operation == "rawPredict" {
		return &api{"messages.count_tokens", countMessages}
	}
	return vertexOperations[s[7]][operation]
}

// onVertex says which of Google's two APIs was asked.
func (q *request) onVertex() bool { return strings.Contains(q.path, "/publishers/") }

// countTokens stands in the place of a model where Anthropic's tokens are counted; the model is in the body, there only.
const countTokens = "count-tokens"

func readVertex(q *request, r *http.Request, body []byte) error {
	if !strings.Contains(q.path, "/publishers/anthropic/") {
		return readGemini(q, r, body)
	}
	if err := readMessage(q, body); err != nil {
		return err
	}
	var rest struct {
		AnthropicVersion string `json:"anthropic_version"`
	}
	_ = json.Unmarshal(body, &rest) // it was read once
	model, operation := modelCall(q.path)
	switch {
	case rest.AnthropicVersion == "":
		return complaint("anthropic_version: Field required")
	case model == countTokens:
		return nil
	case q.Model != "":
		return complaint("model: Extra inputs are not permitted")
	case q.MaxTokens <= 0:
		return complaint("max_tokens: Field required")
	}
	q.Model, q.Stream = model, q.Stream && operation == "streamRawPredict"
	return nil
}

// vertexMessages are Anthropic's, who marks their ids.
func vertexMessages(q *request) *answer {
	q.id = "vrtx_" + q.id
	a := messages(q)
	a.failure = anthropicFault()
	return a
}
