package dialect

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
)

var (
	noSuchPath = Refusal{Status: 404, Code: "unmetered_endpoint", Message: `no such path: "/v1/<files>"`}
	bothEmpty  = Refusal{Status: 402, Code: "insufficient_quota", Message: "both pools are empty",
		Quota: &Quota{Used: 10, Total: 10, Extra: 0, ResetAt: "2026-12-01T00:00:00Z"}}
)

func TestRefusalBodies(t *testing.T) {
	const numbers = `"used":10,"total":10,"extra":0,"reset_at":"2026-12-01T00:00:00Z"`
	tests := []struct {
		name        string
		shape       Shape
		path, empty string // the bodies for noSuchPath and bothEmpty
	}{
		{"OpenAI", OpenAIShape,
			`{"error":{"message":"no such path: \"/v1/<files>\"","type":"unmetered_endpoint","param":null,"code":"unmetered_endpoint"}}`,
			`{"error":{"message":"both pools are empty","type":"insufficient_quota","param":null,"code":"insufficient_quota",` + numbers + `}}`},
		{"Anthropic", AnthropicShape,
			`{"type":"error","error":{"type":"not_found_error","message":"no such path: \"/v1/<files>\"","code":"unmetered_endpoint"}}`,
			`{"type":"error","error":{"type":"billing_error","message":"both pools are empty","code":"insufficient_quota",` + numbers + `}}`},
		{"Gemini", GeminiShape,
			`{"error":{"code":404,"message":"no such path: \"/v1/<files>\"","status":"NOT_FOUND","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"unmetered_endpoint","domain":"tollgate"}]}}`,
			`{"error":{"code":402,"message":"both pools are empty","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"insufficient_quota","domain":"tollgate","metadata":{"extra":"0","reset_at":"2026-12-01T00:00:00Z","total":"10","used":"10"}}]}}`},
		{"Bedrock", BedrockShape,
			`{"message":"no such path: \"/v1/<files>\"","reason":"unmetered_endpoint"}`,
			`{"message":"both pools are empty","reason":"insufficient_quota",` + numbers + `}`},
		{"Cohere", CohereShape,
			`{"message":"no such path: \"/v1/<files>\"","code":"unmetered_endpoint"}`,
			`{"message":"both pools are empty","code":"insufficient_quota",` + numbers + `}`},
		{"Ollama", OllamaShape,
			`{"error":"no such path: \"/v1/<files>\"","code":"unmetered_endpoint"}`,
			`{"error":"both pools are empty","code":"insufficient_quota",` + numbers + `}`},
		{"Mistral", MistralShape,
			`{"object":"error","message":"no such path: \"/v1/<files>\"","type":"unmetered_endpoint","param":null,"code":"unmetered_endpoint"}`,
			`{"object":"error","message":"both pools are empty","type":"insufficient_quota","param":null,"code":"insufficient_quota",` + numbers + `}`},
		{"watsonx", WatsonxShape,
			`{"errors":[{"code":"unmetered_endpoint","message":"no such path: \"/v1/<files>\""}],"status_code":404}`,
			`{"errors":[{"code":"insufficient_quota","message":"both pools are empty",` + numbers + `}],"status_code":402}`},
		{"Voyage", VoyageShape,
			`{"detail":"no such path: \"/v1/<files>\"","code":"unmetered_endpoint"}`,
			`{"detail":"both pools are empty","code":"insufficient_quota",` + numbers + `}`},
	}
	for _, test := range tests {
		for refusal, want := range map[*Refusal]string{&noSuchPath: test.path, &bothEmpty: test.empty} {
			got, _ := test.shape(*refusal)
			if string(got) != want {
				t.Errorf("%s:\n got %s\nwant %s", test.name, got, want)
			}
			if !json.Valid(got) {
				t.Errorf("%s: not JSON: %s", test.name, got)
			}
		}
	}
}

// TestRefusalNames compares what clients branch on for every code that the gateway refuses with. insufficient_quota
// may be told to say 429.
func TestRefusalNames(t *testing.T) {
	tests := []struct {
		status int
		code   string
		want   names
	}{
		{401, "invalid_api_key", names{"authentication_error", "UNAUTHENTICATED", "UnrecognizedClientException"}},
		{402, "insufficient_quota", names{"billing_error", "RESOURCE_EXHAUSTED", "ServiceQuotaExceededException"}},
		{429, "insufficient_quota", names{"rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"}},
		{429, "tokens_held", names{"rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"}},
		{429, "rate_limit_exceeded", names{"rate_limit_error", "RESOURCE_EXHAUSTED", "ThrottlingException"}},
		{404, "unmetered_endpoint", names{"not_found_error", "NOT_FOUND", "ResourceNotFoundException"}},
		{403, "not_allowed", names{"permission_error", "PERMISSION_DENIED", "AccessDeniedException"}},
		{403, "account_suspended", names{"permission_error", "PERMISSION_DENIED", "AccessDeniedException"}},
		{400, "invalid_request", names{"invalid_request_error", "INVALID_ARGUMENT", "ValidationException"}},
		{415, "unsupported_encoding", names{"invalid_request_error", "INVALID_ARGUMENT", "ValidationException"}},
		{413, "request_too_large", names{"request_too_large", "INVALID_ARGUMENT", "ValidationException"}},
		{502, "provider_unavailable", names{"api_error", "UNAVAILABLE", "ServiceUnavailableException"}},
		{503, "provider_unavailable", names{"overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"}},
		{504, "provider_unavailable", names{"timeout_error", "DEADLINE_EXCEEDED", "ServiceUnavailableException"}},
		{503, "accounting_unavailable", names{"overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"}},
		{503, "overloaded", names{"overloaded_error", "UNAVAILABLE", "ServiceUnavailableException"}},
		{500, "unheard_of", names{"api_error", "INTERNAL", "InternalServerException"}},
	}
	for _, test := range tests {
		r := Refusal{Status: test.status, Code: test.code, Message: "why"}
		anthropic, _ := AnthropicShape(r)
		gemini, _ := GeminiShape(r)
		_, header := BedrockShape(r)
		got := names{
			gjson.GetBytes(anthropic, "error.type").String(),
			gjson.GetBytes(gemini, "error.status").String(),
			header["x-amzn-ErrorType"],
		}
		if d := cmp.Diff(test.want, got, cmp.AllowUnexported(names{})); d != "" {
			t.Errorf("%d %s: (-want +got)\n%s", test.status, test.code, d)
		}
		if reason := gjson.GetBytes(gemini, "error.details.0.reason").String(); reason != test.code {
			t.Errorf("%d %s: Gemini's reason is %q", test.status, test.code, reason)
		}
	}
}
