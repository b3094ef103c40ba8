package dialect

import (
	"bytes"
	"encoding/json"
)

// Refusal is an answer that the gateway gives itself.
type Refusal struct {
	Status  int
	Code    string // the contract's code
	Message string
	// Quota is set for insufficient_quota: it goes into the body as numbers.
	Quota *Quota
}

// Quota is what a refusal for lack of tokens tells.
type Quota struct {
	Used    int64  `json:"used"`
	Total   int64  `json:"total"`
	Extra   int64  `json:"extra"`
	ResetAt string `json:"reset_at"` // RFC 3339
}

// Shape writes a refusal as one family of clients reads it: the body, and the headers that they read besides.
type Shape func(Refusal) (body []byte, headers map[string]string)

// OpenAIShape is what OpenAI's clients understand.
func OpenAIShape(f Refusal) ([]byte, map[string]string) {
	type fields struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    string  `json:"code"`
		*Quota
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(map[string]fields{"error": {Message: f.Message, Type: f.Code, Code: f.Code, Quota: f.Quota}})
	if err != nil {
		panic("BUG: a refusal can't be encoded: " + err.Error())
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
