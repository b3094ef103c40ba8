package dialect

var (
	CohereChat = &API{Name: "CohereChat", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	CohereChatV1 = &API{Name: "CohereChatV1", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	CohereGenerate = &API{Name: "CohereGenerate", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	CohereEmbed = &API{Name: "CohereEmbed", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	CohereRerank = &API{Name: "CohereRerank", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
)
