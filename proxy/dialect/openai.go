package dialect

import (
	"cmp"

	"github.com/tidwall/gjson"
)

// OpenAI's API, as it and the many servers that follow it speak it. What stands here was seen in recorded exchanges.
var (
	// Chat is POST /v1/chat/completions, ChatOfMaxTokens the same of servers that know no limit but max_tokens.
	Chat            = chat(limit{reqMaxCompletionTokens, "max_completion_tokens"}, limit{reqMaxTokens, "max_tokens"})
	ChatOfMaxTokens = chat(limit{reqMaxTokens, "max_tokens"}, limit{reqMaxCompletionTokens, "max_completion_tokens"})
	// Completions is POST /v1/completions, CompletionsOfVLLM the same of a server whose streams say "usage":null unasked,
	// CompletionsOfOllama of one at which a limit of 0 is none; elsewhere it asks for an echo.
	Completions         = completions(format{})
	CompletionsOfVLLM   = completions(format{nativeNull: true})
	CompletionsOfOllama = completions(format{zeroIsNone: true})
	// Responses is POST /v1/responses.
	Responses = &API{Name: "responses", Operation: "chat", MinOutput: 16, format: format{
		request:    responsesRequest,
		limits:     []limit{{reqMaxOutputTokens, "max_output_tokens"}},
		enlarging:  searching,
		zeroIsNone: true, // at Ollama; OpenAI refuses it
		answer:     responsesAnswer,
		event:      responsesEvent,
		newReader:  newResponsesReader,
	}}
	// Compact is POST /v1/responses/compact. It has no member that bounds its output.
	Compact = &API{Name: "responses.compact", Operation: "chat", Limitless: true, format: format{
		request:   compactRequest,
		unbounded: "responses/compact: no limit of output",
		answer:    responsesAnswer,
		event:     responsesEvent,
		newReader: newResponsesReader,
	}}
	// Embeddings is POST /v1/embeddings.
	Embeddings = &API{Name: "embeddings", Operation: "embeddings", format: format{
		request:   embeddingsRequest,
		noOutput:  true,
		answer:    chatMessage,
		event:     chatMessage,
		newReader: newChatReader,
	}}
)

// searching are parts of the names of models that search the web: OpenRouter's, OpenAI's, Groq's, Perplexity's.
var searching = []string{":online", "-search", "deep-research", "compound", "sonar"}

func chat(limits ...limit) *API {
	return &API{Name: "chat.completions", Operation: "chat", CanAskUsage: true, MinOutput: 1, format: format{
		request:    chatRequest,
		limits:     limits,
		firstBinds: limits[0].id == reqMaxTokens,
		zeroIsNone: true, // at Ollama; OpenAI refuses it
		enlarging:  searching,
		answer:     chatMessage,
		event:      chatMessage,
		newReader:  newChatReader,
	}}
}

func completions(f format) *API {
	f.request = completionsRequest
	f.limits = []limit{{reqMaxTokens, "max_tokens"}}
	f.answer, f.event, f.newReader = chatMessage, chatMessage, newChatReader
	return &API{Name: "completions", Operation: "text_completion", CanAskUsage: true, MinOutput: 1, format: f}
}

// The places that are read of answers.
const (
	ansUsage = iota + 1
	ansModel
	ansID
	ansError
	ansChoices
	ansChoice
	ansIndex
	ansFinish
	ansText
	ansType
	ansStatus
	ansReason
	ansCode
	ansGroqUsage // usage where Groq has it beside, or in place of, the common one
)

// chatMessage serves the answers of chat, completions and embeddings and the chunks of their streams.
var chatMessage = (&node{}).
	read(ansID, "id").read(ansModel, "model").read(ansUsage, "usage").read(ansGroqUsage, "x_groq.usage").read(ansError, "error").
	read(ansChoices, "choices").read(ansChoice, "choices.*").
	read(ansIndex, "choices.*.index").read(ansFinish, "choices.*.finish_reason").
	count(ansText, "choices.*.text").
	count(ansText, spoken("choices.*.delta.")...).
	count(ansText, spoken("choices.*.message.")...)

// spoken are the members of a message in which generated text stands.
func spoken(in string) []string {
	return []string{
		in + "content", in + "refusal", in + "reasoning", in + "reasoning_content",
		in + "tool_calls.*.function.name", in + "tool_calls.*.function.arguments", in + "tool_calls.*.custom.input",
		in + "function_call.name", in + "function_call.arguments",
	}
}

// openAICounts also read what servers that follow OpenAI's format make of it: xAI and Gemini leave reasoning out of the
// output but not out of the total, Mistral leaves audio out of the input, Voyage tells the total alone.
var openAICounts = counts{
	input:    []string{"prompt_tokens", "input_tokens"},
	output:   []string{"completion_tokens", "output_tokens"},
	total:    []string{"total_tokens"},
	audio:    []string{"prompt_tokens_details.audio_tokens", "audio_tokens"},
	duration: []string{"prompt_audio_seconds"},
	cached: []string{
		"prompt_tokens_details.cached_tokens", "prompt_token_details.cached_tokens", "input_tokens_details.cached_tokens",
		"prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens",
	},
	written: []string{
		"prompt_tokens_details.cache_write_tokens", "input_tokens_details.cache_write_tokens",
		"prompt_tokens_details.cache_creation_input_tokens", "input_tokens_details.cache_creation_input_tokens",
		"prompt_tokens_details.cache_creation_tokens", "cache_creation_input_tokens",
	},
	reasoning: []string{
		"completion_tokens_details.reasoning_tokens", "completion_token_details.reasoning_tokens",
		"output_tokens_details.reasoning_tokens", "reasoning_tokens",
	},
}

// chatReader reads chat completions, completions and embeddings.
type chatReader struct {
	*answer
	choices choices
	chunk   chunk
}

// chunk is the message that is being read.
type chunk struct {
	unit
	failed bool
}

func newChatReader(a *answer, r Response) reader {
	return &chatReader{answer: a, choices: choicesOf(r)}
}

func (c *chatReader) begin() {
	c.choices.begin()
	c.chunk = chunk{}
}

func (c *chatReader) see(v *value) {
	switch v.node.id {
	case ansID:
		setText(&c.id, v)
	case ansModel:
		setText(&c.model, v)
	case ansUsage:
		if v.null() {
			c.chunk.null = span{int(v.key), int(v.end)}
		}
		c.seeUsage(v)
	case ansGroqUsage:
		c.seeUsage(v)
	case ansError:
		if !v.null() {
			c.chunk.failed = true
			c.fail(errorType(v))
		}
	case ansText:
		if c.hear(v) {
			c.chunk.unit.text = true
		}
	case ansIndex:
		c.choices.index(v)
	case ansFinish:
		if v.kind == '"' && v.size > 2 { // some servers send "" for null
			c.choices.finishes = true
			c.answer.finished(label(v.raw))
		}
	case ansChoice:
		c.choices.endChoice()
	}
}

func (c *chatReader) seeUsage(v *value) {
	if v.null() {
		return
	}
	if u := openAICounts.read(string(v.raw)); u.Known() {
		c.usage = u
		c.chunk.usage = true
	}
}

// end: a response ends with the chunk that finishes its last choice, or with an error. A chunk without choices that
// carries usage is what asking adds; the choices may be null or absent there (vLLM's backends).
func (c *chatReader) end() unit {
	u := c.chunk.unit
	u.ends = c.choices.ended()
	if c.chunk.failed {
		u.ends, u.final = true, true
	}
	u.asked = u.usage && c.choices.n == 0 && !c.chunk.failed
	if u.text {
		c.events++
	}
	c.begin()
	return u
}

// errorType is what an error is called: its type, else its code.
func errorType(v *value) string {
	for _, path := range []string{"type", "code"} {
		if kind := label([]byte(gjson.GetBytes(v.raw, path).Raw)); kind != "" {
			return kind
		}
	}
	return "error"
}

// responsesAnswer serves the answers of responses and responses/compact, responsesEvent the events of streams.
var (
	responsesAnswer = responsesObject("").count(ansText,
		"output.*.content.*.text", "output.*.content.*.refusal", "output.*.summary.*.text",
		"output.*.name", "output.*.arguments", "output.*.input")
	responsesEvent = responsesObject("response.").
			read(ansType, "type").read(ansError, "error").read(ansCode, "code").count(ansText, "delta")
)

func responsesObject(in string) *node {
	return (&node{}).
		read(ansID, in+"id").read(ansModel, in+"model").read(ansUsage, in+"usage").read(ansError, in+"error").
		read(ansStatus, in+"status").read(ansReason, in+"incomplete_details.reason")
}

// responsesReader reads responses and compactions.
type responsesReader struct {
	*answer
	// of the message that is being read
	unit           unit
	kind           string // the event's type, where it ends the response
	status, reason string
	code           string
	failed, text   bool
}

func newResponsesReader(a *answer, _ Response) reader { return &responsesReader{answer: a} }

func (r *responsesReader) begin() { *r = responsesReader{answer: r.answer} }

func (r *responsesReader) see(v *value) {
	switch v.node.id {
	case ansID:
		setText(&r.id, v)
	case ansModel:
		setText(&r.model, v)
	case ansUsage:
		if u := openAICounts.read(string(v.raw)); u.Known() {
			r.usage, r.unit.usage = u, true
		}
	case ansError:
		if !v.null() {
			r.failed = true
			r.code = errorType(v)
		}
	case ansText:
		if r.hear(v) {
			r.text = true
		}
	case ansType:
		r.kind = endingType(v.raw)
	case ansStatus:
		setText(&r.status, v)
	case ansReason:
		setText(&r.reason, v)
	case ansCode:
		if r.code == "" {
			r.code = label(v.raw)
		}
	}
}

// endingType is the type of an event that ends the response; "": it doesn't.
func endingType(raw []byte) string {
	switch kind := inner(raw); string(kind) {
	case "response.completed", "response.incomplete", "response.failed", "response.done", "error":
		return string(kind)
	}
	return ""
}

// end: behind an error the response may still come, as failed, and tell its usage.
func (r *responsesReader) end() unit {
	u := r.unit
	u.ends = r.kind != "" || r.failed
	u.final = r.kind != "" && r.kind != "error"
	switch {
	case r.failed || r.kind == "error" || r.status == "failed":
		r.fail(cmp.Or(r.code, "error"))
	case r.status == "completed" || r.status == "incomplete":
		r.finished(cmp.Or(r.reason, r.status))
	}
	if r.text {
		r.events++
	}
	r.begin()
	return u
}
