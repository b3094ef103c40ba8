// Package clients shows how each Go SDK is pointed at a Tollgate: its origin is the only thing that changes, and the key
// is the gateway's (tg_…) where the provider's stood.
//
// The origin of each is https://api.openai.com, say, without the gateway and http://gateway/openai with it. Nothing else
// is set here: retries, timeouts and compression stay as the SDKs have them.
package clients

import (
	openai "github.com/openai/openai-go/v3"
	openaioption "github.com/openai/openai-go/v3/option"
	goopenai "github.com/sashabaranov/go-openai"
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
