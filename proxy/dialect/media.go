package dialect

var (
	Images = &API{Name: "Images", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	ImageEdits = &API{Name: "ImageEdits", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	Transcriptions = &API{Name: "Transcriptions", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	OCR = &API{Name: "OCR", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
	Rerank = &API{Name: "Rerank", Operation: "chat", format: format{request: (&node{id: reqBody}).read(reqModel, "model"), answer: chatMessage, event: chatMessage, newReader: newChatReader}}
)
