package accounting_test

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
)

// BenchmarkRecorder reports the CPU of the whole process for carrying one event from the journal into the
// embedded store: Apply, and everything around it. apply=false leaves the store out.
func BenchmarkRecorder(b *testing.B) {
	for _, apply := range []bool{true, false} {
		b.Run(fmt.Sprintf("apply=%t", apply), func(b *testing.B) {
			g := open(b, b.TempDir())
			var s accounting.Store = g.store
			if !apply {
				s = new(positionStore)
			}
			j, err := journal.Open(g.dir+"/journal.db", g.j)
			if err != nil {
				b.Fatal(err)
			}
			r := accounting.NewRecorder(j, s, accounting.RecorderOptions{})
			stop := running(b, j.Run)
			done := make(chan struct{}, 64)
			for range cap(done) {
				go func() {
					for range b.N / cap(done) {
						r.Settle(settlement(10), false)
					}
					done <- struct{}{}
				}()
			}
			for range cap(done) {
				<-done
			}
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			if err := r.Recover(context.Background()); err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64((cpu()-before).Nanoseconds())/1e3/float64(b.N), "µs-cpu/op")
			b.StopTimer()
			if lag := r.Lag(); lag.Records != 0 {
				b.Errorf("lag is %v", lag)
			}
			stop()
			j.Close()
			g.store.Close()
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// positionStore keeps nothing but its position.
type positionStore struct {
	accounting.Store
	seq int64
}

func (s *positionStore) Position(context.Context, string) (int64, error) { return s.seq, nil }

func (s *positionStore) Apply(_ context.Context, b accounting.Batch) error {
	s.seq = b.Upto
	return nil
}
