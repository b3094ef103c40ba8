package dialect

import "github.com/tidwall/gjson"

// toolPrompt is more than Anthropic puts before a prompt that comes with tools or with a form for its output: for tools
// up to 530 tokens by model (https://docs.anthropic.com/en/docs/agents-and-tools/tool-use/overview, 2026-11).
const toolPrompt = 1024

// Messages is Anthropic's POST /v1/messages, Vertex's rawPredict and streamRawPredict of Anthropic's models, and the same of
// the servers that follow it. What stands here was seen in recorded exchanges.
var Messages = &API{Name: "messages", Operation: "chat", MinOutput: 1, format: format{
	request:   messagesRequest,
	limits:    []limit{{reqMaxTokens, "max_tokens"}},
	added:     toolPrompt,
	answer:    messagesAnswer,
	event:     messagesEvent,
	newReader: newMessagesReader,
}}

// The places that are read of answers besides those that OpenAI's have.
const (
	ansWhole = 200 + iota // the answer's last byte
	ansStart              // the usage with which a stream begins
)

// messagesAnswer serves plain answers, messagesEvent the events of streams: there the message stands in the first one, and
// what it came to in the one that says why it ended.
var (
	messagesAnswer = (&node{id: ansWhole}).
			read(ansID, "id").read(ansModel, "model").read(ansUsage, "usage").read(ansError, "error").read(ansFinish, "stop_reason").
			count(ansText, "content.*.text", "content.*.thinking", "content.*.name", "content.*.input")
	messagesEvent = (&node{}).
			read(ansType, "type").read(ansError, "error").read(ansUsage, "usage").read(ansFinish, "delta.stop_reason").
			read(ansID, "message.id").read(ansModel, "message.model").read(ansStart, "message.usage").
			count(ansText, "delta.text", "delta.thinking", "delta.partial_json", "content_block.name")
)

// The counts of a usage object: none is inside another, but for thinking, which is inside the output.
const (
	fresh = iota
	cacheRead
	cacheWrite
	generated
	thought
)

var messagesCounts = [...]string{
	fresh: "input_tokens", cacheRead: "cache_read_input_tokens", cacheWrite: "cache_creation_input_tokens",
	generated: "output_tokens", thought: "output_tokens_details.thinking_tokens",
}

// messagesUsage is what usage objects said one after the other: of each count the last sound one.
type messagesUsage struct {
	counts [len(messagesCounts)]int64
	told   [len(messagesCounts)]bool
	// passes are the sums over the last iterations. The counts above leave compactions and other models' passes out
	// (docs/decisions/0004-anthropic-iterations.md).
	passes [len(messagesCounts)]int64
}

// merge adds a usage object's text and says whether that told the output.
func (m *messagesUsage) merge(raw string) bool {
	output := false
	for at, path := range messagesCounts {
		if n, ok := tokens(gjson.Get(raw, path)); ok {
			m.counts[at], m.told[at] = n, true
			output = output || at == generated
		}
	}
	if passes := gjson.Get(raw, "iterations"); passes.IsArray() {
		m.passes = [len(messagesCounts)]int64{}
		passes.ForEach(func(_, pass gjson.Result) bool {
			for at, path := range messagesCounts {
				n, _ := tokens(pass.Get(path))
				m.passes[at] = min(m.passes[at]+n, 1<<53)
			}
			return true
		})
	}
	return output
}

// usage is what they come to, with the output as the least that it can be.
func (m *messagesUsage) usage() Usage {
	var most [len(messagesCounts)]int64
	for at := range most {
		most[at] = max(m.counts[at], m.passes[at])
	}
	u := Usage{InputKnown: m.told[fresh], Output: most[generated]}
	if u.InputKnown {
		u.Input = max(inputOf(m.counts), inputOf(m.passes))
	}
	u.CachedInput = min(most[cacheRead], u.Input)
	u.CacheWriteInput = min(most[cacheWrite], u.Input-u.CachedInput)
	u.ReasoningOutput = min(most[thought], u.Output)
	return u
}

func inputOf(counts [len(messagesCounts)]int64) int64 {
	return counts[fresh] + counts[cacheRead] + counts[cacheWrite]
}

// messagesReader reads messages and the events of their streams.
type messagesReader struct {
	*answer
	sum    messagesUsage
	output bool // it was told, not only set to what a stream begins with
	// of the event, or the plain answer, that is being read
	unit unit
	text bool
}

func newMessagesReader(a *answer, _ Response) reader { return &messagesReader{answer: a} }

func (r *messagesReader) begin() { r.unit, r.text = unit{}, false }

func (r *messagesReader) see(v *value) {
	switch v.node.id {
	case ansID:
		setText(&r.id, v)
	case ansModel:
		setText(&r.model, v)
	case ansStart:
		r.sum.merge(string(v.raw))
		r.usage = r.sum.usage()
	case ansUsage:
		r.unit.usage = r.sum.merge(string(v.raw))
		r.output = r.output || r.unit.usage
		r.usage = r.sum.usage()
	case ansFinish:
		if v.kind == '"' && v.size > 2 {
			r.unit.ends = true
			r.finished(label(v.raw))
		}
	case ansText:
		if r.hear(v) {
			r.text = true
		}
	case ansError:
		if !v.null() {
			r.unit.ends, r.unit.final = true, true
			r.fail(errorType(v))
		}
	case ansType:
		if string(inner(v.raw)) == "message_stop" {
			r.unit.ends, r.unit.final = true, true
		}
	case ansWhole:
		r.unit.ends = true
	}
}

// end: what a stream generated is known once it says why it ended; an error in it leaves that unknown.
func (r *messagesReader) end() unit {
	u := r.unit
	if u.ends && r.failure == "" {
		r.usage.OutputKnown = r.output
	}
	if r.text {
		r.events++
	}
	r.begin()
	return u
}
