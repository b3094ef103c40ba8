package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
)

// answerMax is how much of an answer is read, and thrown away, so that its connection can be used again.
const answerMax = 16 << 10

func newClient() *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableCompression: true, ForceAttemptHTTP2: true, MaxIdleConnsPerHost: batchMax,
			IdleConnTimeout: 30 * time.Second, TLSHandshakeTimeout: 10 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// response is what a target said: a status, or that there was none.
type response struct {
	status int
	after  time.Duration // Retry-After; 0: none
	err    error
}

func (r response) taken() bool { return r.status/100 == 2 }

// gone is the specification's way to say that nothing more is wanted.
func (r response) gone() bool { return r.status == http.StatusGone }

// reason has no URL in it: some hold a secret.
func (r response) reason() string {
	if r.err == nil {
		return "status " + strconv.Itoa(r.status)
	}
	err := r.err
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) || os.IsTimeout(err) {
		return "no answer in time"
	}
	return err.Error()
}

// post makes one try at an instant.
func post(ctx context.Context, client *http.Client, to Target, d accounting.Delivery, now time.Time) response {
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, to.URL, strings.NewReader(d.Body))
	if err != nil {
		return response{err: err}
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("User-Agent", "Tollgate")
	q.Header.Set("Webhook-Id", d.ID)
	q.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	q.Header.Set("Webhook-Signature", signatures(to.Keys, d.ID, now, d.Body))
	res, err := client.Do(q)
	if err != nil {
		return response{err: err}
	}
	defer res.Body.Close()
	_, _ = io.CopyN(io.Discard, res.Body, answerMax)
	return response{status: res.StatusCode, after: retryAfter(res.Header.Get("Retry-After"), now)}
}

// signatures is the header's value: one signature for each key.
func signatures(keys [][]byte, id string, now time.Time, body string) string {
	all := make([]string, len(keys))
	for i, key := range keys {
		mac := hmac.New(sha256.New, key)
		fmt.Fprintf(mac, "%s.%d.%s", id, now.Unix(), body)
		all[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(all, " ")
}

// retryAfterMax is the longest wait that a target may ask for.
const retryAfterMax = 24 * time.Hour

// retryAfter reads seconds or a date; 0 for what is neither.
func retryAfter(s string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseInt(s, 10, 32); err == nil {
		return min(max(0, time.Duration(seconds)*time.Second), retryAfterMax)
	}
	at, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), retryAfterMax)
}

// longer is a wait with up to a fifth added by chance, so that what failed together does not come back together.
func longer(d time.Duration) time.Duration { return d + rand.N(d/5+1) }
