package dialect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"
)

// Refusal is an answer that the gateway gives itself.
type Refusal struct {
	Status  int
	Code    string // the contract's code
	Message string
	// Quota is set for insufficient_quota: it goes into the body as numbers.
	Quota *Quota
}

// Quota is what a refusal for lack of tokens tells.
type Quota struct {
	Used    int64  `json:"used"`
	Total   int64  `json:"total"`
	Extra   int64  `json:"extra"`
	ResetAt string `json:"reset_at"` // RFC 3339
}

// Shape writes a refusal as one family of clients reads it: the body, and the headers that they read besides. Each
// keeps the code and the quota, in members that those clients pass over where they know none for them.
type Shape func(Refusal) (body []byte, headers map[string]string)

// OpenAIShape is what OpenAI's clients understand.
func OpenAIShape(f Refusal) ([]byte, map[string]string) {
	type fields struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
		*Quota
	}
	return encode(map[string]fields{"error": {Message: f.Message, Type: f.Code, Code: f.Code, Quota: f.Quota}}), nil
}

// names is what providers call an error of a status, where their clients branch on a name.
type names struct{ anthropic, gemini, bedrock string }

// named lists the statuses that the gateway refuses with (platform.claude.com/docs/en/api/errors, google.rpc.Code,
// the errors of Bedrock's Converse; 2026-11).
var named = map[int]names{
	400: {"invalid_request_error", "INVALID_ARGUMENT", "ValidationException"},
	401: {"authentication_error", "UNAUTHENTICATED", "UnrecognizedClientException"},
	402: {"billing_error", "RESOURCE_EXHAUSTED", "ServiceQuotaExceededException"},
	403: {"permission_error", "PERMISSION_DENIED", "AccessDeniedException"},
	404: {"not_found_error", "NOT_FOUND", "ResourceNotFoundException"},
	413: {"request_too_large", "INVALID_ARGUMENT", "ValidationException"},
	415: {"invalid_request_error", "INVALID_ARGUMENT", "ValidationException"},
	429: {"rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"},
	502: {"api_error", "UNAVAILABLE", "ServiceUnavailableException"},
	503: {"overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"},
	504: {"timeout_error", "DEADLINE_EXCEEDED", "ServiceUnavailableException"},
}

func (f Refusal) names() names {
	return cmp.Or(named[f.Status], names{"api_error", "INTERNAL", "InternalServerException"})
}

// AnthropicShape is what clients of the Messages API understand.
func AnthropicShape(f Refusal) ([]byte, map[string]string) {
	type fields struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Code    string `json:"code"`
		*Quota
	}
	return encode(struct {
		Type  string `json:"type"`
		Error fields `json:"error"`
	}{"error", fields{f.names().anthropic, f.Message, f.Code, f.Quota}}), nil
}

// GeminiShape is google.rpc.Status as JSON: the code is the reason of an ErrorInfo, whose metadata are strings.
func GeminiShape(f Refusal) ([]byte, map[string]string) {
	type info struct {
		Type     string            `json:"@type"`
		Reason   string            `json:"reason"`
		Domain   string            `json:"domain"`
		Metadata map[string]string `json:"metadata,omitempty"`
	}
	type fields struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Status  string `json:"status"`
		Details []info `json:"details"`
	}
	detail := info{Type: "type.googleapis.com/google.rpc.ErrorInfo", Reason: f.Code, Domain: "tollgate"}
	if q := f.Quota; q != nil {
		detail.Metadata = map[string]string{
			"used": strconv.FormatInt(q.Used, 10), "total": strconv.FormatInt(q.Total, 10),
			"extra": strconv.FormatInt(q.Extra, 10), "reset_at": q.ResetAt,
		}
	}
	return encode(map[string]fields{"error": {f.Status, f.Message, f.names().gemini, []info{detail}}}), nil
}

// BedrockShape is what AWS's clients understand. They take an error's name from the header.
func BedrockShape(f Refusal) ([]byte, map[string]string) {
	return encode(struct {
		Message string `json:"message"`
		Reason  string `json:"reason"` // not code: that would be a name where the header is lost
		*Quota
	}{f.Message, f.Code, f.Quota}), map[string]string{"x-amzn-ErrorType": f.names().bedrock}
}

// CohereShape is what Cohere's clients understand.
func CohereShape(f Refusal) ([]byte, map[string]string) {
	return encode(struct {
		Message string `json:"message"`
		Code    string `json:"code"`
		*Quota
	}{f.Message, f.Code, f.Quota}), nil
}

// OllamaShape is what clients of Ollama's own API understand: the error is a string.
func OllamaShape(f Refusal) ([]byte, map[string]string) {
	return encode(struct {
		Error string `json:"error"`
		Code  string `json:"code"`
		*Quota
	}{f.Message, f.Code, f.Quota}), nil
}

// MistralShape is what Mistral's clients understand: OpenAI's members, without an object around them.
func MistralShape(f Refusal) ([]byte, map[string]string) {
	return encode(struct {
		Object  string  `json:"object"`
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
		*Quota
	}{Object: "error", Message: f.Message, Type: f.Code, Code: f.Code, Quota: f.Quota}), nil
}

// WatsonxShape is what IBM's clients understand: a list of errors.
func WatsonxShape(f Refusal) ([]byte, map[string]string) {
	type fields struct {
		Code    string `json:"code"`
		Message string `json:"message"`
		*Quota
	}
	return encode(struct {
		Errors []fields `json:"errors"`
		Status int      `json:"status_code"`
	}{[]fields{{f.Code, f.Message, f.Quota}}, f.Status}), nil
}

// VoyageShape is what clients of servers made with FastAPI (Voyage, Jina) understand.
func VoyageShape(f Refusal) ([]byte, map[string]string) {
	return encode(struct {
		Detail string `json:"detail"`
		Code   string `json:"code"`
		*Quota
	}{f.Message, f.Code, f.Quota}), nil
}

func encode(refusal any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(refusal); err != nil {
		panic("BUG: a refusal can't be encoded: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
