package proxy_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
)

// dial opens a raw connection to the gateway.
func (r *rig) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	return conn
}

// postHead is the head of a chat whose body comes, or does not, behind it.
func postHead(path, secret, length string) string {
	return "POST " + path + " HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer " + secret + "\r\n" + length + "\r\n\r\n"
}

// TestSlowBodiesAreCut: a client that announces a body and does not send it holds nothing for longer than
// body_timeout, whatever the answer is, and least of all one without a key.
func TestSlowBodiesAreCut(t *testing.T) {
	r := newRig(t, func(s *proxy.Settings, _ *provider.Settings) { s.BodyTimeout = 300 * time.Millisecond })
	account, secret := r.account(100_000, nil)
	for name, tc := range map[string]struct {
		path, secret, length string
		status               int
	}{
		"announced":           {chatPath, secret, "Content-Length: 1000", 400},
		"chunked":             {chatPath, secret, "Transfer-Encoding: chunked", 400},
		"free path":           {"/v1/moderations", secret, "Content-Length: 1000", 400},
		"no key":              {chatPath, "", "Content-Length: 1000", 401},
		"no key, chunked":     {chatPath, "", "Transfer-Encoding: chunked", 401},
		"no route":            {"/v1/files", secret, "Content-Length: 1000", 404},
		"too large, and slow": {chatPath, secret, "Content-Length: 1048577", 413},
		"the gateway's own":   {"/tollgate/v1/tokens", secret, "Content-Length: 1000", 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := r.dial(t)
			begin := "{"
			if strings.HasPrefix(tc.length, "Transfer") {
				begin = "5\r\n{"
			}
			began := time.Now()
			_, err := io.WriteString(conn, postHead(tc.path, tc.secret, tc.length)+begin)
			must(t, err)
			answers := bufio.NewReader(conn)
			res, err := http.ReadResponse(answers, nil)
			must(t, err)
			if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != tc.status {
				t.Errorf("answered %s, %v, want %d", res.Status, err, tc.status)
			}
			if _, err := answers.ReadByte(); err != io.EOF {
				t.Errorf("after %s the connection is still open: %v", time.Since(began), err)
			}
		})
	}
	t.Cleanup(func() {
		if v := r.mustView(account); v.Held != 0 || r.provider.Calls() != 0 {
			t.Errorf("%d tokens are held, the provider was called %d times", v.Held, r.provider.Calls())
		}
	})
}

// TestClientsThatDoNotReadAreCut: who asks and asks and takes no answer holds a connection no longer than an answer may
// take, on every way that has one.
func TestClientsThatDoNotReadAreCut(t *testing.T) {
	r := newRig(t, func(s *proxy.Settings, e *provider.Settings) {
		s.BodyTimeout, e.Idle = 300*time.Millisecond, 300*time.Millisecond
	})
	_, secret := r.account(1<<40, nil)
	ask := func(line, secret, body string) string {
		return fmt.Sprintf("%s HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer %s\r\nContent-Length: %d\r\n\r\n%s", line, secret, len(body), body)
	}
	for name, send := range map[string]string{
		"refusals":     ask("GET /v1/files", "", ""),
		"preflights":   ask("OPTIONS /v1/models", "", ""),
		"free answers": ask("GET /v1/models", secret, ""),
		"answers":      ask("POST "+chatPath, secret, chat(`{"size":100000}`)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := r.dial(t)
			conn.SetDeadline(time.Now().Add(90 * time.Second)) // what the kernel buffers has to be answered first
			must(t, conn.(*net.TCPConn).SetReadBuffer(64<<10))
			for many := strings.Repeat(send, 100); ; {
				if _, err := io.WriteString(conn, many); err != nil {
					if ne, ok := err.(net.Error); ok && ne.Timeout() {
						t.Error("the connection is still held")
					}
					return
				}
			}
		})
	}
}

// TestTimeForABodyEndsWithIt: an answer may take longer than body_timeout, and so may the next request to come.
func TestTimeForABodyEndsWithIt(t *testing.T) {
	r := newRig(t, func(s *proxy.Settings, _ *provider.Settings) { s.BodyTimeout = 200 * time.Millisecond })
	_, secret := r.account(100_000, nil)
	conn := r.dial(t)
	answers := bufio.NewReader(conn)
	for i := range 2 {
		body := chat(`{"delay_ms":400}`)
		_, err := io.WriteString(conn, postHead(chatPath, secret, fmt.Sprintf("Content-Length: %d", len(body)))+body)
		must(t, err)
		res, err := http.ReadResponse(answers, nil)
		must(t, err)
		if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != 200 {
			t.Errorf("request %d: %s, %v", i, res.Status, err)
		}
		time.Sleep(300 * time.Millisecond)
	}
}

// TestGiantBodies: a body of 1 GiB is refused, by its announcement or as soon as it is too long, and takes no memory.
func TestGiantBodies(t *testing.T) {
	r := newRig(t, nil) // max_request_bytes is 1 MiB
	_, secret := r.account(100_000, nil)
	r.do(request{path: chatPath, secret: secret, body: chat(`{}`)})
	calls, figures := r.provider.Calls(), ""
	for name, length := range map[string]string{"announced": "Content-Length: 1073741824", "chunked": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) {
			conn := r.dial(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := io.WriteString(conn, postHead(chatPath, secret, length))
			must(t, err)
			sent := make(chan int, 1)
			go func() {
				n := 0
				for piece := "10000\r\n" + strings.Repeat("x", 1<<16) + "\r\n"; n < 1<<30; {
					k, err := io.WriteString(conn, piece)
					if n += k; err != nil {
						break
					}
				}
				sent <- n
			}()
			res, err := http.ReadResponse(bufio.NewReader(conn), nil)
			must(t, err)
			if res.StatusCode != 413 || res.Header.Get("X-Tollgate-Error") != "request_too_large" {
				t.Errorf("answered %s, %s", res.Status, res.Header.Get("X-Tollgate-Error"))
			}
			select {
			case n := <-sent:
				runtime.ReadMemStats(&after)
				if took := after.TotalAlloc - before.TotalAlloc; n > 64<<20 || took > 16<<20 {
					t.Errorf("%d MiB were taken off the client, %d MiB allocated", n>>20, took>>20)
				}
				figures += fmt.Sprintf(" %s_taken_kib=%d %s_allocated_kib=%d", name, n>>10, name, (after.TotalAlloc-before.TotalAlloc)>>10)
			case <-time.After(10 * time.Second):
				t.Error("the gateway still reads")
			}
		})
	}
	if r.provider.Calls() != calls {
		t.Error("the provider was called")
	}
	fmt.Printf("FAULT body-of-1-gib answered=413%s RESULT %s\n", figures, map[bool]string{true: "FAIL", false: "ok"}[t.Failed()])
}

// TestAnnouncedBodiesTakeNoRoom: many clients that announce large bodies and send little leave room for the others.
func TestAnnouncedBodiesTakeNoRoom(t *testing.T) {
	r := newRig(t, func(s *proxy.Settings, _ *provider.Settings) { s.MaxBufferedBytes = 8 << 20 })
	_, secret := r.account(1<<40, nil)
	for range 60 {
		_, err := io.WriteString(r.dial(t), postHead(chatPath, secret, "Content-Length: 1048576")+"{")
		must(t, err)
	}
	time.Sleep(200 * time.Millisecond) // until the gateway has read what there is
	if res := r.do(request{path: chatPath, secret: secret, body: chat(`{}`)}); res.StatusCode != 200 {
		t.Errorf("beside them: %s", res.Status)
	}
}

// TestBuffersAreGivenBack: after requests that ended in every way, one that needs all of max_buffered_bytes has them.
func TestBuffersAreGivenBack(t *testing.T) {
	const room = 256 << 10
	r := newRig(t, func(s *proxy.Settings, e *provider.Settings) {
		s.MaxBufferedBytes, s.BodyTimeout, s.UsageWait = room, 200*time.Millisecond, 50*time.Millisecond
		e.DrainFor = 200 * time.Millisecond
	})
	_, secret := r.account(1<<40, nil)
	_, empty := r.account(0, nil)
	pad := strings.Repeat(" ", 40<<10)
	var crowd sync.WaitGroup
	for _, body := range []string{chat(`{}`), streamed(`{}`), chat(`{"status":500}`), streamed(`{"chunks":5,"break_after":2}`), chat(`{"break_after":0}`), chat(`{"no_usage":true}`), `{"model":`} {
		crowd.Go(func() { _ = r.readsWhole(secret, body+pad) })
		crowd.Go(func() { _ = r.readsWhole(empty, body+pad) })
	}
	for _, send := range []string{
		postHead(chatPath, secret, "Content-Length: 100000") + pad,
		postHead(chatPath, secret, "Transfer-Encoding: chunked") + "a000\r\n" + pad + "\r\n",
		postHead(chatPath, secret, "Transfer-Encoding: chunked") + "zz\r\n",
		postHead("/v1/moderations", secret, "Content-Length: 100000") + pad,
	} {
		for _, leaves := range []bool{false, true} {
			conn := r.dial(t)
			crowd.Go(func() {
				io.WriteString(conn, send)
				if leaves {
					conn.Close()
				}
				io.Copy(io.Discard, conn)
			})
		}
	}
	for range 4 {
		crowd.Go(func() {
			ctx, leave := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer leave()
			q, err := http.NewRequestWithContext(ctx, "POST", r.server.URL+chatPath, strings.NewReader(streamed(`{"chunks":50,"pace":10}`)+pad))
			if err != nil {
				t.Error(err)
				return
			}
			q.Header.Set("Authorization", "Bearer "+secret)
			if res, err := http.DefaultClient.Do(q); err == nil {
				io.Copy(io.Discard, res.Body)
				res.Body.Close()
			}
		})
	}
	crowd.Wait()
	whole := chat(`{}`)
	whole += strings.Repeat(" ", room-len(whole))
	eventually(t, "all room is back", 5*time.Second, func() bool {
		return r.do(request{path: chatPath, secret: secret, body: whole}).StatusCode == 200
	})
}
