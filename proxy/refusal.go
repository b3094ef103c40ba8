package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy/dialect"
)

// Codes of refusals that need no policy to decide; the others are policy's.
const (
	codeUnmetered   policy.Code = "unmetered_endpoint"
	codeInvalid     policy.Code = "invalid_request"
	codeEncoding    policy.Code = "unsupported_encoding"
	codeTooLarge    policy.Code = "request_too_large"
	codeUnavailable policy.Code = "provider_unavailable"
)

// statuses are the contract's; insufficient_quota's can be set.
var statuses = map[policy.Code]int{
	policy.InvalidAPIKey:         http.StatusUnauthorized,
	policy.InsufficientQuota:     http.StatusPaymentRequired,
	policy.TokensHeld:            http.StatusTooManyRequests,
	policy.NotAllowed:            http.StatusForbidden,
	policy.AccountSuspended:      http.StatusForbidden,
	policy.RateLimitExceeded:     http.StatusTooManyRequests,
	policy.AccountingUnavailable: http.StatusServiceUnavailable,
	policy.Overloaded:            http.StatusServiceUnavailable,
	codeUnmetered:                http.StatusNotFound,
	codeInvalid:                  http.StatusBadRequest,
	codeEncoding:                 http.StatusUnsupportedMediaType,
	codeTooLarge:                 http.StatusRequestEntityTooLarge,
	codeUnavailable:              http.StatusBadGateway,
}

// retryAfter is what a refusal says where policy names no time of its own.
var retryAfter = map[policy.Code]time.Duration{
	policy.TokensHeld:            time.Second,
	policy.RateLimitExceeded:     time.Second,
	policy.AccountingUnavailable: 5 * time.Second,
	policy.Overloaded:            time.Second,
}

func invalid(format string, args ...any) error {
	return &policy.Denied{Code: codeInvalid, Message: fmt.Sprintf(format, args...)}
}

func denied(code policy.Code, format string, args ...any) error {
	return &policy.Denied{Code: code, Message: fmt.Sprintf(format, args...)}
}

// unavailable is a provider that can't answer: status is 502, 503 or 504. The cause is for the log alone.
type unavailable struct {
	status  int
	message string
	cause   error
}

func (u *unavailable) Error() string { return u.message }

// refuse answers with a refusal, in the shape that the called provider's clients read.
func (c *call) refuse(err error) {
	d, status := c.denial(err)
	c.refused = d.Code
	h := c.w.Header()
	h.Set("X-Tollgate-Error", string(d.Code))
	c.corsFields(h)
	if s := d.Standing; s != nil && !c.browser() {
		setRateLimit(h, s, c.started, d.Code != policy.TokensHeld)
	}
	wait := d.RetryAfter
	if wait == 0 {
		wait = retryAfter[d.Code]
	}
	if d.Code == policy.InsufficientQuota {
		h.Set("X-Should-Retry", "false")
	} else if wait > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((wait+time.Second-1)/time.Second), 10))
	}
	r := dialect.Refusal{Status: status, Code: string(d.Code), Message: d.Message}
	if s := d.Standing; s != nil && d.Code == policy.InsufficientQuota {
		r.Quota = &dialect.Quota{Used: s.Used, Total: s.Period.Total, Extra: s.Extra, ResetAt: s.Period.End.UTC().Format(time.RFC3339)}
	}
	body, headers := c.shape()(r)
	for name, value := range headers {
		h.Set(name, value)
	}
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	c.limitOwnAnswer()
	c.status = status
	c.w.WriteHeader(status)
	c.w.Write(body)
}

// denial turns any error of the request's way into a refusal and its status.
func (c *call) denial(err error) (*policy.Denied, int) {
	if u, ok := errors.AsType[*unavailable](err); ok {
		c.log.Error("provider unavailable", "provider", c.providerName(), "setting", "providers."+c.providerName(), "error", unquoted(u.cause.Error()))
		return &policy.Denied{Code: codeUnavailable, Message: u.message}, u.status
	}
	d, ok := errors.AsType[*policy.Denied](err)
	if !ok {
		c.log.Error("request refused", "error", err)
		d = &policy.Denied{Code: policy.AccountingUnavailable, Message: "the account book can't be read right now"}
	}
	if d.Code == policy.InsufficientQuota {
		return d, c.set.EmptyStatus
	}
	return d, statuses[d.Code]
}

// shape is how the called provider's clients read a refusal; paths of no provider answer in OpenAI's.
func (c *call) shape() dialect.Shape {
	if c.provider == nil {
		return dialect.OpenAIShape
	}
	return c.provider.Shape(c.in.Method, c.path)
}
