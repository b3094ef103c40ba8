package dialect

func invoke(s streams) *API {
	return &API{Name: "invoke", Operation: "chat", Limitless: true, format: format{
		request:   invokeRequest,
		unbounded: "invoke: the request is in the model's own format",
		streams:   s,
		answer:    invokeAnswer,
		event:     (&node{}).follow(ansBytes, "chunk.bytes"),
		newReader: newInvokeReader,
	}}
}

// invokeRequest reads how the models call the most that they may generate, and where pictures and files stand.
var invokeRequest = (&node{id: reqBody}).
	read(reqOwnLimit, "max_tokens").read(reqOwnLimit, "max_completion_tokens").
	read(reqOwnLimit, "max_tokens_to_sample").
	read(reqOwnLimit, "max_gen_len").
	read(reqOwnLimit, "maxTokens").
	read(reqOwnLimit, "textGenerationConfig.maxTokenCount").
	read(reqOwnLimit, "inferenceConfig.max_new_tokens").read(reqOwnLimit, "inferenceConfig.maxTokens").
	count(reqBinary, "inputImage", "image", "images.*",
		"messages.*.content.*.source.data", "messages.*.content.*.image_url.url", "messages.*.content.*.image.source.bytes",
		"messages.*.content.*.document.source.bytes", "messages.*.content.*.video.source.bytes")

// invokeAnswer serves the plain answers of all models, invokeChunk what stands in the chunks of their streams.
var (
	invokeAnswer = modelAnswer().
			read(ansResult, "results.*.tokenCount").read(ansFinish, "results.*.completionReason").
			count(ansText, "results.*.outputText", "content.*.text", "content.*.thinking", "content.*.name", "content.*.input").
			count(ansText, textBlocks("output.message.content.*.")...).
			count(ansText, spoken("choices.*.message.")...).
			count(ansPicture, "images.*", "artifacts.*.base64")
	invokeChunk = modelAnswer().converseStream().
			read(ansID, "message.id").read(ansModel, "message.model").
			read(ansFirst, "message.usage").read(ansWritten, "totalOutputTextTokenCount").read(ansFinish, "delta.stop_reason").
			count(ansText, "content_block.name", "delta.text", "delta.thinking", "delta.partial_json").
			count(ansText, spoken("choices.*.delta.")...)
)

// modelAnswer is what plain answers and chunks have in common: Anthropic's, Nova's, Titan's, Llama's, Cohere's, Mistral's
// and those in OpenAI's format.
func modelAnswer() *node {
	n := (&node{}).read(ansID, "id").read(ansModel, "model").read(ansError, "error").
		read(ansMetrics, "amazon-bedrock-invocationMetrics").
		read(ansUsage, "usage").read(ansUsage, "meta.tokens").
		read(ansRead, "inputTextTokenCount").
		read(ansRead, "prompt_token_count").read(ansWritten, "generation_token_count").
		count(ansText, "completion", "generation", "outputText", "text", "generations.*.text", "outputs.*.text", "choices.*.text")
	for _, reason := range []string{
		"stop_reason", "stopReason", "finish_reason", "completionReason", "generations.*.finish_reason", "outputs.*.stop_reason",
		"choices.*.finish_reason", "choices.*.stop_reason",
	} {
		n.read(ansFinish, reason)
	}
	return n
}

// invokeReader reads the answers of models in their own formats. What Bedrock counted, in headers or in a stream's last
// chunk, comes before what a model says itself; the two are never added. What a message says counts once it is complete.
type invokeReader struct {
	*answer
	stream  bool
	counted toldCounts // by Bedrock
	own     toldCounts // the model's
	inside  base64Value
	// of the message that is being read
	unit    unit
	metrics toldCounts
	now     toldCounts // own, with what the message adds
	results int64      // tokens of its results; negative: it has none
	images  int64
	reasons []string
	text    bool
}

func newInvokeReader(a *answer, r Response) reader {
	failAs(a, r)
	i := &invokeReader{answer: a, stream: r.Request.Stream, counted: untold, own: untold}
	i.inside.scan.visitor = i
	i.begin()
	if r.Status < 400 && !i.stream {
		i.counted = headerCounts(r)
		a.usage = i.sum()
	}
	return i
}

// headerCounts are those that plain answers carry.
func headerCounts(r Response) toldCounts {
	t := untold
	for name, count := range map[string]*int64{
		"Input-Token-Count": &t.input, "Cache-Read-Input-Token-Count": &t.cached, "Cache-Write-Input-Token-Count": &t.written,
		"Output-Token-Count": &t.output,
	} {
		if n, ok := wholeNumber(header(r, "X-Amzn-Bedrock-"+name)); ok && n >= 0 {
			*count = n
		}
	}
	return t
}

// sum is the usage as it is known. Where Bedrock counts the same fresh input as the model and nothing of a cache, the
// model's word on its cache counts.
func (i *invokeReader) sum() Usage {
	t := i.counted
	if t.input < 0 || t.input == i.own.input && t.cached < 0 && t.written < 0 {
		t.input, t.cached, t.written = i.own.input, i.own.cached, i.own.written
	}
	if t.output < 0 {
		t.output = i.own.output
	}
	t.reasoning = i.own.reasoning
	return t.usage()
}

func (i *invokeReader) begin() {
	i.unit, i.metrics, i.now, i.results, i.images, i.text = unit{}, untold, i.own, -1, 0, false
	i.reasons = i.reasons[:0]
	i.inside.reset(invokeChunk)
}

func (i *invokeReader) follow(v *value, piece []byte) {
	if v.kind == '"' {
		i.inside.feed(piece)
	}
}

func (i *invokeReader) see(v *value) {
	switch v.node.id {
	case ansBytes:
		i.inside.reset(invokeChunk)
	case ansID:
		setText(&i.id, v)
	case ansModel:
		setText(&i.model, v)
	case ansFinish:
		if reason := label(v.raw); reason != "" && len(i.reasons) < maxReasons {
			i.reasons = append(i.reasons, reason)
		}
	case ansText:
		if i.hear(v) {
			i.text = true
		}
	case ansPicture:
		if v.kind == '"' {
			i.images++
		}
	case ansError:
		if !v.null() {
			i.unit.ends, i.unit.final = true, true
			i.fail(errorType(v))
		}
	default:
		i.seeCount(v)
	}
}

func (i *invokeReader) seeCount(v *value) {
	switch v.node.id {
	case ansMetrics:
		if v.kind == '{' {
			i.unit.ends, i.unit.final = true, true
			i.metrics.merge(string(v.raw))
		}
		return
	case ansUsage:
		i.seeUsage(string(v.raw))
		return
	case ansFirst:
		output := i.now.output
		i.now.merge(string(v.raw))
		i.now.output = output
		return
	}
	n, ok := wholeNumber(string(v.raw))
	if !ok || n < 0 {
		return
	}
	switch v.node.id {
	case ansRead:
		i.now.input = n
	case ansWritten:
		i.now.output = n
	case ansResult:
		i.results = max(i.results, 0) + n
		i.now.output = i.results
	}
}

// seeUsage reads a model's usage object. In OpenAI's format the input holds what came from a cache.
func (i *invokeReader) seeUsage(raw string) {
	if !first(raw, []string{"prompt_tokens", "completion_tokens"}).Exists() {
		i.now.merge(raw)
		return
	}
	if u := openAICounts.read(raw); u.Known() {
		i.now = toldCounts{
			input: u.Input - u.CachedInput - u.CacheWriteInput, cached: u.CachedInput, written: u.CacheWriteInput,
			output: u.Output, reasoning: u.ReasoningOutput,
		}
	}
}

// end: a plain answer without generated text, of an embedding say, has no output where it tells of none.
func (i *invokeReader) end() unit {
	u := i.unit
	i.own = i.now
	if i.metrics != untold {
		i.counted = i.metrics
	}
	units := i.usage.Units
	i.usage = i.sum()
	i.usage.Units = units
	i.usage.Images += i.images
	if !i.stream && i.usage.InputKnown && i.textBytes == 0 {
		i.usage.OutputKnown = true
	}
	u.usage = i.usage.Known()
	for _, reason := range i.reasons {
		i.finished(reason)
	}
	if i.text {
		i.events++
	}
	i.begin()
	return u
}
