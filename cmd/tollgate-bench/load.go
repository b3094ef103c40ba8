package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// order tells the load client what to do.
type order struct {
	URL         string
	Key         string
	Body        string
	Connections int
	// Duration ends it, or Count requests do, whichever is not 0.
	Duration time.Duration
	Count    int64
	// Hold only opens the streams and keeps them open until the next order.
	Hold bool
}

// result is what came of it.
type result struct {
	Requests int64
	// Cut counts answers that did not come whole, Refused those with a status other than 200.
	Cut, Refused  int64
	P50, P99, Max time.Duration
	// Fault is the first thing that went wrong.
	Fault string
}

// load obeys orders, one JSON value each, until there are no more. Connections are kept from order to order.
func load(in io.Reader, out io.Writer) error {
	l := loader{client: &http.Client{Transport: &http.Transport{
		MaxIdleConnsPerHost: 1024, MaxConnsPerHost: 0, DisableCompression: true, IdleConnTimeout: time.Minute,
	}}}
	orders, results := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var o order
		if err := orders.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read order: %w", err)
		}
		l.drop()
		if err := results.Encode(l.obey(o)); err != nil {
			return fmt.Errorf("write result: %w", err)
		}
	}
}

type loader struct {
	client *http.Client
	held   []io.Closer
}

// drop closes what the last order held open.
func (l *loader) drop() {
	for _, c := range l.held {
		_ = c.Close()
	}
	l.held = nil
}

func (l *loader) obey(o order) result {
	if o.Hold {
		return l.hold(o)
	}
	var (
		lock  sync.Mutex
		sum   result
		times []time.Duration
		taken atomic.Int64
		group sync.WaitGroup
	)
	end := time.Now().Add(o.Duration)
	for range o.Connections {
		group.Go(func() {
			var own result
			var ownTimes []time.Duration
			for o.more(end, &taken) {
				start := time.Now()
				l.one(o, &own)
				ownTimes = append(ownTimes, time.Since(start))
			}
			lock.Lock()
			defer lock.Unlock()
			sum.add(own)
			times = append(times, ownTimes...)
		})
	}
	group.Wait()
	slices.Sort(times)
	if n := len(times); n > 0 {
		sum.P50, sum.P99, sum.Max = times[n/2], times[n*99/100], times[n-1]
	}
	return sum
}

func (o order) more(end time.Time, taken *atomic.Int64) bool {
	if o.Count > 0 {
		return taken.Add(1) <= o.Count
	}
	return time.Now().Before(end)
}

func (r *result) add(o result) {
	r.Requests += o.Requests
	r.Cut += o.Cut
	r.Refused += o.Refused
	if r.Fault == "" {
		r.Fault = o.Fault
	}
}

// one makes a request and reads its answer to the end.
func (l *loader) one(o order, r *result) {
	r.Requests++
	resp, err := l.send(o)
	if err != nil {
		r.cut(err)
		return
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		r.Refused++
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 512)) // only to tell of
		r.fault(fmt.Sprintf("%s: %s", resp.Status, body))
		return
	}
	var last tail
	if _, err = io.Copy(&last, resp.Body); err != nil {
		r.cut(err)
		return
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") && !bytes.HasSuffix(last.bytes, []byte("data: [DONE]\n\n")) {
		r.cut(fmt.Errorf("the stream ends as if whole with %q", last.bytes))
	}
}

func (l *loader) send(o order) (*http.Response, error) {
	q, err := http.NewRequest(http.MethodPost, o.URL, strings.NewReader(o.Body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Content-Type", "application/json")
	q.Header.Set("Authorization", "Bearer "+o.Key)
	return l.client.Do(q)
}

// hold opens the streams and reads the first bytes of each.
func (l *loader) hold(o order) result {
	var (
		lock  sync.Mutex
		sum   result
		group sync.WaitGroup
	)
	for range o.Connections {
		group.Go(func() {
			resp, err := l.send(o)
			first := make([]byte, 6)
			if err == nil {
				_, err = io.ReadFull(resp.Body, first)
			}
			lock.Lock()
			defer lock.Unlock()
			if err != nil {
				sum.cut(err)
				return
			}
			sum.Requests++
			l.held = append(l.held, resp.Body)
		})
	}
	group.Wait()
	return sum
}

func (r *result) cut(err error) {
	r.Cut++
	r.fault(err.Error())
}

func (r *result) fault(what string) {
	if r.Fault == "" {
		r.Fault = what
	}
}

// tail keeps the last bytes of what is written to it.
type tail struct{ bytes []byte }

func (t *tail) Write(p []byte) (int, error) {
	const size = len("data: [DONE]\n\n")
	t.bytes = append(t.bytes, p[max(0, len(p)-size):]...)
	if extra := len(t.bytes) - size; extra > 0 {
		t.bytes = append(t.bytes[:0], t.bytes[extra:]...)
	}
	return len(p), nil
}
