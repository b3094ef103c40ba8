package webhook

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	client "github.com/prometheus/client_model/go"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/store"
)

// secrets as gateway.yaml has them.
var (
	newSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a-new-secret-of-32-bytes-length!"))
	oldSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("an-old-secret-of-32-bytes-length"))
)

func keyOf(t *testing.T, secret string) []byte {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// receiver is a target: it answers as told and keeps what came.
type receiver struct {
	*httptest.Server
	t      *testing.T
	answer func(n int, w http.ResponseWriter, r *http.Request) // n counts from 1

	lock sync.Mutex
	came []arrival
}

type arrival struct {
	id     string
	body   []byte
	header http.Header
	at     time.Time
}

func newReceiver(t *testing.T, answer func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	v := &receiver{t: t, answer: answer}
	v.Server = httptest.NewServer(v)
	t.Cleanup(v.Close)
	return v
}

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	v.lock.Lock()
	v.came = append(v.came, arrival{r.Header.Get("webhook-id"), body, r.Header.Clone(), time.Now()})
	n := len(v.came)
	v.lock.Unlock()
	if v.answer != nil {
		v.answer(n, w, r)
	}
}

func (v *receiver) all() []arrival {
	v.lock.Lock()
	defer v.lock.Unlock()
	return append([]arrival(nil), v.came...)
}

// await waits until n webhooks came.
func (v *receiver) await(n int) []arrival {
	v.t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if all := v.all(); len(all) >= n {
			return all
		}
		if time.Now().After(end) {
			v.t.Fatalf("%d webhooks came, want %d", len(v.all()), n)
		}
	}
}

// world is a store, an account in it, and a sender.
type world struct {
	*Sender
	t     *testing.T
	store *store.Store
	log   *strings.Builder
	end   func()
}

func newWorld(t *testing.T, set Settings) *world {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "tollgate.db"), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	a := accounting.Audience{LowShares: []int64{800}}
	for _, target := range set.Targets {
		a.Targets = append(a.Targets, accounting.Target{Name: target.Name, Kinds: accounting.NoticeKinds})
	}
	s.Tell(a)
	monthly := int64(100)
	if _, err := s.CreateAccount(t.Context(), accounting.Account{ID: "acme", Status: accounting.Active, MonthlyTokens: &monthly}, time.Now()); err != nil {
		t.Fatal(err)
	}
	if set.Timeout == 0 {
		set.Timeout = 5 * time.Second
	}
	w := &world{t: t, store: s, log: &strings.Builder{}}
	w.Sender = New(Options{Outbox: s, Registerer: prometheus.NewRegistry(), Log: slog.New(slog.NewTextHandler(w.log, nil))}, set)
	return w
}

// begin runs the sender until end is called, or the test ends.
func (w *world) begin() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	w.end = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			w.t.Error(err)
		}
	})
	w.t.Cleanup(w.end)
}

func (w *world) buy(reference string) {
	w.t.Helper()
	if _, _, err := w.store.CreateGrant(w.t.Context(), accounting.Grant{Account: "acme", Reference: reference, Tokens: 5}, time.Now()); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) tries(fate accounting.Fate) int {
	var shown client.Metric
	if err := w.figures.tries.WithLabelValues(string(accounting.GrantCreated), string(fate)).Write(&shown); err != nil {
		w.t.Fatal(err)
	}
	return int(shown.GetCounter().GetValue())
}

func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// TestTheSpecificationsOwnLibraryVerifies checks what is sent with the library that receivers use.
func TestTheSpecificationsOwnLibraryVerifies(t *testing.T) {
	t.Parallel()
	v := newReceiver(t, nil)
	w := newWorld(t, Settings{Targets: []Target{{"shop", v.URL + "/hooks?for=tollgate", [][]byte{keyOf(t, newSecret), keyOf(t, oldSecret)}}}})
	w.buy("invoice-17")
	w.begin()
	got := v.await(1)[0]
	for _, secret := range []string{newSecret, oldSecret} { // whichever the receiver has in the meantime
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := verifier.Verify(got.body, got.header); err != nil {
			t.Errorf("the library: %v", err)
		}
		if err := verifier.Verify(append(got.body, ' '), got.header); err == nil {
			t.Error("the library took a changed body")
		}
	}
	other, err := standardwebhooks.NewWebhookRaw([]byte("another secret, of enough bytes."))
	if err != nil {
		t.Fatal(err)
	}
	if other.Verify(got.body, got.header) == nil {
		t.Error("the library took another secret's signature")
	}
	if strings.Contains(got.id, ".") || len(strings.Split(got.header.Get("webhook-signature"), " ")) != 2 {
		t.Errorf("id %s, signatures %s", got.id, got.header.Get("webhook-signature"))
	}
	var said struct {
		Type      string
		Timestamp time.Time
		Data      struct {
			Account string
			Grant   struct {
				Reference string
				Tokens    int64
			}
		}
	}
	if err := json.Unmarshal(got.body, &said); err != nil || said.Type != "grant.created" || said.Data.Account != "acme" || said.Data.Grant.Reference != "invoice-17" || said.Data.Grant.Tokens != 5 {
		t.Errorf("body %s: %v", got.body, err)
	}
	w.eventually("it counts as delivered", func() bool { return w.tries(accounting.Delivered) == 1 })
}

// TestWhatIsNotTakenIsTriedAgain: with the same id and body, another timestamp, and by the schedule.
func TestWhatIsNotTakenIsTriedAgain(t *testing.T) {
	t.Parallel()
	answers := []int{500, 302, 200}
	v := newReceiver(t, nil)
	v.answer = func(n int, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", v.URL+"/elsewhere")
		w.WriteHeader(answers[min(n, len(answers))-1])
	}
	w := newWorld(t, Settings{Targets: []Target{{"shop", v.URL, [][]byte{keyOf(t, newSecret)}}}, Retries: []time.Duration{200 * time.Millisecond, 300 * time.Millisecond}})
	w.buy("one")
	w.begin()
	came := v.await(3)
	w.eventually("it counts", func() bool { return w.tries(accounting.Delivered) == 1 && w.tries(accounting.Failed) == 2 })
	time.Sleep(1200 * time.Millisecond) // one more look into the outbox
	if n := len(v.all()); n != 3 {
		t.Errorf("%d tries, want 3", n)
	}
	for i, wait := range []time.Duration{200 * time.Millisecond, 300 * time.Millisecond} {
		if pause := came[i+1].at.Sub(came[i].at); pause < wait || came[i+1].id != came[0].id || string(came[i+1].body) != string(came[0].body) {
			t.Errorf("try %d came after %s, want %s or more; id %s, first %s", i+2, pause, wait, came[i+1].id, came[0].id)
		}
	}
}

func TestAScheduleEnds(t *testing.T) {
	t.Parallel()
	v := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusTeapot) })
	w := newWorld(t, Settings{Targets: []Target{{"shop", v.URL + "/?token=geheim", [][]byte{keyOf(t, newSecret)}}}, Retries: []time.Duration{20 * time.Millisecond}})
	w.buy("one")
	w.begin()
	w.eventually("it is given up", func() bool { return w.tries(accounting.GivenUp) == 1 })
	w.end()
	if n, _, err := w.store.WaitingNotices(t.Context(), "shop"); err != nil || n != 0 || len(v.all()) != 2 {
		t.Errorf("%d wait after %d tries, %v", n, len(v.all()), err)
	}
	if said := w.log.String(); !strings.Contains(said, "webhook given up") || !strings.Contains(said, "status 418") || strings.Contains(said, "geheim") || strings.Contains(said, v.URL) {
		t.Errorf("the log: %s", said)
	}
}

// TestGoneIsTheEnd and what asks for time gets it.
func TestGoneIsTheEnd(t *testing.T) {
	t.Parallel()
	v := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "2")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusGone)
	})
	w := newWorld(t, Settings{Targets: []Target{{"shop", v.URL, [][]byte{keyOf(t, newSecret)}}}, Retries: []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond}})
	w.buy("one")
	w.begin()
	came := v.await(2)
	if pause := came[1].at.Sub(came[0].at); pause < 2*time.Second {
		t.Errorf("it asked for 2 s and got %s", pause)
	}
	w.eventually("it is given up", func() bool { return w.tries(accounting.GivenUp) == 1 })
}

// TestASlowTargetHoldsUpNobodyElse: neither other targets nor the gateway's end.
func TestASlowTargetHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	leave := make(chan struct{})
	slow := newReceiver(t, func(n int, w http.ResponseWriter, r *http.Request) {
		select {
		case <-leave:
		case <-r.Context().Done():
		}
	})
	defer close(leave)
	quick := newReceiver(t, nil)
	key := [][]byte{keyOf(t, newSecret)}
	w := newWorld(t, Settings{Timeout: 30 * time.Second, Retries: []time.Duration{time.Hour}, Targets: []Target{{"slow", slow.URL, key}, {"quick", quick.URL, key}}})
	w.begin()
	w.buy("one")
	slow.await(1)
	for n := range 3 {
		w.buy(fmt.Sprint(n))
		quick.await(n + 2)
	}
	began := time.Now()
	w.end()
	if took := time.Since(began); took > endFor+2*time.Second {
		t.Errorf("the end took %s", took)
	}
	now := time.Now() // what was broken off is nobody's: the next life tries again at once
	claimed, err := w.store.ClaimNotices(t.Context(), "slow", now, now.Add(time.Minute), 10)
	if err != nil || len(claimed) != 4 {
		t.Errorf("%d notices can be tried again at once, want 4: %v", len(claimed), err)
	}
}

// TestATargetThatIsDownIsLeftAlone: many notices are not many tries.
func TestATargetThatIsDownIsLeftAlone(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	w := newWorld(t, Settings{Targets: []Target{{"shop", gone.URL, [][]byte{keyOf(t, newSecret)}}}, Retries: []time.Duration{time.Hour}})
	for n := range 200 {
		w.buy(fmt.Sprint(n))
	}
	w.begin()
	time.Sleep(1500 * time.Millisecond)
	w.end()
	if n := w.tries(accounting.Failed); n == 0 || n > 4*batchMax {
		t.Errorf("%d tries in 1.5 s", n)
	}
	if !strings.Contains(w.log.String(), "connection refused") || strings.Contains(w.log.String(), gone.URL) {
		t.Errorf("the log: %.300s", w.log.String())
	}
}

// TestSettingsAreApplied while it runs: a target comes, another one goes.
func TestSettingsAreApplied(t *testing.T) {
	t.Parallel()
	first, second := newReceiver(t, nil), newReceiver(t, nil)
	key := [][]byte{keyOf(t, newSecret)}
	set := Settings{Timeout: time.Second, Targets: []Target{{"first", first.URL, key}, {"second", second.URL, key}}}
	w := newWorld(t, set)
	w.Apply(Settings{Timeout: time.Second, Targets: set.Targets[:1]})
	w.begin()
	w.buy("one")
	first.await(1)
	if len(second.all()) != 0 {
		t.Error("a target that is not set was told")
	}
	w.Apply(Settings{Timeout: time.Second, Targets: set.Targets[1:]})
	w.buy("two")
	second.await(2)
	if n := len(first.all()); n != 1 {
		t.Errorf("the target that went was told %d times, want once", n)
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 7, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"": 0, "soon": 0, "-5": 0, "0": 0, "120": 2 * time.Minute, "99999999": retryAfterMax, "99999999999999": 0,
		"Tue, 24 Nov 2026 07:00:30 GMT": 30 * time.Second, "Tue, 24 Nov 2026 06:00:00 GMT": 0, "Fri, 24 Nov 2028 07:00:00 GMT": retryAfterMax,
	} {
		if got := retryAfter(text, now); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
