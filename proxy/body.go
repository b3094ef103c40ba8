package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/tollgate/tollgate/policy"
)

// budget bounds the bytes of all request bodies in memory together.
type budget struct{ used atomic.Int64 }

func (b *budget) take(n, most int64) bool {
	if b.used.Add(n) > most {
		b.used.Add(-n)
		return false
	}
	return true
}

// judgeBody refuses what the headers alone show to be no body of ours.
func (c *call) judgeBody() error {
	if e := c.in.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return denied(codeEncoding, "Content-Encoding: %s: send the body as it is; the gateway has to read the model and the limits in it", e)
	}
	if c.in.ContentLength > c.set.MaxRequestBytes {
		return c.tooLarge()
	}
	return nil
}

func (c *call) tooLarge() error {
	return denied(codeTooLarge, "the body is larger than the %d bytes that this gateway takes (max_request_bytes)", c.set.MaxRequestBytes)
}

var errBuffers = &policy.Denied{Code: policy.Overloaded, Message: "the gateway holds as many request bodies as it may; try again"}

// readBody reads the request's body whole. What it holds counts against max_buffered_bytes until release.
func (c *call) readBody() error {
	if c.in.Body == nil || c.in.Body == http.NoBody {
		return nil
	}
	control := http.NewResponseController(c.w)
	control.SetReadDeadline(time.Now().Add(c.set.BodyTimeout))
	defer control.SetReadDeadline(time.Time{})
	size := c.in.ContentLength
	if size < 0 {
		size = 4 << 10
	}
	if err := c.reserve(size); err != nil {
		return err
	}
	body := make([]byte, 0, size)
	for {
		if len(body) == cap(body) {
			if c.in.ContentLength >= 0 {
				break
			}
			if err := c.reserve(int64(cap(body))); err != nil {
				return err
			}
			body = append(make([]byte, 0, 2*cap(body)), body...)
		}
		n, err := c.in.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > c.set.MaxRequestBytes {
			return c.tooLarge()
		}
		if err == io.EOF {
			break
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return invalid("the body did not come within %s (body_timeout)", c.set.BodyTimeout)
		}
		if err != nil {
			return invalid("the body broke off after %d bytes", len(body))
		}
	}
	if c.in.ContentLength >= 0 && int64(len(body)) < c.in.ContentLength {
		return invalid("the body broke off after %d bytes", len(body))
	}
	c.body = body
	return nil
}

func (c *call) reserve(n int64) error {
	if !c.h.buffered.take(n, c.set.MaxBufferedBytes) {
		return errBuffers
	}
	c.reserved += n
	return nil
}
