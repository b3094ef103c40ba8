package provider

import (
	"maps"
	"slices"

	"github.com/tollgate/tollgate/proxy/dialect"
)

// Rows are the providers that gateway.yaml may name, one row each.
var Rows = byName(
	Row{
		Name: "openai", System: "openai", Origin: "https://api.openai.com",
		Paths: openAI, Refused: openAIRefused, AskUsage: true, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "anthropic", System: "anthropic", Origin: "https://api.anthropic.com", Auth: XAPIKey,
		Paths: anthropic, Refused: anthropicRefused, Refuse: dialect.AnthropicShape,
	},
	Row{
		Name: "gemini", System: "gcp.gemini", Origin: "https://generativelanguage.googleapis.com", Auth: XGoogKey, QueryKey: true,
		Paths: gemini, Refused: geminiRefused, Refuse: dialect.GeminiShape,
	},
	Row{
		Name: "vertex", System: "gcp.vertex_ai", Origin: "https://{region}-aiplatform.googleapis.com", Regions: vertexOrigins,
		Auth: GoogleAuth, QueryKey: true,
		Paths: vertex, Refused: vertexRefused, Refuse: dialect.GeminiShape,
	},
	Row{
		Name: "azure-openai", System: "azure.ai.openai", Auth: APIKey,
		Paths: azureOpenAI, Refused: azureRefused, AskUsage: true, AskFrom: "2024-09-01-preview", Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "azure-ai", System: "azure.ai.inference", Auth: APIKey,
		Paths: azureAI, Refused: azureRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "bedrock", System: "aws.bedrock", Origin: "https://bedrock-runtime.{region}.amazonaws.com", Auth: AWS,
		Paths: bedrock, Refused: bedrockRefused, Refuse: dialect.BedrockShape,
	},
	Row{
		Name: "bedrock-mantle", System: "aws.bedrock", Origin: "https://bedrock-mantle.{region}.api.aws", Auth: AWS,
		Paths: bedrockMantle, Refused: bedrockMantleRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "cohere", System: "cohere", Origin: "https://api.cohere.com",
		Paths: cohere, Refused: cohereRefused, Refuse: dialect.CohereShape,
	},
	Row{
		Name: "mistral", System: "mistral_ai", Origin: "https://api.mistral.ai",
		Paths: mistral, Refused: mistralRefused, Refuse: dialect.MistralShape,
	},
	Row{
		Name: "groq", System: "groq", Origin: "https://api.groq.com",
		Paths:   under("/openai/v1", chat, responses, embeddings, transcriptions, models, model),
		Refused: groqRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "deepseek", System: "deepseek", Origin: "https://api.deepseek.com",
		Paths: deepSeek, Refused: deepSeekRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "xai", System: "x_ai", Origin: "https://api.x.ai",
		Paths: xAI, Refused: xAIRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "openrouter", System: "openrouter", Origin: "https://openrouter.ai",
		Paths: openRouter, Refused: openRouterRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "perplexity", System: "perplexity", Origin: "https://api.perplexity.ai",
		Paths: perplexity, Refused: perplexityRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "together", System: "together", Origin: "https://api.together.xyz", AskUsage: true,
		Paths:   under("/v1", chatMax, completions, embeddings, images, transcriptions, rerank, models),
		Refused: togetherRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "fireworks", System: "fireworks", Origin: "https://api.fireworks.ai", AskUsage: true,
		Paths:   under("/inference/v1", chat, completions, responses, embeddings, rerank, messages, models, model),
		Refused: fireworksRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "ollama", System: "ollama", Origin: "http://127.0.0.1:11434", Auth: OptionalKey, AskUsage: true,
		Paths: ollama, Refused: ollamaRefused, Refuse: dialect.OllamaShape,
	},
	Row{
		Name: "vllm", System: "vllm", Origin: "http://127.0.0.1:8000", Auth: OptionalKey, AskUsage: true,
		Paths: vLLM, Refused: vLLMRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "cerebras", System: "cerebras", Origin: "https://api.cerebras.ai", AskUsage: true,
		Paths: under("/v1", chat, completions, models, model), Refused: refusedUnder("/v1", openAIStored), Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "huggingface", System: "huggingface", Origin: "https://router.huggingface.co",
		Paths: huggingFace, Refused: huggingFaceRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "alibaba", System: "alibaba", Origin: "https://dashscope-intl.aliyuncs.com", AskUsage: true,
		Paths: alibaba, Refused: alibabaRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "zai", System: "zai", Origin: "https://api.z.ai",
		Paths: zAI, Refused: zAIRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "voyage", System: "voyage", Origin: "https://api.voyageai.com",
		Paths: voyage, Refused: voyageRefused, Refuse: dialect.VoyageShape,
	},
	Row{
		Name: "writer", System: "writer", Origin: "https://api.writer.com",
		Paths: writer, Refused: writerRefused, Refuse: dialect.OpenAIShape,
	},
	Row{
		Name: "watsonx", System: "ibm.watsonx.ai", Origin: "https://{region}.ml.cloud.ibm.com", Auth: IBMAuth,
		Paths: watsonx, Refused: watsonxRefused, Refuse: dialect.WatsonxShape,
	},
)

// Names are all that gateway.yaml may name, sorted.
func Names() []string { return slices.Sorted(maps.Keys(Rows)) }

func byName(rows ...Row) map[string]*Row {
	m := make(map[string]*Row, len(rows))
	for _, r := range rows {
		m[r.Name] = &r
	}
	return m
}
