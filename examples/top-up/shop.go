package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// tell says, as the shop would, that an invoice was paid. A repeat is the same message under the same id, signed anew.
func tell(ctx context.Context, origin string, secret *webhooks.Webhook, p purchase) error {
	body, err := json.Marshal(message{Type: invoicePaid, Data: p})
	if err != nil {
		return err
	}
	id := "msg_" + rand.Text()
	for wait := time.Second; ; wait *= 2 {
		err := post(ctx, origin+"/webhook", secret, id, body)
		switch {
		case err == nil:
			fmt.Println("delivered")
			return nil
		case wait > 4*time.Second:
			return fmt.Errorf("deliver invoice %s: %w", p.Invoice, err)
		}
		fmt.Printf("%v; again in %v\n", err, wait)
		time.Sleep(wait)
	}
}

// post delivers a message; anything but 2xx is an error.
func post(ctx context.Context, url string, secret *webhooks.Webhook, id string, body []byte) error {
	now := time.Now()
	signature, err := secret.Sign(id, now, body)
	if err != nil {
		return err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set(webhooks.HeaderWebhookID, id)
	q.Header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	q.Header.Set(webhooks.HeaderWebhookSignature, signature)
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s: %s", res.Status, bytes.TrimSpace(said))
	}
	return nil
}
