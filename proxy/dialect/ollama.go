package dialect

var (
	OllamaChat = &API{Name: "OllamaChat", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	OllamaGenerate = &API{Name: "OllamaGenerate", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	OllamaEmbed = &API{Name: "OllamaEmbed", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	OllamaEmbeddings = &API{Name: "OllamaEmbeddings", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
)
