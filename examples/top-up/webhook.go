package main

import (
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// message is what the shop sends; other types than invoicePaid are of no interest here.
type message struct {
	Type string   `json:"type"`
	Data purchase `json:"data"`
}

const invoicePaid = "invoice.paid"

// purchase is an invoice that was paid. The shop's customers have the accounts' ids.
type purchase struct {
	Invoice  string `json:"invoice"`
	Customer string `json:"customer"`
	Product  string `json:"product"`
}

// packs are the shop's products in tokens. How many tokens a product is stands here and not in the message.
var packs = map[string]int64{"tokens-100k": 100_000, "tokens-1m": 1_000_000}

// messageMax is how long a message may be, in bytes.
const messageMax = 64 << 10

// counter takes the shop's messages. A shop repeats what is not answered with 2xx, for hours or days.
type counter struct {
	secret  *webhooks.Webhook
	gateway gateway
}

func (c *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// The signature is one of the bytes as they came, so they are read before anything is made of them. It covers the
	// message's id and time as well; one that is older than five minutes is refused, since it may be replayed.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, messageMax))
	if err != nil {
		http.Error(w, "the message can't be read", http.StatusRequestEntityTooLarge)
		return
	}
	if err := c.secret.Verify(body, r.Header); err != nil {
		http.Error(w, "the signature is not the shop's", http.StatusUnauthorized)
		return
	}
	var m message
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, "the message is no JSON", http.StatusBadRequest)
		return
	}
	if m.Type != invoicePaid {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	tokens, known := packs[m.Data.Product]
	if !known || m.Data.Invoice == "" {
		log.Printf("PAID, NOT GRANTED: invoice %q: no product %q", m.Data.Invoice, m.Data.Product)
		http.Error(w, "no such product", http.StatusUnprocessableEntity)
		return
	}
	c.answer(w, m.Data, tokens, c.gateway.grant(r.Context(), r.Header.Get(webhooks.HeaderWebhookID), m.Data, tokens))
}

// answer lets the shop repeat whatever went wrong: the customer has paid. What a repeat alone does not mend is logged for a person.
func (c *counter) answer(w http.ResponseWriter, p purchase, tokens int64, err error) {
	if err == nil {
		log.Printf("invoice %q: %d tokens for %s", p.Invoice, tokens, p.Customer)
		w.WriteHeader(http.StatusOK)
		return
	}
	refused, ok := errors.AsType[*refusal](err)
	if !ok || refused.passes() {
		log.Printf("invoice %q: not granted yet: %v", p.Invoice, err)
		w.Header().Set("Retry-After", "30")
		http.Error(w, "try again", http.StatusServiceUnavailable)
		return
	}
	log.Printf("PAID, NOT GRANTED: invoice %q for %s: %v", p.Invoice, p.Customer, err)
	http.Error(w, refused.Message, http.StatusUnprocessableEntity)
}
