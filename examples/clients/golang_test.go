package clients

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// goClient is a row of a Go client: its calls, whose results are compared as JSON, and what an error of its own type tells.
type goClient struct {
	own                       func(error) (message string, ok bool)
	plain, stream, embeddings func(ctx context.Context, origin, key, text string) (any, error)
}

// answer asks once; a client that sleeps between retries has failed.
func (c goClient) answer(t *testing.T, a ask) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	call := map[string]func(context.Context, string, string, string) (any, error){plain: c.plain, stream: c.stream, embeddings: c.embeddings}[a.Call]
	result, err := call(ctx, a.Origin, a.Key, a.Text)
	if err != nil {
		message, own := c.own(err)
		return answer{Error: &failure{Own: own, Type: fmt.Sprintf("%T: %v", err, err), Message: message}}
	}
	raw, err := json.Marshal(result)
	if err != nil {
		t.Fatalf("%s %s: %v", a.Client, a.Call, err)
	}
	return answer{Result: raw}
}
