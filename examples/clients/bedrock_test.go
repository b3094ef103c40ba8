package clients

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

var bedrockGoConverse = goClient{
	own: ownAWS,
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		reply, err := Bedrock(origin, key, trusting).Converse(ctx, &bedrockruntime.ConverseInput{
			ModelId: aws.String(claude), System: bedrockSystem(), Messages: bedrockMessages(text), InferenceConfig: bedrockLimit(),
		})
		if err != nil {
			return nil, err
		}
		reply.ResultMetadata = middleware.Metadata{} // header and times
		return reply, nil
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		reply, err := Bedrock(origin, key, trusting).ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{
			ModelId: aws.String(claude), System: bedrockSystem(), Messages: bedrockMessages(text), InferenceConfig: bedrockLimit(),
		})
		if err != nil {
			return nil, err
		}
		s := reply.GetStream()
		defer s.Close()
		return received(s.Events()), s.Err()
	},
}

var bedrockGoInvoke = goClient{
	own: ownAWS,
	plain: func(ctx context.Context, origin, key, text string) (any, error) {
		return invoke(ctx, Bedrock(origin, key, trusting), claude, claudeBody(text))
	},
	stream: func(ctx context.Context, origin, key, text string) (any, error) {
		reply, err := Bedrock(origin, key, trusting).InvokeModelWithResponseStream(ctx, &bedrockruntime.InvokeModelWithResponseStreamInput{
			ModelId: aws.String(claude), Body: claudeBody(text),
		})
		if err != nil {
			return nil, err
		}
		s := reply.GetStream()
		defer s.Close()
		return received(s.Events()), s.Err()
	},
	embeddings: func(ctx context.Context, origin, key, text string) (any, error) {
		return invoke(ctx, Bedrock(origin, key, trusting), "amazon.titan-embed-text-v2:0", object{"inputText": text}.json())
	},
}

func ownAWS(err error) (string, bool) {
	e, ok := errors.AsType[smithy.APIError](err)
	return err.Error(), ok && e.ErrorCode() == "ServiceQuotaExceededException"
}

const claude = "anthropic.claude-3-5-sonnet-20240620-v1:0"

func bedrockSystem() []types.SystemContentBlock {
	return []types.SystemContentBlock{&types.SystemContentBlockMemberText{Value: system}}
}

func bedrockMessages(text string) []types.Message {
	return []types.Message{{
		Role:    types.ConversationRoleUser,
		Content: []types.ContentBlock{&types.ContentBlockMemberText{Value: text}},
	}}
}

func bedrockLimit() *types.InferenceConfiguration {
	return &types.InferenceConfiguration{MaxTokens: aws.Int32(64)}
}

type object map[string]any

func (o object) json() []byte {
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

func claudeBody(text string) []byte {
	return object{
		"anthropic_version": "bedrock-2023-05-31", "max_tokens": 64,
		"messages": []object{{"role": "user", "content": text}},
	}.json()
}

func invoke(ctx context.Context, client *bedrockruntime.Client, model string, body []byte) (any, error) {
	reply, err := client.InvokeModel(ctx, &bedrockruntime.InvokeModelInput{
		ModelId: aws.String(model), Body: body, ContentType: aws.String("application/json"),
	})
	if err != nil {
		return nil, err
	}
	return object{"contentType": reply.ContentType, "said": string(reply.Body)}, nil
}

// received is every event of a stream under the name of its type.
func received[T any](events <-chan T) (all []object) {
	for e := range events {
		all = append(all, object{fmt.Sprintf("%T", e): e})
	}
	return all
}
