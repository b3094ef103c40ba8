package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

// serve answers on a free loopback port, tells its address in one line, and ends when in does.
func serve(in io.Reader, out io.Writer, h http.Handler) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		_, _ = io.Copy(io.Discard, in) // until the driver has gone
		_ = s.Close()
	}()
	fmt.Fprintf(out, "http://%s\n", l.Addr())
	if err := s.Serve(l); err != http.ErrServerClosed {
		return err
	}
	return nil
}

func provider() http.Handler { return proxytest.New(proxytest.Options{Lean: true}) }

// sink swallows whatever is exported to it.
func sink() http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
}

// floor is the least that a reverse proxy in Go costs: buffers pooled, connections kept, nothing looked at.
func floor(args []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("floor", flag.ContinueOnError)
	origin := flags.String("provider", "", "origin of the provider")
	if err := flags.Parse(args); err != nil {
		return err
	}
	target, err := url.Parse(*origin)
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost, transport.DisableCompression = 0, 1024, true
	return serve(in, out, &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(target) },
		Transport:     transport,
		BufferPool:    &buffers{},
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0), // of streams that it cuts: they are counted
		ErrorHandler:  func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	})
}

// buffers are 32 KiB each, as ReverseProxy would make them.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return *p
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(p []byte) { b.pool.Put(&p) }
