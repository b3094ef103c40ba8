package proxy_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// BenchmarkRequest is one metered JSON request over loopback, provider and client included: compare allocations,
// not times. `make bench` measures the processes apart.
func BenchmarkRequest(b *testing.B) {
	r := newRig(b, nil)
	_, secret := r.account(1<<40, nil)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			q, err := http.NewRequest("POST", r.server.URL+chatPath, strings.NewReader(chat(`{"input":10,"output":10}`)))
			if err != nil {
				b.Error(err)
				return
			}
			q.Header.Set("Authorization", "Bearer "+secret)
			res, err := client.Do(q)
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if res.StatusCode != http.StatusOK {
				b.Errorf("status %d", res.StatusCode)
				return
			}
		}
	})
}
