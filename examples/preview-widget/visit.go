package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"
)

// visit is what the page gets: a key and where to use it.
type visit struct {
	Gateway string `json:"gateway"`
	Key     string `json:"key"`
	Model   string `json:"model"`
	// ExpiresIn counts seconds from now, so that a visitor's wrong clock does not matter.
	ExpiresIn int64 `json:"expires_in"`
}

// keyRequest is what the admin API is asked for.
type keyRequest struct {
	Name              string   `json:"name"`
	Activity          string   `json:"activity"`
	Chatbot           string   `json:"chatbot"`
	Labels            string   `json:"labels"`
	Models            []string `json:"models"`
	Origins           []string `json:"origins"`
	TTLSeconds        int64    `json:"ttl_seconds"`
	MonthlyCap        int64    `json:"monthly_cap"`
	RequestsPerMinute int64    `json:"requests_per_minute"`
	Concurrent        int64    `json:"concurrent"`
	MaxOutputTokens   int64    `json:"max_output_tokens"`
}

// previewKey is a key that anyone may read out of the page's memory, and so one that is not worth the trouble. The origin is
// this program's own setting, never what a request says.
func previewKey(origin, model string, ttlSeconds, limit int64) keyRequest {
	return keyRequest{
		Name: "preview", Activity: "preview", Chatbot: "velo-support", Labels: "fixed",
		Models: []string{model}, Origins: []string{origin},
		TTLSeconds: ttlSeconds, MonthlyCap: limit,
		RequestsPerMinute: 20,
		Concurrent:        2, // an answer that was stopped may still run for a moment
		MaxOutputTokens:   300,
	}
}

// desk hands a key to each visit.
type desk struct {
	admin, token, account string
	grants                visit // but for the key
	key                   keyRequest
	turnstile             *turnstile
}

// ServeHTTP answers POST /visit. A page that only signed-in people see would ask here who they are.
func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	if wait := d.turnstile.pass(visitor(r.RemoteAddr), time.Now()); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())+1))
		refuse(w, http.StatusTooManyRequests, "too_many_visits", "too many previews were opened in the last minute")
		return
	}
	v := d.grants
	var err error
	if v.Key, err = d.newKey(r.Context()); err != nil {
		log.Print(err) // the visitor learns nothing of the admin plane
		refuse(w, http.StatusBadGateway, "no_key", "no key can be made for this visit")
		return
	}
	answer(w, http.StatusOK, v)
}

// newKey has the gateway make a key. Its secret is in this one answer and is kept nowhere.
func (d *desk) newKey(ctx context.Context) (secret string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body, err := json.Marshal(d.key)
	if err != nil {
		return "", err
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, d.admin+"/api/v1/accounts/"+d.account+"/keys", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	q.Header.Set("Authorization", "Bearer "+d.token)
	q.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	said, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("make key: %s: %s", res.Status, said)
	}
	var key struct{ Secret string }
	if err := json.Unmarshal(said, &key); err != nil {
		return "", fmt.Errorf("make key: %w", err)
	}
	return key.Secret, nil
}

// refuse has the shape that the gateway's refusals have, so that the page reads one shape.
func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a visitor who left
}
