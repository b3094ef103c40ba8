package dialect

// What is not text, in OpenAI's format: usage in tokens, or in a unit of its own.
var (
	// Images is POST /v1/images/generations, ImageEdits POST /v1/images/edits, in JSON or as a form.
	Images     = &API{Name: "images.generations", Operation: "image_generation", format: mediaFormat(imagesRequest, "images")}
	ImageEdits = &API{Name: "images.edits", Operation: "image_generation", format: mediaFormat(imagesRequest, "images")}
	// Transcriptions is POST /v1/audio/transcriptions, a form.
	Transcriptions = &API{Name: "audio.transcriptions", Operation: "transcription", format: mediaFormat(transcriptionsRequest, "audio")}
	// OCR is Mistral's POST /v1/ocr.
	OCR = &API{Name: "ocr", Operation: "ocr", format: mediaFormat(ocrRequest, "documents")}
	// Rerank is POST /v1/rerank, as Voyage, vLLM and others have it.
	Rerank = &API{Name: "rerank", Operation: "rerank", format: format{
		request:   openAIRequest(),
		unbounded: "rerank: the query is read once with each document",
		streams:   never,
		noOutput:  true,
		answer:    chatMessage,
		event:     chatMessage,
		newReader: newChatReader,
	}}
)

func mediaFormat(request *node, unbounded string) format {
	return format{
		request: request, form: true, unbounded: unbounded + ": their cost isn't bounded by the request's bytes",
		answer: mediaAnswer, event: mediaAnswer, newReader: newMediaReader,
	}
}

var (
	imagesRequest = openAIRequest().read(reqN, "n").
			count(reqBinary, "image", "mask", "image.*", "images.*.image_url", "mask.image_url", "input_references.*.image_url.url")
	transcriptionsRequest = openAIRequest()
	ocrRequest            = openAIRequest().count(reqBinary, "document.document_url", "document.image_url", "document.image_url.url")
)

// The places that are read of an answer besides those that all have.
const (
	ansSeconds = 100 + iota
	ansImage
	ansPages
)

var mediaAnswer = (&node{}).
	read(ansModel, "model").read(ansUsage, "usage").read(ansError, "error").read(ansType, "type").
	read(ansSeconds, "duration").read(ansPages, "usage_info.pages_processed").
	count(ansImage, "data.*").
	count(ansText, "text", "delta", "pages.*.markdown")

// mediaReader reads images, transcriptions and recognised pages, and their streams.
type mediaReader struct {
	*answer
	images int64 // that the request asked for
	done   int64 // images of a stream
	unit   unit
	text   bool
}

func newMediaReader(a *answer, r Response) reader {
	return &mediaReader{answer: a, images: max(r.Request.answers, 1)}
}

func (m *mediaReader) begin() { m.unit, m.text = unit{}, false }

func (m *mediaReader) see(v *value) {
	switch v.node.id {
	case ansModel:
		setText(&m.model, v)
	case ansUsage:
		m.seeUsage(string(v.raw))
	case ansError:
		if !v.null() {
			m.unit.ends, m.unit.final = true, true
			m.fail(errorType(v))
		}
	case ansType:
		m.seeType(string(inner(v.raw)))
	case ansSeconds:
		if n, ok := wholeNumber(string(v.raw)); ok {
			m.usage.AudioSeconds = max(m.usage.AudioSeconds, n)
		}
	case ansPages:
		if n, ok := wholeNumber(string(v.raw)); ok {
			m.usage.Pages = max(n, 0)
		}
	case ansImage:
		m.usage.Images++
	case ansText:
		if m.hear(v) {
			m.text = true
		}
	}
}

// seeUsage reads tokens, or the seconds of audio that stand in their place.
func (m *mediaReader) seeUsage(raw string) {
	units := m.usage.Units
	if n, ok := tokens(first(raw, []string{"seconds", "prompt_audio_seconds"})); ok {
		units.AudioSeconds = n
	}
	if u := openAICounts.read(raw); u.Known() {
		m.usage = u
		m.unit.usage = true
	}
	m.usage.Units = units
}

// seeType finds the event that ends a stream: of images there may be several.
func (m *mediaReader) seeType(kind string) {
	switch kind {
	case "image_generation.completed", "image_edit.completed":
		m.usage.Images++
		if m.done++; m.done < m.images {
			return
		}
	case "transcript.text.done", "transcription.done", "error":
	default:
		return
	}
	m.unit.ends, m.unit.final = true, true
}

func (m *mediaReader) end() unit {
	u := m.unit
	if m.text {
		m.events++
	}
	m.begin()
	return u
}
