package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"sync"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/proxy/dialect"
)

// Causes that end the provider's side of a call.
var (
	errSilent   = errors.New("the provider was silent for too long")
	errGone     = errors.New("the client left")
	errDrained  = errors.New("the client left and the rest did not come in time")
	errStopping = errors.New("the gateway stops")
)

// forward sends the request on and the answer back. The provider's side outlives the client: usage comes
// last, and a provider bills what nobody reads.
func (c *call) forward() {
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(c.in.Context()))
	c.cancel = cancel
	defer cancel(nil)
	c.timer = time.AfterFunc(c.provider.FirstByte, func() { cancel(errSilent) })
	defer c.timer.Stop()
	defer context.AfterFunc(c.in.Context(), c.clientGone)()
	defer context.AfterFunc(c.h.stop, func() { cancel(errStopping) })()
	c.in.Header.Del("Upgrade") // ReverseProxy would pass it on, and take a malformed one for the provider's failure
	p := httputil.ReverseProxy{
		Rewrite:        c.rewrite,
		ModifyResponse: c.answered,
		ErrorHandler:   c.failed,
		Transport:      authorized{c},
		BufferPool:     &c.h.buffers,
		FlushInterval:  flushInterval,
		ErrorLog:       c.h.errorLog,
	}
	p.ServeHTTP(c.w, c.in.WithContext(ctx))
}

// flushInterval is how long a part of an answer of known length may lie before it goes out: mostly the rest comes sooner and
// goes out in the same write. What has no known length, as streams, goes out at once.
const flushInterval = 10 * time.Millisecond

// clientGone bounds what is still read for a client that left.
func (c *call) clientGone() {
	c.gone.Store(true)
	if c.hold == nil || !c.provider.Drain {
		c.cancel(errGone)
		return
	}
	time.AfterFunc(c.provider.DrainFor, func() { c.cancel(errDrained) })
}

// rewrite makes the outgoing request: the provider's origin, the client's raw path and query, the headers
// that the contract lets through, the provider's credentials, and the body from memory. GetBody stays nil, so that net/http never
// sends a POST twice; and a body that net/http knows to be in memory leaves in one write with its headers, and
// can't be cut by the server closing the inbound one (golang/go#40747).
func (c *call) rewrite(pr *httputil.ProxyRequest) {
	c.provider.Address(pr.Out, c.path)
	pr.Out.URL.RawQuery = withoutKeys(pr.In.URL.RawQuery)
	cleanOutbound(pr.Out.Header)
	c.startClientSpan(pr.Out.Header)
	pr.Out.ContentLength = int64(len(c.body))
	pr.Out.TransferEncoding = nil
	pr.Out.Trailer = nil
	pr.Out.Body = http.NoBody
	if len(c.body) > 0 {
		pr.Out.Body = io.NopCloser(bytes.NewReader(c.body))
	}
}

// authorized sends a request that is complete, and so can be signed.
type authorized struct{ c *call }

func (a authorized) RoundTrip(out *http.Request) (*http.Response, error) {
	if err := a.c.provider.Authorize(out, a.c.body); err != nil {
		return nil, unsent{err}
	}
	a.c.sent = time.Since(a.c.started)
	return a.c.h.transport.RoundTrip(out)
}

// unsent is why a request never left the gateway.
type unsent struct{ error }

func (u unsent) Unwrap() error { return u.error }

// answered looks at the answer's head, and puts the tap on its body.
func (c *call) answered(res *http.Response) error {
	if res.StatusCode == http.StatusSwitchingProtocols {
		return errors.New("the provider switched protocols unasked")
	}
	c.status = res.StatusCode
	c.timer.Reset(c.provider.Idle)
	c.renewDeadline()
	c.corsFields(res.Header)
	if res.Header["Content-Type"] == nil {
		c.w.Header()["Content-Type"] = nil // net/http would guess one
	}
	if c.provider.RejectsCredentials(res) {
		res.Header.Set("X-Tollgate-Error", "provider_credentials")
		c.log.Error("the provider rejects the gateway's credentials", "setting", c.provider.Setting, "status", res.StatusCode)
	}
	if c.hold == nil {
		res.Body = &untapped{res.Body, c}
		return nil
	}
	cut := c.asks && res.StatusCode < 300
	if cut {
		res.Header.Del("Content-Length")
		res.ContentLength = -1
		unpack(res)
	}
	res.Header["X-Tollgate-Request-Id"] = []string{c.id}
	if !c.browser() {
		setRateLimit(res.Header, &c.hold.Standing, c.started, true)
	}
	c.meter = c.route.API.NewMeter(dialect.Response{
		Status:          res.StatusCode,
		Header:          res.Header.Get,
		ContentType:     res.Header.Get("Content-Type"),
		ContentEncoding: res.Header.Get("Content-Encoding"),
		Request:         c.request,
		Cut:             cut,
	})
	res.Body = newTap(c, res.Body, res.ContentLength)
	return nil
}

// unpack makes an answer that something is to be taken out of a plain one, as was asked for.
func unpack(res *http.Response) {
	if !dialect.CanUnpack(res.Header.Get("Content-Encoding")) {
		return
	}
	res.Header.Del("Content-Encoding")
	res.Body = struct {
		io.Reader
		io.Closer
	}{dialect.Unpack(res.Body), res.Body}
}

// failed answers when the provider gave no answer at all.
func (c *call) failed(_ http.ResponseWriter, r *http.Request, err error) {
	cause := context.Cause(r.Context())
	switch {
	case cause == errGone, cause == errDrained, c.gone.Load():
		c.status = statusClientGone
		if c.hold != nil && !unseen(err) {
			c.settle(accounting.ClientClosed)
		}
		return
	case cause == errStopping:
		if c.hold != nil {
			c.settle(accounting.Interrupted)
		}
		panic(http.ErrAbortHandler)
	case cause == errSilent:
		c.refuse(&unavailable{http.StatusGatewayTimeout, "the provider " + c.provider.Name + " did not answer in time", err})
	default:
		c.refuse(&unavailable{http.StatusBadGateway, "the provider " + c.provider.Name + " can't be reached", err})
	}
}

// statusClientGone is what nginx logs for a client that left before the answer began.
const statusClientGone = 499

// unseen says whether a request failed before a connection stood, so that the provider never saw it.
func unseen(err error) bool {
	if _, ok := errors.AsType[unsent](err); ok {
		return true
	}
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// untapped is the body of a free answer: nothing is read out of it, only silence is bounded.
type untapped struct {
	io.ReadCloser
	c *call
}

func (u *untapped) Read(p []byte) (int, error) {
	u.c.timer.Reset(u.c.provider.Idle)
	n, err := u.ReadCloser.Read(p)
	u.c.renewDeadline()
	return n, err
}

// bufferPool lends ReverseProxy its copy buffers.
type bufferPool struct{ pool sync.Pool }

const bufferSize = 32 << 10

func (b *bufferPool) Get() []byte {
	if p, ok := b.pool.Get().(*[bufferSize]byte); ok {
		return p[:]
	}
	return make([]byte, bufferSize)
}

func (b *bufferPool) Put(p []byte) { b.pool.Put((*[bufferSize]byte)(p)) }
