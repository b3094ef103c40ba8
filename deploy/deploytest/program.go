// Package deploytest runs the real programs that stand around a gateway: Jaeger and Prometheus, each on free loopback ports
// and until the test ends.
package deploytest

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// Missing skips a test for want of a part, and fails it in CI.
func Missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") == "" {
		t.Skipf("NOT TESTED: %v", err)
	}
	t.Fatal(err)
}

// debian is the path of a program of one of Debian's packages.
func debian(t testing.TB, name, from string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, fmt.Errorf("%w: apt-get install --no-install-recommends %s", err, from))
	}
	return path
}

// freeAddress is one on loopback that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// output is what a program said.
type output struct {
	lock sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.lock.Lock()
	defer o.lock.Unlock()
	return o.text.Write(p)
}

// String is the last 4 KiB.
func (o *output) String() string {
	o.lock.Lock()
	defer o.lock.Unlock()
	b := o.text.Bytes()
	return string(b[max(0, len(b)-4<<10):])
}

// run runs a program until the test ends, and waits until a GET of url is answered with 200.
func run(t testing.TB, url, program string, args ...string) {
	t.Helper()
	said := &output{}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = said, said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // killed at the test's end, or shown below
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // unless it ended by itself
		<-ended
		if t.Failed() {
			t.Logf("%s said:\n%s", filepath.Base(program), said)
		}
	})
	for deadline := time.Now().Add(time.Minute); !answers(url); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			t.Fatalf("%s ended:\n%s", program, said)
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer at %s after a minute", program, url)
		}
	}
}

func answers(url string) bool {
	res, err := http.Get(url)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusOK
}
