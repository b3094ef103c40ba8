package journal

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// child is another process of this test: it appends with eight goroutines and says each acknowledged record
// on its standard output, until it is killed.
func child(path string) {
	j, err := Open(path, Options{Gather: 2 * time.Millisecond})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go j.Run(context.Background())
	var mu sync.Mutex
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				rec := fmt.Sprintf("%d.%d.%d", os.Getpid(), w, i)
				id := fmt.Sprint("mark ", rec)
				if i%3 == 0 {
					j.Mark(id, []byte(rec))
				}
				seq, err := j.Append([]byte(rec), id)
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(seq, rec)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestKilledProcessLosesNothingAcknowledged(t *testing.T) {
	path := file0(t)
	acknowledged := map[int64]string{}
	for round := range 20 {
		for seq, rec := range killedRound(t, path) {
			if had, ok := acknowledged[seq]; ok {
				t.Fatalf("round %d: number %d was given twice, to %q and %q", round, seq, had, rec)
			}
			acknowledged[seq] = rec
		}
		j, stop := start(t, path, Options{})
		held, seen := map[int64]string{}, map[string]bool{}
		for after, more := int64(0), true; more; {
			page, err := j.Read(after, 1000)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range page {
				if seen[string(r.Bytes)] {
					t.Errorf("round %d: %q is there twice", round, r.Bytes)
				}
				held[r.Seq], seen[string(r.Bytes)], after = string(r.Bytes), true, r.Seq
			}
			more = len(page) > 0
		}
		marks, err := j.Running()
		if err != nil {
			t.Fatal(err)
		}
		for id := range marks {
			if seen[strings.TrimPrefix(id, "mark ")] {
				t.Errorf("round %d: %q is settled and still marked", round, id)
			}
		}
		stop()
		for seq, rec := range acknowledged {
			if held[seq] != rec {
				t.Fatalf("round %d: number %d is %q, was acknowledged as %q", round, seq, held[seq], rec)
			}
		}
	}
	if len(acknowledged) < 100 {
		t.Errorf("only %d records were acknowledged: nothing was tested", len(acknowledged))
	}
	fault(t, "kill-9 rounds=20 acknowledged=%d", len(acknowledged))
}

// killedRound runs a child for a moment and gives what it acknowledged.
func killedRound(t *testing.T, path string) map[int64]string {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "JOURNAL_TEST_CHILD="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := map[int64]string{}
	var kill *time.Timer
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var seq int64
		var rec string
		if n, _ := fmt.Sscan(lines.Text(), &seq, &rec); n == 2 && strings.Count(rec, ".") == 2 {
			acknowledged[seq] = rec
		}
		if kill == nil {
			kill = time.AfterFunc(time.Duration(rand.IntN(150))*time.Millisecond, func() { cmd.Process.Kill() })
		}
	}
	cmd.Wait()
	return acknowledged
}
