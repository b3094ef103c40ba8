package journal

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tollgate/tollgate/store/disktest"
)

var crashes = flag.Int("crashes", 150, "how often TestPowerLoss cuts the power")

func TestPowerLossLosesNothingAcknowledged(t *testing.T) {
	seed := rand.Uint64()
	lost, acknowledged, refused := losePower(t, Options{}, *crashes, seed)
	if lost > 0 || refused > 0 {
		t.Errorf("lost_acked=%d refused_start=%d", lost, refused)
	}
	if acknowledged < *crashes {
		t.Errorf("%d records in %d crashes: nothing was tested", acknowledged, *crashes)
	}
	fault(t, "power-loss-journal crashes=%d acknowledged=%d lost_acked=%d refused_start=%d seed=%d", *crashes, acknowledged, lost, refused, seed)
}

// The test above can fail: without syncs it does.
func TestPowerLossShowsAMissingSync(t *testing.T) {
	if lost, _, refused := losePower(t, Options{Memory: true}, 40, rand.Uint64()); lost+refused == 0 {
		t.Error("a journal without syncs lost nothing in 40 crashes")
	}
}

// losePower counts a number that is given twice as lost, too. It appends, marks and deletes on a disk whose power goes at random, also while a journal opens.
func losePower(t *testing.T, o Options, crashes int, seed uint64) (lost, acknowledged, refused int) {
	disk := disktest.New(t, seed)
	o.vfs = disk.VFS()
	held := map[int64]string{} // acknowledged and not told as stored
	given := map[int64]bool{}
	for range crashes {
		disk.OffAfter(disk.Noise.IntN(120))
		for seq, rec := range lifeUntilPowerLoss(o) {
			if given[seq] {
				lost++
			}
			given[seq] = true
			held[seq] = rec
			acknowledged++
		}
		disk.Lose()
		j, err := Open("/journal.db", o)
		if err != nil {
			t.Logf("refused: %v", err)
			refused++
			disk.Clear()
			clear(held)
			continue
		}
		got := map[int64]string{}
		for _, r := range all(t, j) {
			got[r.Seq] = string(r.Bytes)
		}
		for seq, rec := range held {
			if got[seq] != rec {
				lost++
				delete(held, seq)
			}
		}
		cut := disk.Noise.IntN(len(held) + 1)
		for _, seq := range slices.Sorted(maps.Keys(held))[:cut] {
			delete(held, seq)
			if err := j.Stored(seq); err != nil {
				t.Error(err)
			}
		}
		if disk.Noise.IntN(2) == 0 {
			disk.OffAfter(0) // the next life finds the WAL as it is
		}
		j.Close()
	}
	return lost, acknowledged, refused
}

// lifeUntilPowerLoss gives what it acknowledged before the power went.
func lifeUntilPowerLoss(o Options) map[int64]string {
	acknowledged := map[int64]string{}
	j, err := Open("/journal.db", o)
	if err != nil {
		return acknowledged
	}
	j.file.walPages(8) // many checkpoints
	j.chores()         // deletes what is stored
	ended := make(chan struct{})
	go func() {
		j.Run(context.Background())
		close(ended)
	}()
	var wg sync.WaitGroup
	var mu sync.Mutex
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				rec := fmt.Sprintf("%d %d %s", w, i, strings.Repeat("y", 100*(i%9)))
				j.Mark(fmt.Sprint(w), []byte(rec))
				seq, err := j.Append([]byte(rec), fmt.Sprint(w))
				if err != nil {
					return
				}
				mu.Lock()
				acknowledged[seq] = rec
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	<-ended
	j.Close()
	return acknowledged
}
