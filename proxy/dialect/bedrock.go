package dialect

var (
	Converse = &API{Name: "Converse", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	ConverseStream = &API{Name: "ConverseStream", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	Invoke = &API{Name: "Invoke", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	InvokeStream = &API{Name: "InvokeStream", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
)
