package dialect

import (
	"cmp"
	"strings"
)

// Bedrock's runtime API. What stands here was seen in recorded exchanges, or is in the API's reference
// (https://docs.aws.amazon.com/bedrock/latest/APIReference, 2026-11). The path names the model.
var (
	// Converse is POST /model/{model}/converse, ConverseStream POST /model/{model}/converse-stream.
	Converse       = converse(never)
	ConverseStream = converse(always)
	// Invoke is POST /model/{model}/invoke, InvokeStream POST /model/{model}/invoke-with-response-stream.
	Invoke       = invoke(never)
	InvokeStream = invoke(always)
)

func converse(s streams) *API {
	return &API{Name: "converse", Operation: "chat", MinOutput: 1, format: format{
		request:   converseRequest,
		limits:    []limit{{reqMaxTokens, "maxTokens"}},
		limitsIn:  "inferenceConfig",
		added:     toolPrompt,
		enlarging: []string{":prompt/"},
		streams:   s,
		answer:    converseAnswer,
		event:     converseEvent,
		newReader: newConverseReader,
	}}
}

// converseRequest lists what costs no more than its bytes: text, and what a tool was called with and answered.
var converseRequest = (&node{id: reqBody}).
	once("").
	close("", "additionalModelResponseFieldPaths", "performanceConfig", "requestMetadata", "serviceTier").
	read(reqConfig, "inferenceConfig").read(reqMaxTokens, "inferenceConfig.maxTokens").
	once("inferenceConfig").
	close("inferenceConfig", "stopSequences", "temperature", "topP").
	read(reqContent, "system").
	close("system").
	close("system.*", "text", "cachePoint").
	read(reqContent, "messages").
	close("messages").
	close("messages.*", "role").
	contentBlocks("messages.*.content", "toolUse").
	close("messages.*.content.*.toolResult", "toolUseId", "status").
	contentBlocks("messages.*.content.*.toolResult.content", "json").
	read(reqAdding, "toolConfig").read(reqAdding, "outputConfig").
	close("toolConfig", "toolChoice").
	close("toolConfig.tools").
	close("toolConfig.tools.*", "toolSpec", "cachePoint")

// blocks reads a list of content blocks: text and more are bounded; what stands beside them in base64 is no text.
func (n *node) contentBlocks(path, more string) *node {
	n.close(path).close(path+".*", "text", "cachePoint", more)
	for _, kind := range []string{"image", "document", "video", "audio"} {
		block := path + ".*." + kind
		n.close(block).close(block+".source").count(reqBinary, block+".source.bytes")
	}
	return n
}

// The places that are read of Bedrock's answers besides those that all have.
const (
	ansEnd     = 300 + iota // a frame that ends the response
	ansLast                 // … after which nothing of it comes
	ansBytes                // a JSON value in base64
	ansMetrics              // what Bedrock counted of a model's own answer
	ansFirst                // the usage with which a stream begins: its output is no count
	ansRead                 // a count of tokens alone: read
	ansWritten              // … generated
	ansResult               // … generated for one of several results
	ansPicture              // a generated image
)

// converseAnswer serves plain answers, converseEvent the frames of streams, by their event's type.
var (
	converseAnswer = (&node{}).read(ansUsage, "usage").read(ansFinish, "stopReason").
			count(ansText, textBlocks("output.message.content.*.")...)
	converseEvent = (&node{}).converseStream()
)

func (n *node) converseStream() *node {
	return n.read(ansEnd, "messageStop").read(ansFinish, "messageStop.stopReason").
		read(ansLast, "metadata").read(ansUsage, "metadata.usage").
		count(ansText, "contentBlockStart.start.toolUse.name", "contentBlockDelta.delta.text",
			"contentBlockDelta.delta.toolUse.input", "contentBlockDelta.delta.reasoningContent.text")
}

// textBlocks are the places of generated text in content blocks.
func textBlocks(in string) []string {
	return []string{in + "text", in + "reasoningContent.reasoningText.text", in + "toolUse.name", in + "toolUse.input"}
}

// bedrockCounts are how Converse, Nova, Anthropic's models and Bedrock itself call the same counts. None of them is inside
// another.
var bedrockCounts = counts{
	input:   []string{"inputTokens", "inputTokenCount", "input_tokens"},
	output:  []string{"outputTokens", "outputTokenCount", "output_tokens"},
	cached:  []string{"cacheReadInputTokens", "cacheReadInputTokenCount", "cache_read_input_tokens"},
	written: []string{"cacheWriteInputTokens", "cacheWriteInputTokenCount", "cache_creation_input_tokens"},
}

// toldCounts is what was told of counts that stand beside each other; negative: nothing. Reasoning alone is inside the output.
type toldCounts struct{ input, cached, written, output, reasoning int64 }

var untold = toldCounts{-1, -1, -1, -1, -1}

// merge takes over what a usage object's text tells.
func (t *toldCounts) merge(raw string) {
	for _, class := range []struct {
		count *int64
		paths []string
	}{
		{&t.input, bedrockCounts.input}, {&t.cached, bedrockCounts.cached},
		{&t.written, bedrockCounts.written}, {&t.output, bedrockCounts.output},
	} {
		if n, ok := tokens(first(raw, class.paths)); ok {
			*class.count = n
		}
	}
}

func (t toldCounts) usage() Usage {
	u := Usage{
		InputKnown: t.input >= 0, CachedInput: max(t.cached, 0), CacheWriteInput: max(t.written, 0),
		OutputKnown: t.output >= 0, Output: max(t.output, 0),
	}
	u.Input = max(t.input, 0) + u.CachedInput + u.CacheWriteInput
	u.ReasoningOutput = min(max(t.reasoning, 0), u.Output)
	return u
}

// converseReader reads Converse's answers and the frames of its streams. What one says counts once it is complete.
type converseReader struct {
	*answer
	unit   unit
	told   Usage
	reason string
	text   bool
}

func newConverseReader(a *answer, r Response) reader {
	failAs(a, r)
	return &converseReader{answer: a}
}

// failAs notes what Bedrock calls an error that it answers with: its type stands in a header, before a colon.
func failAs(a *answer, r Response) {
	if r.Status >= 400 {
		a.fail(cmp.Or(plainLabel(upTo(header(r, "X-Amzn-Errortype"), ":")), "error"))
	}
}

func header(r Response, name string) string {
	if r.Header == nil {
		return ""
	}
	return r.Header(name)
}

func upTo(s, sep string) string {
	before, _, _ := strings.Cut(s, sep)
	return before
}

func (c *converseReader) begin() { *c = converseReader{answer: c.answer} }

func (c *converseReader) see(v *value) {
	switch v.node.id {
	case ansUsage:
		t := untold
		t.merge(string(v.raw))
		if u := t.usage(); u.Known() || !c.told.Known() {
			c.told = u
		}
	case ansFinish:
		c.reason = label(v.raw)
	case ansText:
		if c.hear(v) {
			c.text = true
		}
	case ansEnd:
		c.unit.ends = true
	case ansLast:
		c.unit.ends, c.unit.final = true, true
	}
}

// end: behind a frame with usage none is read.
func (c *converseReader) end() unit {
	u := c.unit
	c.usage = c.told
	u.usage = c.usage.Known()
	c.finished(c.reason)
	if c.text {
		c.events++
	}
	c.begin()
	return u
}
