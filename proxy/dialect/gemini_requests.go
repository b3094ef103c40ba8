package dialect

// What is read of Gemini's requests, in camel case or in snake case. The lists are those of the members that are known to
// cost no more than their bytes (https://ai.google.dev/api/generate-content, 2026-11). A thought's signature is: those in
// recorded answers have five bytes and more for each token of the thought. Pictures, files, what is cached at the provider
// and the tools that run there are not.
var generateContentRequest = (&node{id: reqBody}).
	once("").
	close("", "model", "safetySettings", "toolConfig", "labels", "serviceTier").
	read(reqContent, "systemInstruction").
	content("systemInstruction").
	read(reqContent, "contents").
	content("contents").
	content("contents.*").
	read(reqContent, "tools").
	close("tools", "functionDeclarations").
	close("tools.*", "functionDeclarations").
	read(reqConfig, "generationConfig").
	once("generationConfig").
	read(reqN, "generationConfig.candidateCount").
	read(reqMaxOutputTokens, "generationConfig.maxOutputTokens").
	close("generationConfig", "stopSequences", "responseMimeType", "responseSchema", "responseJsonSchema", "_responseJsonSchema",
		"temperature", "topP", "topK", "seed", "presencePenalty", "frequencyPenalty", "responseLogprobs", "logprobs",
		"enableEnhancedCivicAnswers", "thinkingConfig", "mediaResolution").
	read(reqOther, "generationConfig.routingConfig.manualMode.modelName").
	close("generationConfig.routingConfig").
	read(reqContent, "generationConfig.responseModalities").
	close("generationConfig.responseModalities").
	allow(reqType, "generationConfig.responseModalities.*", "TEXT").
	snake()

// embedContentRequest serves one content, or a list of requests.
var embedContentRequest = (&node{id: reqBody}).
	once("").
	embedded("").
	read(reqContent, "requests").
	close("requests").
	embedded("requests.*.").
	close("requests.*").
	snake()

func (n *node) embedded(in string) *node {
	n.read(reqContent, in+"content").content(in + "content")
	for _, name := range []string{"model", "taskType", "title", "outputDimensionality", "autoTruncate"} {
		n.at(in + name)
	}
	return n.close("")
}

// content reads a content, whose parts are a list or a single one.
func (n *node) content(path string) *node {
	n.close(path, "role")
	for _, part := range []string{path + ".parts", path + ".parts.*"} {
		n.close(part, "text", "thought", "thoughtSignature").
			close(part+".functionCall", "id", "name", "args").
			close(part+".functionResponse", "id", "name", "response", "willContinue", "scheduling").
			close(part+".inlineData").
			count(reqBinary, part+".inlineData.data")
	}
	return n
}

var predictRequest = (&node{id: reqBody}).
	once("").
	close("").
	read(reqContent, "instances").
	close("instances").
	close("instances.*", "content", "title", "task_type", "taskType").
	close("instances.*.image").
	count(reqBinary, "instances.*.image.bytesBase64Encoded").
	close("parameters", "outputDimensionality", "autoTruncate")
