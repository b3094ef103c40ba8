package clients

import (
	"context"
	"encoding/json"
	"errors"
	"io"

	openai "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/responses"
	goopenai "github.com/sashabaranov/go-openai"
)

const system = "You answer in one sentence."

var openaiGo = goClient{
	own: ownOpenAI,
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		client := OpenAI(origin, key)
		return client.Chat.Completions.New(ctx, openaiChat(text))
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		client := OpenAI(origin, key)
		return collect(client.Chat.Completions.NewStreaming(ctx, openaiChat(text)))
	},
	embeddings: func(ctx context.Context, origin, key, text string) (any, error) {
		client := OpenAI(origin, key)
		return client.Embeddings.New(ctx, openai.EmbeddingNewParams{
			Model: openai.EmbeddingModelTextEmbedding3Small,
			Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{text, system}},
		})
	},
}

var openaiGoResponses = goClient{
	own: ownOpenAI,
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		client := OpenAI(origin, key)
		return client.Responses.New(ctx, openaiResponse(text))
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		client := OpenAI(origin, key)
		return collect(client.Responses.NewStreaming(ctx, openaiResponse(text)))
	},
}

var goOpenAI = goClient{
	own: func(err error) (string, bool) {
		_, ok := errors.AsType[*goopenai.APIError](err)
		return err.Error(), ok
	},
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		reply, err := GoOpenAI(origin, key).CreateChatCompletion(ctx, goOpenAIChat(text))
		reply.SetHeader(nil) // the gateway adds fields to it
		return reply, err
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		s, err := GoOpenAI(origin, key).CreateChatCompletionStream(ctx, goOpenAIChat(text))
		if err != nil {
			return nil, err
		}
		defer s.Close()
		var all []goopenai.ChatCompletionStreamResponse
		for {
			chunk, err := s.Recv()
			if errors.Is(err, io.EOF) {
				return all, nil
			}
			if err != nil {
				return nil, err
			}
			all = append(all, chunk)
		}
	},
	embeddings: func(ctx context.Context, origin, key, text string) (any, error) {
		reply, err := GoOpenAI(origin, key).CreateEmbeddings(ctx, goopenai.EmbeddingRequestStrings{
			Model: goopenai.SmallEmbedding3, Input: []string{text, system},
		})
		reply.SetHeader(nil)
		return reply, err
	},
}

// ownOpenAI reads the member: what the error prints is the status alone, so that no log shows what a provider says.
func ownOpenAI(err error) (string, bool) {
	e, ok := errors.AsType[*openai.Error](err)
	if !ok {
		return err.Error(), false
	}
	return e.Message, true
}

func openaiChat(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:               "gpt-4.1-mini",
		MaxCompletionTokens: openai.Int(64),
		Messages:            []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system), openai.UserMessage(text)},
	}
}

func openaiResponse(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{
		Model:        "gpt-4.1-mini",
		Instructions: openai.String(system),
		Input:        responses.ResponseNewParamsInputUnion{OfString: openai.String(text)},
	}
}

func goOpenAIChat(text string) goopenai.ChatCompletionRequest {
	return goopenai.ChatCompletionRequest{
		Model:               "gpt-4.1-mini",
		MaxCompletionTokens: 64,
		Messages: []goopenai.ChatCompletionMessage{
			{Role: goopenai.ChatMessageRoleSystem, Content: system},
			{Role: goopenai.ChatMessageRoleUser, Content: text},
		},
	}
}

// events is a stream of the SDKs that are generated from OpenAI's and Anthropic's descriptions.
type events[T interface{ RawJSON() string }] interface {
	Next() bool
	Current() T
	Err() error
	Close() error
}

// collect is every event of a stream, as it came.
func collect[T interface{ RawJSON() string }](s events[T]) (all []json.RawMessage, err error) {
	defer s.Close()
	for s.Next() {
		all = append(all, json.RawMessage(s.Current().RawJSON()))
	}
	return all, s.Err()
}
