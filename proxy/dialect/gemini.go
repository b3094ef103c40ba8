package dialect

import "github.com/tidwall/gjson"

// Gemini's API, as AI Studio and Vertex speak it. What stands here was seen in recorded exchanges, but for streams that are
// one array.
var (
	// GenerateContent is {model}:generateContent, StreamGenerateContent {model}:streamGenerateContent: events, or one array
	// of what these hold.
	GenerateContent       = generateContent(never)
	StreamGenerateContent = generateContent(always)
	// EmbedContent is {model}:embedContent and {model}:batchEmbedContents.
	EmbedContent = &API{Name: "embedContent", Operation: "embeddings", format: format{
		request:   embedContentRequest,
		streams:   never,
		noOutput:  true,
		answer:    geminiAnswer,
		event:     geminiChunk,
		newReader: newGeminiReader,
	}}
	// Predict is {model}:predict of Vertex's text embeddings.
	Predict = &API{Name: "predict", Operation: "embeddings", format: format{
		request:   predictRequest,
		streams:   never,
		noOutput:  true,
		answer:    predictAnswer,
		event:     predictAnswer,
		newReader: newPredictReader,
	}}
)

func generateContent(streams streams) *API {
	return &API{Name: "generateContent", Operation: "generate_content", MinOutput: 1, format: format{
		request:   generateContentRequest,
		limits:    []limit{{reqMaxOutputTokens, "maxOutputTokens"}},
		limitsIn:  "generationConfig",
		quoted:    true,
		streams:   streams,
		answer:    geminiAnswer,
		event:     geminiChunk,
		array:     geminiArray,
		newReader: newGeminiReader,
	}}
}

const (
	ansChunk = 300 + iota // the end of a chunk: an event, or an element of an array
	ansBlocked
)

// geminiAnswer serves plain answers, geminiChunk the events of streams, geminiArray streams that are one array.
var (
	geminiAnswer = geminiObject(ansWhole)
	geminiChunk  = geminiObject(ansChunk)
	geminiArray  = &node{id: ansWhole, elem: geminiChunk}
)

func geminiObject(id int) *node {
	return (&node{id: id}).
		read(ansID, "responseId").read(ansModel, "modelVersion").read(ansUsage, "usageMetadata").read(ansError, "error").
		read(ansBlocked, "promptFeedback.blockReason").
		read(ansChoice, "candidates.*").read(ansIndex, "candidates.*.index").read(ansFinish, "candidates.*.finishReason").
		count(ansText, "candidates.*.content.parts.*.text", "candidates.*.content.parts.*.functionCall.name",
			"candidates.*.content.parts.*.functionCall.args", "candidates.*.content.parts.*.executableCode.code")
}

// geminiCounts: neither does the prompt hold what tools added to it, nor the candidates the thoughts.
var geminiCounts = counts{
	input: []string{"promptTokenCount"}, moreInput: []string{"toolUsePromptTokenCount"},
	output: []string{"candidatesTokenCount"}, moreOutput: []string{"thoughtsTokenCount"},
	total: []string{"totalTokenCount"}, cached: []string{"cachedContentTokenCount"}, reasoning: []string{"thoughtsTokenCount"},
}

// geminiReader reads generated content and embeddings.
type geminiReader struct {
	*answer
	choices choices
	output  bool // the last usage names the candidates' tokens
	unit    unit
	text    bool
}

func newGeminiReader(a *answer, r Response) reader {
	return &geminiReader{answer: a, choices: choicesOf(r)}
}

func (g *geminiReader) begin() {
	g.choices.begin()
	g.unit, g.text = unit{}, false
}

func (g *geminiReader) see(v *value) {
	switch v.node.id {
	case ansID:
		setText(&g.id, v)
	case ansModel:
		setText(&g.model, v)
	case ansUsage:
		g.seeUsage(string(v.raw))
	case ansText:
		if g.hear(v) {
			g.text, g.unit.text = true, true
		}
	case ansIndex:
		g.choices.index(v)
	case ansFinish:
		if reason := enumName(v); reason != "" {
			g.choices.finishes = true
			g.finished(reason)
		}
	case ansChoice:
		g.choices.endChoice()
	case ansBlocked:
		if reason := enumName(v); reason != "" {
			g.unit.ends = true
			g.finished(reason)
		}
	case ansError:
		if !v.null() {
			g.unit.ends, g.unit.final = true, true
			g.fail(googleError(v))
		}
	case ansChunk:
		g.endChunk()
	case ansWhole:
		g.endChunk()
		g.unit.ends = true
	}
}

// seeUsage keeps the last usage that has numbers: in a stream each counts from the begin.
func (g *geminiReader) seeUsage(raw string) {
	if u := geminiCounts.read(raw); u.Known() {
		g.usage, g.unit.usage = u, true
		g.output = gjson.Get(raw, "candidatesTokenCount").Exists()
	}
}

func (g *geminiReader) endChunk() {
	if g.text {
		g.events++
	}
	g.text = false
}

// end: a chunk in the middle that names no tokens of candidates doesn't say that there are none; the last one does, unless
// there was text, for which then no tokens at all are told.
func (g *geminiReader) end() unit {
	u := g.unit
	u.ends = u.ends || g.choices.ended()
	if g.usage.InputKnown {
		none := g.usage.Output == 0 && g.textBytes > 0
		g.usage.OutputKnown = g.output || u.ends && g.failure == "" && !none
	}
	g.begin()
	return u
}

// enumName is the name of an enum's value, or its number where that was asked for; "": none, or the one that stands for none.
func enumName(v *value) string {
	if v.kind != '"' {
		if n, ok := wholeNumber(string(v.raw)); !ok || n <= 0 {
			return ""
		}
		return label(append(append([]byte{'"'}, v.raw...), '"'))
	}
	switch name := label(v.raw); name {
	case "FINISH_REASON_UNSPECIFIED", "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED":
		return ""
	default:
		return name
	}
}

// googleError is what an error is called: its status, else as elsewhere.
func googleError(v *value) string {
	if status := label([]byte(gjson.GetBytes(v.raw, "status").Raw)); status != "" {
		return status
	}
	return errorType(v)
}

var predictAnswer = (&node{id: ansWhole}).
	read(ansError, "error").read(ansChoice, "predictions.*").read(ansUsage, "predictions.*.embeddings.statistics.token_count")

// predictReader adds up what each prediction cost.
type predictReader struct {
	*answer
	untold bool  // a prediction doesn't say what it cost
	told   bool  // the one that is being read does
	cost   int64 // of that one
	unit   unit
}

func newPredictReader(a *answer, _ Response) reader { return &predictReader{answer: a} }

func (p *predictReader) begin() { p.unit = unit{} }

func (p *predictReader) see(v *value) {
	switch v.node.id {
	case ansUsage:
		p.cost, p.told = tokens(gjson.ParseBytes(v.raw))
	case ansChoice:
		p.unit.usage = true
		p.untold = p.untold || !p.told
		p.usage.Input = min(p.usage.Input+p.cost, 1<<53)
		p.cost, p.told = 0, false
	case ansError:
		if !v.null() {
			p.unit.final = true
			p.fail(googleError(v))
		}
	case ansWhole:
		p.unit.ends = true
		p.usage.InputKnown = p.unit.usage && !p.untold
		p.usage.OutputKnown = p.usage.InputKnown
	}
}

func (p *predictReader) end() unit {
	u := p.unit
	p.begin()
	return u
}
