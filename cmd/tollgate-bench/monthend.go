package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/tollgate/tollgate/proxy/proxytest"
	"github.com/tollgate/tollgate/store"
)

// hot is how many accounts have half of the load, so that they are in use all the time.
const hot = 100

// shot is one request.
type shot struct {
	at   time.Time // when it was due
	took time.Duration
	fine bool
}

// monthEnds lets the month of all accounts end at one instant, under load.
func (s *scale) monthEnds(ctx context.Context, url string, books *store.Store, h *history) error {
	for more := true; more; { // all of them are in a month that runs, with few events too
		var err error
		if more, err = books.ResetEnded(ctx, 500); err != nil {
			return err
		}
	}
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	warm := s.calm / 2
	reset := time.Now().Add(3*time.Second + warm + s.calm).Truncate(time.Microsecond) // 3 s: the gateway's start
	if _, err := db.Exec(ctx, "UPDATE account_period SET period_end = $1 WHERE period_end > $2", reset.UnixMicro(), time.Now().UnixMicro()); err != nil {
		return err
	}
	g, err := s.launch(ctx, url)
	if err != nil {
		return err
	}
	shots := s.fire(ctx, g, h, reset.Add(-s.calm-warm), reset.Add(2*s.calm))
	g.stop()
	var rolled int
	if err := db.QueryRow(ctx, "SELECT COUNT(*) FROM account_period WHERE period_start = $1", reset.UnixMicro()).Scan(&rolled); err != nil {
		return err
	}
	return s.tellMonth(shots, reset, rolled)
}

// fire sends requests at an even rate, whether or not those before them were answered.
func (s *scale) fire(ctx context.Context, g *gateway, h *history, from, to time.Time) []shot {
	l := loader{client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1024}, Timeout: 30 * time.Second}}
	random := rand.New(rand.NewPCG(1, 5))
	every := time.Second / time.Duration(s.rate)
	shots := make([]shot, max(0, int(to.Sub(from)/every)))
	var wait sync.WaitGroup
	for i := range shots {
		account := random.IntN(h.accounts)
		if i%2 == 0 {
			account = random.IntN(min(hot, h.accounts))
		}
		if lacks(account) {
			account--
		}
		o := order{URL: g.url + "/v1/chat/completions", Key: secret(account), Body: request(false, proxytest.Script{Chunks: 20})}
		at := from.Add(time.Duration(i) * every)
		select {
		case <-time.After(time.Until(at)):
		case <-ctx.Done():
			wait.Wait()
			return shots[:i]
		}
		wait.Go(func() {
			var r result
			l.one(o, &r)
			shots[i] = shot{at, time.Since(at), r.Cut+r.Refused == 0}
		})
	}
	wait.Wait()
	return shots
}

func (s *scale) tellMonth(shots []shot, reset time.Time, rolled int) error {
	table := newTable(s.out, fmt.Sprintf("the month of %d accounts ends, %d requests/s", s.accounts, s.rate), "requests", "not served", "p50 / p99 / longest ms")
	failed := 0
	for i, name := range []string{"before", "during", "after"} {
		from := reset.Add(time.Duration(i-1) * s.calm)
		var times timing
		missed := 0
		for _, shot := range shots {
			if shot.at.Before(from) || !shot.at.Before(from.Add(s.calm)) {
				continue
			}
			times = append(times, shot.took)
			if !shot.fine {
				missed++
			}
		}
		slices.Sort(times)
		table.row(fmt.Sprintf("%s: %v", name, s.calm), fmt.Sprint(len(times)), fmt.Sprint(missed),
			fmt.Sprintf("%.1f / **%.1f** / %.1f", ms(times.at(50)), ms(times.at(99)), ms(times.at(100))))
		failed += missed
	}
	fmt.Fprintf(s.out, "\n%d accounts began their month on their first request of it\n", rolled)
	if failed > 0 || rolled == 0 {
		return fmt.Errorf("%d requests were not served, %d accounts began a month", failed, rolled)
	}
	return nil
}
