package proxytest

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
)

// service is what is one provider's own.
type service struct {
	// admit refuses a request that does not show what Options ask for; nil admits it.
	admit func(Options, *http.Request) *answer
	// route finds the operation by the raw path; nil: there is none.
	route func(method, path string) *api
	// read fills in what a request says; its error is a 400.
	read func(*request, *http.Request, []byte) error
	// failed is an error answer; message "" is the provider's own for that status.
	failed func(status int, message string) *answer
	// header is what every answer has besides its Content-Type.
	header func(http.Header, *answer)
	// fault is what a stream says when it breaks off with an error; nil: it has no streams.
	fault func() []byte
}

// bearer is what stands in Authorization behind the scheme; "" where another scheme or nothing does.
func bearer(r *http.Request) string {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return key
}

// wrongKey says that a key is asked for and a request does not show it.
func wrongKey(o Options, shown string) bool { return o.APIKey != "" && shown != o.APIKey }

// bearerOr admits by the bearer and fails, as the provider does, without it.
func bearerOr(failed func(status int, message string) *answer) func(Options, *http.Request) *answer {
	return func(o Options, r *http.Request) *answer {
		if wrongKey(o, bearer(r)) {
			return failed(http.StatusUnauthorized, "")
		}
		return nil
	}
}

// fail is an error answer on one line.
func fail(status int, body any) *answer {
	return &answer{status: status, contentType: "application/json", parts: [][]byte{marshal(body)}, usageAt: -1}
}

// complaint is a provider's own sentence about a request.
type complaint string

func (c complaint) Error() string { return string(c) }

// readJSON reads the body of a request that must have one.
func readJSON(q *request, r *http.Request, body []byte) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(q) != nil {
		return complaint("We could not parse the JSON body of your request.")
	}
	return nil
}

// readModel reads a body that must name its model.
func readModel(q *request, r *http.Request, body []byte) error {
	if err := readJSON(q, r, body); err != nil {
		return err
	}
	if r.Method == http.MethodPost && q.Model == "" {
		return complaint("you must provide a model parameter")
	}
	return nil
}
