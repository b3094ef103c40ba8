// Command chatbot-backend shows what a chatbot platform's backend does through a Tollgate, with nothing but an ordinary OpenAI
// client: it ingests documents, writes answers for training, and chats. Each request says in a header what it is for.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"

	"github.com/sashabaranov/go-openai"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	gateway := flag.String("gateway", "http://127.0.0.1:8080", "Tollgate's data plane")
	question := flag.String("ask", "How long is the warranty on frames?", "what the visitor asks")
	flag.Parse()
	b := backend{gateway: *gateway, key: os.Getenv("TOLLGATE_KEY"), out: os.Stdout}
	if err := b.run(ctx, *question); err != nil {
		fmt.Fprintln(os.Stderr, advice(err))
		os.Exit(1)
	}
}

// documents are what the chatbot shall know.
var documents = []string{
	"Warranty: five years on frames, two years on parts.",
	"Delivery takes three working days. Returns are free within 30 days.",
	"The workshop is open on weekdays from 8 to 18.",
}

// questions get an answer each, which an editor then approves.
var questions = []string{"How long is the warranty on frames?", "When is the workshop open?"}

// backend is one chatbot's.
type backend struct {
	gateway, key string
	out          io.Writer
}

func (b *backend) run(ctx context.Context, question string) error {
	index, err := b.ingest(ctx)
	if err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	for _, q := range questions {
		if err := b.train(ctx, index, q); err != nil {
			return fmt.Errorf("training: %w", err)
		}
	}
	if err := b.chat(ctx, index, question); err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	return nil
}

// ingest embeds the documents.
func (b *backend) ingest(ctx context.Context) (index, error) {
	client := b.client(labels{activity: "ingest", chatbot: "velo-support"})
	vectors, err := embed(ctx, client, documents)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(b.out, "ingest    %d documents\n", len(vectors))
	return newIndex(documents, vectors), nil
}

// train writes an answer to a question.
func (b *backend) train(ctx context.Context, i index, question string) error {
	client := b.client(labels{activity: "training", chatbot: "velo-support"})
	prompt, err := b.prompt(ctx, client, i, question)
	if err != nil {
		return err
	}
	answer, err := patiently(ctx, func() (openai.ChatCompletionResponse, error) { return client.CreateChatCompletion(ctx, prompt) })
	if err != nil {
		return err
	}
	if len(answer.Choices) == 0 {
		return errors.New("an answer without a choice")
	}
	fmt.Fprintf(b.out, "training  %s\n          %s\n", question, answer.Choices[0].Message.Content)
	return nil
}

// chat answers a visitor as the words come. The user is the visitor's pseudonym: usage can be seen by user, but not who that is.
func (b *backend) chat(ctx context.Context, i index, question string) error {
	client := b.client(labels{activity: "chat", chatbot: "velo-support", user: "visitor-7f3a"})
	prompt, err := b.prompt(ctx, client, i, question)
	if err != nil {
		return err
	}
	stream, err := patiently(ctx, func() (*openai.ChatCompletionStream, error) { return client.CreateChatCompletionStream(ctx, prompt) })
	if err != nil {
		return err
	}
	defer stream.Close()
	fmt.Fprintf(b.out, "chat      %s\n          ", question)
	for {
		chunk, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(b.out)
			return nil
		}
		if err != nil {
			return err
		}
		if len(chunk.Choices) > 0 {
			fmt.Fprint(b.out, chunk.Choices[0].Delta.Content)
		}
	}
}

// prompt is a question with the document that is nearest to it.
func (b *backend) prompt(ctx context.Context, client *openai.Client, i index, question string) (p openai.ChatCompletionRequest, err error) {
	vectors, err := embed(ctx, client, []string{question})
	if err != nil {
		return p, err
	}
	system := []string{"You are the support assistant of Velo Bicycles. Be brief and friendly. What you know:", i.nearest(vectors[0])}
	return openai.ChatCompletionRequest{
		Model: "gpt-4o-mini", MaxCompletionTokens: 200,
		Messages: []openai.ChatCompletionMessage{
			{Role: openai.ChatMessageRoleSystem, Content: strings.Join(system, "\n")},
			{Role: openai.ChatMessageRoleUser, Content: question},
		},
	}, nil
}
