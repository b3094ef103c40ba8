package proxytest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// NewBedrock makes a provider that speaks the API of AWS Bedrock's runtime: Converse and ConverseStream for any model,
// InvokeModel for Anthropic's and, without a stream, for Titan's embeddings, and CountTokens. The key is shown as bearer.
// Its server must speak HTTP/2 without TLS too: AWS's JavaScript client knows nothing else.
func NewBedrock(o Options) *Provider { return newProvider(o, &bedrock) }

var bedrock = service{
	admit: admitBedrock, route: routeBedrock, read: readBedrock, failed: bedrockError, header: bedrockHeader, fault: bedrockFault,
}

func admitBedrock(o Options, r *http.Request) *answer {
	authorization := r.Header.Get("Authorization")
	signed := strings.HasPrefix(authorization, "AWS4-HMAC-SHA256 ")
	switch {
	case !wrongKey(o, bearer(r)), signed && o.Signed:
		return nil
	case authorization == "":
		return bedrockRefuse(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	case signed:
		return bedrockRefuse(http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid.")
	}
	return bedrockRefuse(http.StatusForbidden, "AccessDeniedException", "Authentication failed: Please make sure your API Key is valid.")
}

var bedrockOperations = map[string]*api{
	"converse":                    {"Converse", converse},
	"converse-stream":             {"ConverseStream", converseStream},
	"invoke":                      {"Invoke", invoke},
	"invoke-with-response-stream": {"InvokeStream", invokeStream},
	"count-tokens":                {"count-tokens", bedrockCount},
}

// routeBedrock knows /model/{model}/{operation}.
func routeBedrock(method, path string) *api {
	segments := strings.Split(path, "/")
	if method != http.MethodPost || len(segments) != 4 || segments[1] != "model" {
		return nil
	}
	return bedrockOperations[segments[3]]
}

// bedrockBody is what is read of a body beside what all APIs have.
type bedrockBody struct {
	System          json.RawMessage `json:"system"`
	InferenceConfig struct {
		MaxTokens int64 `json:"maxTokens"`
	} `json:"inferenceConfig"`
	InputText json.RawMessage `json:"inputText"`
	// Input is what CountTokens counts.
	Input struct {
		Converse    *bedrockBody `json:"converse"`
		InvokeModel struct {
			Body []byte `json:"body"`
		} `json:"invokeModel"`
	} `json:"input"`
	Messages json.RawMessage `json:"messages"`
}

func readBedrock(q *request, r *http.Request, body []byte) error {
	if err := readJSON(q, r, body); err != nil {
		return err
	}
	var b bedrockBody
	if err := json.Unmarshal(body, &b); err != nil {
		return complaint("Malformed input request, please reformat your input and try again.")
	}
	if counted := b.Input.InvokeModel.Body; counted != nil {
		if err := json.Unmarshal(counted, &b); err != nil {
			return complaint("Malformed input request, please reformat your input and try again.")
		}
	} else if b.Input.Converse != nil {
		b = *b.Input.Converse
	}
	q.Messages, q.Instructions, q.Input = b.Messages, b.System, b.InputText
	q.MaxTokens = max(q.MaxTokens, b.InferenceConfig.MaxTokens)
	var err error
	q.Model, err = url.PathUnescape(strings.Split(q.path, "/")[2])
	return err
}

// bedrockExceptions are the names of errors by their status.
var bedrockExceptions = map[int]string{
	http.StatusBadRequest:         "ValidationException",
	http.StatusForbidden:          "AccessDeniedException",
	http.StatusNotFound:           "ResourceNotFoundException",
	http.StatusRequestTimeout:     "ModelTimeoutException",
	http.StatusFailedDependency:   "ModelErrorException",
	http.StatusTooManyRequests:    "ThrottlingException",
	http.StatusServiceUnavailable: "ServiceUnavailableException",
}

func bedrockError(status int, message string) *answer {
	kind, ok := bedrockExceptions[status]
	if !ok {
		kind = "InternalServerException"
	}
	if message == "" {
		message = "The request was not processed: " + http.StatusText(status) + "."
	}
	return bedrockRefuse(status, kind, message)
}

type bedrockMessage struct {
	Message string `json:"message"`
}

func bedrockRefuse(status int, kind, message string) *answer {
	a := fail(status, bedrockMessage{message})
	a.headers = map[string]string{"X-Amzn-Errortype": kind + ":http://internal.amazon.com/coral/com.amazon.bedrock/"}
	return a
}

func bedrockHeader(h http.Header, a *answer) { h.Set("X-Amzn-Requestid", a.id) }

func bedrockFault() []byte {
	return exception("modelStreamErrorException", bedrockMessage{"The model broke off while it answered."})
}

func bedrockCount(q *request) *answer {
	a := line(q, "", "", func(string) any {
		return struct {
			InputTokens int64 `json:"inputTokens"`
		}{q.usage.input}
	})
	a.usage = usage{}
	return a
}
