package proxy

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
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
	for _, e := range c.in.Header["Content-Encoding"] {
		if e == "" || strings.EqualFold(e, "identity") {
			continue
		}
		return denied(codeEncoding, "Content-Encoding: %s: send the body as it is; the gateway has to read the model and the limits in it", e)
	}
	if len(c.in.Header["Content-Type"]) > 1 {
		return invalid("more than one Content-Type: which of them the provider goes by can't be known")
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

// limitBody bounds the time for the request's body, whether it will be read here or, behind a refusal, by net/http,
// which does so before it answers. The limit ends when the body has been read whole.
func (c *call) limitBody() {
	if c.in.ContentLength != 0 {
		http.NewResponseController(c.w).SetReadDeadline(time.Now().Add(c.set.BodyTimeout))
	}
}

// Room is taken as a body comes and not as it is announced: a client that announces and does not send holds little.
const (
	firstRoom   = 64 << 10
	unknownRoom = 4 << 10 // where the length is not announced
)

// readBody reads the request's body whole. What it holds counts against max_buffered_bytes until the call ends.
func (c *call) readBody() error {
	if c.in.Body == nil || c.in.Body == http.NoBody {
		return nil
	}
	defer func(began time.Time) { c.reading = time.Since(began) }(time.Now())
	announced := c.in.ContentLength
	room := min(announced, firstRoom)
	if announced < 0 {
		room = unknownRoom
	}
	if err := c.reserve(room); err != nil {
		return err
	}
	body := make([]byte, 0, room)
	for {
		if int64(len(body)) == announced {
			break
		}
		if len(body) == cap(body) {
			room := 2 * int64(cap(body))
			if announced >= 0 {
				room = min(2*room, announced)
			}
			if err := c.reserve(room - int64(cap(body))); err != nil {
				return err
			}
			body = append(make([]byte, 0, room), body...)
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
	if int64(len(body)) < announced {
		return invalid("the body broke off after %d bytes", len(body))
	}
	http.NewResponseController(c.w).SetReadDeadline(time.Time{})
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

// limitAnswer bounds the time for the client to take what is written next; 0 takes the bound away.
func (c *call) limitAnswer(limit time.Duration) {
	var end time.Time
	if limit > 0 {
		end = time.Now().Add(limit)
	}
	http.NewResponseController(c.w).SetWriteDeadline(end)
}

// limitOwnAnswer bounds the time for an answer of the gateway's own: as long as net/http may read what is left of the
// body before, and as long again.
func (c *call) limitOwnAnswer() { c.limitAnswer(2 * c.set.BodyTimeout) }

// renewDeadline moves the client's write deadline on while an answer of the provider's passes, so that a client that
// stops reading does not hold it for ever; one that reads slowly may take as long as it likes.
func (c *call) renewDeadline() {
	if now := time.Now(); now.Sub(c.renewed) > c.provider.Idle/4 {
		c.renewed = now
		c.limitAnswer(c.provider.Idle)
	}
}
