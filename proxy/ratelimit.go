package proxy

import (
	"net/http"
	"strconv"
	"time"

	"github.com/tollgate/tollgate/policy"
)

// setRateLimit sets the RateLimit fields of draft-ietf-httpapi-ratelimit-headers-10: two policies, in tokens,
// as known to this replica at admission. The monthly one has a window and, unless the caller should not wait
// for it, the seconds to the reset; extra tokens have neither.
func setRateLimit(h http.Header, s *policy.Standing, now time.Time, reset bool) {
	b := make([]byte, 0, 128)
	b = append(b, `"monthly";q=`...)
	b = strconv.AppendInt(b, s.Period.Total, 10)
	b = append(b, `;qu="tokens";w=`...)
	b = strconv.AppendInt(b, int64(s.Period.End.Sub(s.Period.Start)/time.Second), 10)
	b = append(b, `, "extra";q=`...)
	b = strconv.AppendInt(b, s.ExtraPurchased, 10)
	b = append(b, `;qu="tokens"`...)
	h["Ratelimit-Policy"] = []string{string(b)}

	b = append(b[:0], `"monthly";r=`...)
	b = strconv.AppendInt(b, s.Monthly, 10)
	if reset {
		b = append(b, `;t=`...)
		b = strconv.AppendInt(b, max(0, int64(s.Period.End.Sub(now)/time.Second)), 10)
	}
	b = append(b, `, "extra";r=`...)
	b = strconv.AppendInt(b, s.Extra, 10)
	h["Ratelimit"] = []string{string(b)}
}
