package proxytest

import (
	"encoding/json"
	"strings"
)

// request is what the provider reads of a body, whichever API it belongs to.
type request struct {
	Model         string          `json:"model"`
	Messages      json.RawMessage `json:"messages"`
	Prompt        json.RawMessage `json:"prompt"`
	Input         json.RawMessage `json:"input"`
	Instructions  json.RawMessage `json:"instructions"`
	Stream        bool            `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	N                   int64  `json:"n"`
	MaxTokens           int64  `json:"max_tokens"`
	MaxCompletionTokens int64  `json:"max_completion_tokens"`
	MaxOutputTokens     int64  `json:"max_output_tokens"`
	EncodingFormat      string `json:"encoding_format"`
	Dimensions          int    `json:"dimensions"`
	OutputDimension     int    `json:"output_dimension"`
	Proxytest           Script `json:"proxytest"`

	path    string
	alt     string // Google's query parameter: the framing of a stream
	body    []byte
	form    map[string]string // of a multipart body
	id      string
	created int64
	// words are the answer's, each with the blank before it; all choices say the same.
	words []string
	usage usage
	// cut says that the request's own limit ended the answer.
	cut bool
}

// finish fills in what the answer will say and report.
func (p *Provider) finish(q *request) *request {
	s := q.Proxytest
	q.N = max(1, q.N)
	texts := prompts(q)
	text := s.Text
	if text == "" {
		last := ""
		if len(texts) > 0 {
			last = texts[len(texts)-1]
		}
		text = p.options.Persona(last)
	}
	q.words = cycle(split(text), s.Chunks)
	limit := max(q.MaxTokens, q.MaxCompletionTokens, q.MaxOutputTokens)
	q.usage = usage{input: s.Input, output: s.Output, cached: s.Cached, cacheWrite: s.CacheWrite, reasoning: s.Reasoning}
	if q.usage.input == 0 {
		q.usage.input = max(1, count(texts)) + s.Cached + s.CacheWrite
	}
	if q.usage.output == 0 {
		q.usage.output = int64(len(q.words))*q.N + s.Reasoning
	}
	if limit > 0 && !s.IgnoreLimit && q.usage.output > limit*q.N {
		q.cut = true
		q.usage.output = limit * q.N
		q.usage.reasoning = min(q.usage.reasoning, q.usage.output)
		q.words = q.words[:min(int64(len(q.words)), limit)]
	}
	return q
}

// prompts are all texts that a request brings, in its order.
func prompts(q *request) []string {
	var texts []string
	for _, raw := range []json.RawMessage{q.Instructions, q.Messages, q.Prompt, q.Input} {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			texts = collect(texts, v)
		}
	}
	return texts
}

// collect walks a value: strings, the contents and parts of messages, the texts of parts; a token id is a word.
func collect(texts []string, v any) []string {
	switch v := v.(type) {
	case string:
		return append(texts, v)
	case float64:
		return append(texts, "token")
	case []any:
		for _, e := range v {
			texts = collect(texts, e)
		}
	case map[string]any:
		texts = collect(texts, v["content"])
		texts = collect(texts, v["text"])
		texts = collect(texts, v["parts"])
	}
	return texts
}

func count(texts []string) (words int64) {
	for _, t := range texts {
		words += int64(len(strings.Fields(t)))
	}
	return words
}

// split cuts a text before each word, so that the pieces together are the text with single blanks.
func split(text string) []string {
	words := strings.Fields(text)
	for i := 1; i < len(words); i++ {
		words[i] = " " + words[i]
	}
	return words
}

// cycle repeats or cuts words to n; n 0 leaves them.
func cycle(words []string, n int) []string {
	if n == 0 || len(words) == 0 {
		return words
	}
	all := make([]string, n)
	for i := range all {
		if all[i] = words[i%len(words)]; i > 0 && i%len(words) == 0 {
			all[i] = " " + all[i]
		}
	}
	return all
}
