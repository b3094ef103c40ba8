package proxy

import (
	"net/http"

	"github.com/tollgate/tollgate/policy"
)

// Headers by which a request says what it is for.
const (
	headerActivity = "X-Tollgate-Activity"
	headerChatbot  = "X-Tollgate-Chatbot"
	headerUser     = "X-Tollgate-User"
)

// labels say what a request is for.
type labels struct{ activity, chatbot, user string }

// readLabels takes them from the key and, unless the key fixes them, from the request.
func readLabels(caller *policy.Caller, h http.Header, activities map[string]bool) (labels, error) {
	l := labels{activity: caller.Key.Activity, chatbot: caller.Key.Chatbot}
	if caller.LabelsFixed() {
		return l, nil
	}
	for _, f := range []struct {
		header string
		to     *string
	}{{headerActivity, &l.activity}, {headerChatbot, &l.chatbot}, {headerUser, &l.user}} {
		values := h[f.header]
		if len(values) == 0 {
			continue
		}
		if len(values) > 1 || !wellFormed(values[0]) {
			return l, invalid("%s: give it once, as 1 to 64 letters, digits or . _ : @ -", f.header)
		}
		*f.to = values[0]
	}
	if !activities[l.activity] && len(h[headerActivity]) > 0 {
		return l, invalid("%s: %q is not an activity of this gateway", headerActivity, l.activity)
	}
	return l, nil
}

func wellFormed(label string) bool {
	if label == "" || len(label) > 64 {
		return false
	}
	for _, c := range []byte(label) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '.', c == '_', c == ':', c == '@', c == '-':
		default:
			return false
		}
	}
	return true
}
