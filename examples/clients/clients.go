// Package clients shows how each Go SDK is pointed at a Tollgate: its origin is the only thing that changes, and the key
// is the gateway's (tg_…) where the provider's stood.
//
// The origin of each is https://api.openai.com, say, without the gateway and http://gateway/openai with it. Nothing else
// is set here: retries, timeouts and compression stay as the SDKs have them.
package clients

import (
	"context"

	anthropic "github.com/anthropics/anthropic-sdk-go"
	anthropicoption "github.com/anthropics/anthropic-sdk-go/option"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/smithy-go/auth/bearer"
	openai "github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	goopenai "github.com/sashabaranov/go-openai"
	"google.golang.org/genai"
)

// OpenAI is github.com/openai/openai-go/v3.
func OpenAI(origin, key string) openai.Client {
	return openai.NewClient(openaioption.WithBaseURL(origin+"/v1"), openaioption.WithAPIKey(key))
}

// GoOpenAI is github.com/sashabaranov/go-openai.
func GoOpenAI(origin, key string) *goopenai.Client {
	config := goopenai.DefaultConfig(key)
	config.BaseURL = origin + "/v1"
	return goopenai.NewClientWithConfig(config)
}

// Anthropic is github.com/anthropics/anthropic-sdk-go.
func Anthropic(origin, key string) anthropic.Client {
	return anthropic.NewClient(anthropicoption.WithBaseURL(origin), anthropicoption.WithAPIKey(key))
}

// Gemini is google.golang.org/genai.
func Gemini(ctx context.Context, origin, key string) (*genai.Client, error) {
	return genai.NewClient(ctx, &genai.ClientConfig{
		Backend:     genai.BackendGeminiAPI,
		HTTPOptions: genai.HTTPOptions{BaseURL: origin},
		APIKey:      key,
	})
}

// Bedrock is github.com/aws/aws-sdk-go-v2/service/bedrockruntime, with a key shown as bearer in place of a signature.
// The origin must be https: this SDK shows no key without TLS.
func Bedrock(origin, key string, more ...func(*bedrockruntime.Options)) *bedrockruntime.Client {
	return bedrockruntime.New(bedrockruntime.Options{
		BaseEndpoint:            aws.String(origin),
		BearerAuthTokenProvider: bearer.StaticTokenProvider{Token: bearer.Token{Value: key}},
		AuthSchemePreference:    []string{"httpBearerAuth"},
		Region:                  "us-east-1",
	}, more...)
}
