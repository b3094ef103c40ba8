package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// gateway is the admin API.
type gateway struct{ admin, token string }

// grant books a purchase. The reference keeps an invoice from being granted twice, for ever; the Idempotency-Key lets a repeat
// of one message have the first one's answer, even if that got lost.
func (g gateway) grant(ctx context.Context, messageID string, p purchase, tokens int64) error {
	// The shop's leaving does not stop it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	body, err := json.Marshal(map[string]any{"tokens": tokens, "reference": p.Invoice})
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, g.admin+"/api/v1/accounts/"+url.PathEscape(p.Customer)+"/grants", bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Authorization", "Bearer "+g.token)
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Idempotency-Key", messageID)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	if res.StatusCode == http.StatusCreated || res.StatusCode == http.StatusOK { // 200: this invoice was granted before
		return nil
	}
	var answer struct{ Error refusal }
	_ = json.Unmarshal(said, &answer) // else the status says it all
	answer.Error.status = res.StatusCode
	return &answer.Error
}

// refusal is the admin API's: no such account (404), the invoice was granted with another number of tokens (409), …
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	status  int
}

func (r *refusal) Error() string {
	return fmt.Sprintf("the gateway answers %d %s: %s", r.status, r.Code, r.Message)
}

// passes says that a repeat may go well: the gateway is overloaded, or does not take this program's token.
func (r *refusal) passes() bool {
	switch r.status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
		return true
	}
	return r.status >= http.StatusInternalServerError
}
