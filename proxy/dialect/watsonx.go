package dialect

// IBM's watsonx.ai (https://cloud.ibm.com/apidocs/watsonx-ai, 2026-11). A path of its own says that an answer is a stream.
var (
	// WatsonxGenerate is POST /ml/v1/text/generation, WatsonxGenerateStream POST /ml/v1/text/generation_stream.
	WatsonxGenerate       = watsonxGenerate("text.generation", never)
	WatsonxGenerateStream = watsonxGenerate("text.generation_stream", always)
	// WatsonxChat is POST /ml/v1/text/chat, WatsonxChatStream POST /ml/v1/text/chat_stream: OpenAI's format.
	WatsonxChat       = watsonxChat("text.chat", never)
	WatsonxChatStream = watsonxChat("text.chat_stream", always)
	// WatsonxEmbeddings is POST /ml/v1/text/embeddings.
	WatsonxEmbeddings = &API{Name: "text.embeddings", Operation: "embeddings", format: watsonxVectors(
		watsonxRequest("inputs", "parameters"), "")}
	// WatsonxRerank is POST /ml/v1/text/rerank.
	WatsonxRerank = &API{Name: "text.rerank", Operation: "rerank", format: watsonxVectors(
		watsonxRequest(), "rerank: the query is read once with each input")}
)

// watsonxStored is what a path that names a deployment brings along: https://cloud.ibm.com/apidocs/watsonx-ai, "deployments".
const watsonxStored = "a deployment may put a stored prompt before the request's"

func watsonxGenerate(name string, streams streams) *API {
	return &API{Name: name, Operation: "text_completion", MinOutput: 1, format: format{
		request: watsonxRequest("input").
			read(reqConfig, "parameters").read(reqMaxTokens, "parameters.max_new_tokens").once("parameters").
			close("parameters", "decoding_method", "include_stop_sequence", "length_penalty", "min_new_tokens", "random_seed",
				"repetition_penalty", "return_options", "stop_sequences", "temperature", "time_limit", "top_k", "top_p",
				"truncate_input_tokens", "typical_p"),
		limits:     []limit{{reqMaxTokens, "max_new_tokens"}},
		limitsIn:   "parameters",
		zeroIsNone: true,
		deployed:   watsonxStored,
		streams:    streams,
		answer:     watsonxText,
		event:      watsonxText,
		newReader:  (&plain{goesOn: "not_finished"}).newReader,
	}}
}

func watsonxChat(name string, streams streams) *API {
	return &API{Name: name, Operation: "chat", MinOutput: 1, format: format{
		request: chatRequest.rename("model", "model_id").
			close("", "project_id", "space_id", "time_limit", "tool_choice_option", "include_reasoning", "length_penalty"),
		limits:     []limit{{reqMaxCompletionTokens, "max_completion_tokens"}, {reqMaxTokens, "max_tokens"}},
		zeroIsNone: true, // 0 stands for what the model can at most
		deployed:   watsonxStored,
		streams:    streams,
		answer:     watsonxMessage,
		event:      watsonxMessage,
		newReader:  newChatReader,
	}}
}

func watsonxVectors(request *node, unbounded string) format {
	return format{
		request:   request,
		unbounded: unbounded,
		streams:   never,
		noOutput:  true,
		answer:    watsonxVector,
		event:     watsonxVector,
		newReader: (&plain{}).newReader,
	}
}

func watsonxRequest(harmless ...string) *node {
	return (&node{id: reqBody}).once("").read(reqModel, "model_id").
		close("", "project_id", "space_id").
		close("", harmless...)
}

var (
	// watsonxText serves answers and events. Generated tokens are counted up to here; input only in the first event.
	watsonxText = (&node{}).
			read(ansModel, "model_id").read(ansError, "errors.*").
			read(ansInput, "results.*.input_token_count").read(ansOutput, "results.*.generated_token_count").
			read(ansStop, "results.*.stop_reason").
			count(ansText, "results.*.generated_text")
	watsonxVector  = (&node{}).read(ansModel, "model_id").read(ansError, "errors.*").read(ansOnly, "input_token_count")
	watsonxMessage = chatMessage.rename("model", "model_id").read(ansError, "errors")
)
