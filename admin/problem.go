package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/tollgate/tollgate/accounting"
)

// The codes of the admin API's errors.
const (
	codeInvalidRequest     = "invalid_request"     // 400: it can't be read
	codeInvalidField       = "invalid_field"       // 422: something in it is wrong
	codeUnauthorized       = "unauthorized"        // 401
	codeNotAllowed         = "not_allowed"         // 403: the token's role or account
	codeNotFound           = "not_found"           // 404
	codeMethodNotAllowed   = "method_not_allowed"  // 405
	codeAlreadyExists      = "already_exists"      // 409
	codeConflict           = "conflict"            // 409
	codePreconditionFailed = "precondition_failed" // 412
	codeTooManyTries       = "too_many_tries"      // 429: wrong tokens
	codeUnavailable        = "unavailable"         // 503: the store or the recorder
)

// problem is an error as the client sees it. What the log gets besides is in cause.
type problem struct {
	status  int
	code    string
	message string
	field   string // the member, parameter or header that is at fault; "": none
	id      string // of the thing that is in the way, where that helps; "": none
	cause   error
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.message + ": " + p.cause.Error()
	}
	return p.message
}

func (p *problem) Unwrap() error { return p.cause }

// MarshalJSON is the contract's form of an error.
func (p *problem) MarshalJSON() ([]byte, error) {
	type body struct {
		Code    string  `json:"code"`
		Message string  `json:"message"`
		Field   *string `json:"field"`
		ID      string  `json:"id,omitempty"`
	}
	b := body{Code: p.code, Message: p.message, ID: p.id}
	if p.field != "" {
		b.Field = &p.field
	}
	return json.Marshal(map[string]body{"error": b})
}

// unreadable is a request that can't be read.
func unreadable(field, format string, args ...any) *problem {
	return &problem{status: http.StatusBadRequest, code: codeInvalidRequest, field: field, message: fmt.Sprintf(format, args...)}
}

// wrong is a request with something wrong in the named member or parameter.
func wrong(field, format string, args ...any) *problem {
	return &problem{status: http.StatusUnprocessableEntity, code: codeInvalidField, field: field, message: fmt.Sprintf(format, args...)}
}

func forbidden(format string, args ...any) *problem {
	return &problem{status: http.StatusForbidden, code: codeNotAllowed, message: fmt.Sprintf(format, args...)}
}

func absent(format string, args ...any) *problem {
	return &problem{status: http.StatusNotFound, code: codeNotFound, message: fmt.Sprintf(format, args...)}
}

func unavailable(message string, cause error) *problem {
	return &problem{status: http.StatusServiceUnavailable, code: codeUnavailable, message: message, cause: cause}
}

// outward turns any error of an endpoint into what the client may see. Handlers give the store's errors a
// message of their own where they know more.
func outward(err error) *problem {
	if p, ok := errors.AsType[*problem](err); ok {
		return p
	}
	switch {
	case errors.Is(err, accounting.ErrNotFound):
		return absent("there is no such thing")
	case errors.Is(err, accounting.ErrExists):
		return &problem{status: http.StatusConflict, code: codeAlreadyExists, message: "it exists already"}
	case errors.Is(err, accounting.ErrConflict):
		return &problem{status: http.StatusConflict, code: codeConflict, message: "it conflicts with what is there"}
	case errors.Is(err, accounting.ErrVersion):
		return &problem{status: http.StatusPreconditionFailed, code: codePreconditionFailed, field: "If-Match",
			message: "it was changed by someone else since; read it again"}
	}
	return unavailable("the store can't be reached now; try again", err)
}
