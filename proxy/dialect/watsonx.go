package dialect

var (
	WatsonxGenerate = &API{Name: "WatsonxGenerate", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	WatsonxGenerateStream = &API{Name: "WatsonxGenerateStream", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	WatsonxEmbeddings = &API{Name: "WatsonxEmbeddings", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	WatsonxRerank = &API{Name: "WatsonxRerank", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
)
