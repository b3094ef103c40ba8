package clients

import (
	"context"
	"errors"

	anthropic "github.com/anthropics/anthropic-sdk-go"
)

var anthropicGo = goClient{
	own: func(err error) (string, bool) {
		_, ok := errors.AsType[*anthropic.Error](err)
		return err.Error(), ok
	},
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		client := Anthropic(origin, key)
		return client.Messages.New(ctx, anthropicMessage(text))
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		client := Anthropic(origin, key)
		return collect(client.Messages.NewStreaming(ctx, anthropicMessage(text)))
	},
}

func anthropicMessage(text string) anthropic.MessageNewParams {
	return anthropic.MessageNewParams{
		Model:     "claude-sonnet-5-5",
		MaxTokens: 64,
		System:    []anthropic.TextBlockParam{{Text: system}},
		Messages:  []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(text))},
	}
}
