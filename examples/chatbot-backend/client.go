package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/sashabaranov/go-openai"
)

// client is an ordinary OpenAI client: its base URL and its key are the gateway's.
func (b *backend) client(l labels) *openai.Client {
	c := openai.DefaultConfig(b.key)
	c.BaseURL = b.gateway + "/v1"
	c.HTTPClient = &http.Client{Transport: l}
	return openai.NewClientWithConfig(c)
}

// labels say what requests are for. An activity is chat, ingest, training or preview, or one that the gateway's operator
// added; chatbot and user are 1 to 64 letters, digits and . _ : @ -.
type labels struct{ activity, chatbot, user string }

func (l labels) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context()) // a RoundTripper leaves its request as it is
	r.Header.Set("X-Tollgate-Activity", l.activity)
	r.Header.Set("X-Tollgate-Chatbot", l.chatbot)
	if l.user != "" {
		r.Header.Set("X-Tollgate-User", l.user)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// patiently asks again what passes by itself within seconds: tokens are left but running requests hold them, there are too many
// requests, or something is being restarted. An account without tokens is none of these: asking again would not help.
func patiently[T any](ctx context.Context, ask func() (T, error)) (answer T, err error) {
	for try := range 10 {
		if answer, err = ask(); !passes(err) {
			return answer, err
		}
		select {
		case <-time.After(time.Duration(min(try+1, 5)) * time.Second):
		case <-ctx.Done():
			return answer, ctx.Err()
		}
	}
	return answer, err
}

func passes(err error) bool {
	refused, ok := errors.AsType[*openai.APIError](err)
	return ok && refused.Code != "insufficient_quota" &&
		(refused.HTTPStatusCode == http.StatusTooManyRequests || refused.HTTPStatusCode == http.StatusServiceUnavailable)
}

// advice is what the operator of a chatbot reads. The gateway's sentence says which pool is empty, what is left and when the
// monthly one is filled again; its code says what to do.
func advice(err error) string {
	refused, ok := errors.AsType[*openai.APIError](err)
	if !ok {
		return err.Error()
	}
	switch refused.Code {
	case "insufficient_quota":
		return fmt.Sprintf("%s\nBuy extra tokens or a larger plan, or wait for the reset. What was done so far is done.", refused.Message)
	case "invalid_api_key":
		return refused.Message + "\nSet TOLLGATE_KEY to a key of the account: tollgate key create"
	}
	return err.Error()
}
