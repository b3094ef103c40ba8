package clients

import (
	"context"
	"errors"

	"google.golang.org/genai"
)

var geminiGo = goClient{
	own: func(err error) (string, bool) {
		_, ok := errors.AsType[genai.APIError](err)
		return err.Error(), ok
	},
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		client, err := Gemini(ctx, origin, key)
		if err != nil {
			return nil, err
		}
		reply, err := client.Models.GenerateContent(ctx, geminiModel, genai.Text(text), geminiConfig())
		if err != nil {
			return nil, err
		}
		reply.SDKHTTPResponse = nil // the gateway adds fields to its header
		return reply, nil
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		client, err := Gemini(ctx, origin, key)
		if err != nil {
			return nil, err
		}
		var all []*genai.GenerateContentResponse
		for chunk, err := range client.Models.GenerateContentStream(ctx, geminiModel, genai.Text(text), geminiConfig()) {
			if err != nil {
				return nil, err
			}
			chunk.SDKHTTPResponse = nil
			all = append(all, chunk)
		}
		return all, nil
	},
	embeddings: func(ctx context.Context, origin, key, text string) (any, error) {
		client, err := Gemini(ctx, origin, key)
		if err != nil {
			return nil, err
		}
		contents := []*genai.Content{genai.NewContentFromText(text, genai.RoleUser), genai.NewContentFromText(system, genai.RoleUser)}
		reply, err := client.Models.EmbedContent(ctx, "gemini-embedding-2", contents, nil)
		if err != nil {
			return nil, err
		}
		reply.SDKHTTPResponse = nil
		return reply, nil
	},
}

const geminiModel = "gemini-2.5-flash"

func geminiConfig() *genai.GenerateContentConfig {
	return &genai.GenerateContentConfig{MaxOutputTokens: 64, SystemInstruction: genai.NewContentFromText(system, genai.RoleUser)}
}
