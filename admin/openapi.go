package admin

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"sync"

	"go.yaml.in/yaml/v4"
)

//go:embed openapi.yaml
var openAPIText []byte

// openAPI is the document as JSON.
var openAPI = sync.OnceValue(func() json.RawMessage {
	var document map[string]any
	if err := yaml.Unmarshal(openAPIText, &document); err != nil {
		panic("BUG: openapi.yaml: " + err.Error())
	}
	return encode(document)
})

func showOpenAPI(*http.Request) (reply, error) {
	return reply{status: http.StatusOK, body: openAPI()}, nil
}
