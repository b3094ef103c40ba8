package main_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/tollgate/tollgate/store/pgtest"
)

// badLine is a connection to a database that can be made bad.
type badLine struct {
	*testing.T
	proxy *toxiproxy.Proxy
}

// newBadLine puts one before a database and gives its URL.
func newBadLine(t *testing.T, database string) (*badLine, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &badLine{t, toxiproxy.NewProxy(server, "database", "127.0.0.1:0", u.Host)}
	l.start()
	t.Cleanup(l.proxy.Stop)
	u.Host = l.proxy.Listen
	return l, u.String()
}

func (l *badLine) start() {
	l.Helper()
	if err := l.proxy.Start(); err != nil {
		l.Fatal(err)
	}
}

// add makes it bad in both directions.
func (l *badLine) add(kind, attributes string) {
	l.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"name":"%[1]s-%[2]s","type":%[1]q,"stream":%[2]q,"attributes":%[3]s}`, kind, stream, attributes)
		if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			l.Fatal(err)
		}
	}
}

func (l *badLine) heal() { l.proxy.Toxics.ResetToxics(l.Context()) }

// TestTheLineToPostgresIsBad goes through what happens to networks, under load.
func TestTheLineToPostgresIsBad(t *testing.T) {
	t.Parallel()
	line, at := newBadLine(t, pgtest.URL(t))
	o := newOrdeal(t, 2, at)
	var served []string
	phase := func(name string, begin, end func(), lasts time.Duration) {
		before := o.answered()
		begin()
		time.Sleep(lasts)
		during := o.answered() - before
		end()
		before = o.answered()
		time.Sleep(time.Second)
		served = append(served, fmt.Sprintf("%s=%d/%d", name, during, o.answered()-before))
		if during < 20 {
			t.Errorf("%s: %d requests were served meanwhile", name, during)
		}
	}
	phase("slow", func() { line.add("latency", `{"latency":150,"jitter":100}`) }, line.heal, 3*time.Second)
	phase("reset", func() { line.add("reset_peer", `{"timeout":20}`) }, line.heal, 2*time.Second)
	phase("half-open", func() { line.add("timeout", `{"timeout":0}`) }, line.heal, 4*time.Second)
	phase("flapping", func() {
		for range 8 {
			line.proxy.Stop()
			time.Sleep(150 * time.Millisecond)
			line.start()
			time.Sleep(150 * time.Millisecond)
		}
	}, func() {}, 0)
	phase("cut", func() { line.add("limit_data", `{"bytes":3000}`) }, line.heal, 2*time.Second)
	o.judge(t, "bad-line", strings.Join(served, " "))
}
