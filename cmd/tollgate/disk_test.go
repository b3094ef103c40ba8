//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// inOwnMounts runs the calling test again in a mount namespace of its own, so that it may mount (as root of a
// user namespace if it is not root) and nothing stays mounted however it ends. It says whether this is that run.
func inOwnMounts(t *testing.T) bool {
	const mark = "TOLLGATE_TEST_OWN_MOUNTS"
	if os.Getenv(mark) != "" {
		return true
	}
	again := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v=true", "-test.timeout=5m")
	again.Env = append(os.Environ(), mark+"=1")
	again.Stdout, again.Stderr = os.Stdout, os.Stderr
	again.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Getuid(); uid != 0 {
		again.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		again.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: uid, Size: 1}}
		again.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := again.Run(); err != nil {
		t.Errorf("in its own mount namespace: %v", err)
	}
	return false
}

// smallDisk mounts a file system of that size.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		t.Fatalf("make mounts private: %v", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Fatalf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return dir
}

// fill writes a file until not one byte more fits.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for block := make([]byte, 64<<10); len(block) > 0; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			block = block[:len(block)/2]
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDisk(t *testing.T) {
	if !inOwnMounts(t) {
		return
	}
	provider, origin := newProvider(t)
	disk := smallDisk(t, "32m")
	filler := filepath.Join(disk, "filler")
	dir := t.TempDir()
	gateway := begin(t, dir, settings(filepath.Join(disk, "data"), origin, ""))
	key := gateway.account(t, "acme", 1_000_000_000_000, nil)
	var serial atomic.Int64
	c := &client{"acme", key, rand.New(rand.NewPCG(1, 2)), &serial, ofAllKinds}
	var remembered []asked
	for range 20 {
		remembered = append(remembered, c.ask(t, gateway.data))
	}

	wait := running(t, gateway, key, 20, 40, 50) // admitted while there is room, to be settled when there is none
	fill(t, filler)
	shed := time.Now()
	for {
		a, status := c.probe(t, gateway.data)
		remembered = append(remembered, a)
		if status == http.StatusServiceUnavailable {
			break
		}
		if time.Since(shed) > 30*time.Second {
			t.Fatal("30 s on a full disk, and requests are still let in")
		}
	}
	admitted := len(remembered) - 20
	calls, refused := provider.Calls(), 0
	for range 50 {
		if _, status := c.probe(t, gateway.data); status == http.StatusServiceUnavailable {
			refused++
		}
	}
	calledWhenFull := provider.Calls() - calls
	if refused != 50 || calledWhenFull != 0 {
		t.Errorf("on a full disk %d of 50 requests were refused and the provider was called %d times", refused, calledWhenFull)
	}
	streams := wait()
	whole := 0
	for i := range streams {
		streams[i].account = "acme"
		if streams[i].ended {
			whole++
		}
	}
	if whole != len(streams) {
		t.Errorf("%d of %d admitted streams ended whole", whole, len(streams))
	}
	remembered = append(remembered, streams...)

	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	for {
		a, status := c.probe(t, gateway.data)
		remembered = append(remembered, a)
		if status == http.StatusOK {
			break
		}
		if time.Since(freed) > 30*time.Second {
			t.Fatalf("30 s after space was freed: still %d", status)
		}
		time.Sleep(20 * time.Millisecond)
	}
	recovered := time.Since(freed)
	events := gateway.events(t, "acme")
	gateway.audit(t, "acme", events)
	b := compare(t, remembered, provider.Answered(), events)
	fmt.Printf("FAULT disk-full admitted=%d shed_503=%d provider_calls_when_full=%d running_ended=%d/%d lost=%d dup=%d recovered_after=%v %s\n",
		admitted, refused, calledWhenFull, whole, len(streams), b.lost, b.dup, recovered.Round(time.Millisecond), verdict(t))
	gateway.stop(t)
}

// probe makes one short request that is not streamed.
func (c *client) probe(t *testing.T, origin string) (asked, int) {
	t.Helper()
	a := asked{account: c.account, input: 1_000_000 + c.serial.Add(1), output: 3}
	body := fmt.Sprintf(`{"model":"gpt-4o-mini","max_tokens":5,"messages":[],"proxytest":{"input":%d,"output":3}}`, a.input)
	resp, err := crowd.Do(request(t, origin+"/v1/chat/completions", c.key, body))
	if err != nil {
		return a, 0
	}
	defer resp.Body.Close()
	a.eventID = resp.Header.Get("X-Tollgate-Request-Id")
	a.ended = sawWhole(resp)
	if code := resp.Header.Get("X-Tollgate-Error"); resp.StatusCode == http.StatusServiceUnavailable && code != "overloaded" {
		t.Errorf("503 with X-Tollgate-Error %q, want overloaded", code)
	}
	return a, resp.StatusCode
}
