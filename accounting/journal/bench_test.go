package journal

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BenchmarkAppend reports the CPU of the whole process for one record, which is what SPEED figures mean;
// ns/op is the time between two records.
func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 32} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			j, _ := start(b, file0(b), Options{Gather: 2 * time.Millisecond, Keep: time.Hour, KeepBytes: 1 << 30})
			rec := make([]byte, 250)
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu()
			var wg sync.WaitGroup
			for w := range writers {
				wg.Go(func() {
					for range (b.N - w + writers - 1) / writers {
						if _, err := j.Append(rec, ""); err != nil {
							b.Error(err)
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64((cpu()-before).Microseconds())/float64(b.N), "µs-cpu/op")
			b.ReportMetric(float64(b.N)/float64(j.commits.Load()), "records/commit")
		})
	}
}

func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
