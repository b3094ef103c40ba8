package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// secretCharsMin is the length from which on a random token can't be found by trying, however many tries there are.
const secretCharsMin = 16

// guessesAtOnce and guessEach bound the wrong tokens that this process compares: a hundred, for scripts that were left
// with an old token, then one a second.
const (
	guessesAtOnce = 100
	guessEach     = time.Second
)

// newGuesses bounds tries by all callers together. By address would not do: behind a reverse proxy all have the same.
// So that nobody can shut out the operator by trying, what is as long as a token should be does not count and is always
// compared: only an operator with a token that could be guessed is kept waiting while somebody guesses.
func newGuesses() *rate.Limiter { return rate.NewLimiter(rate.Every(guessEach), guessesAtOnce) }

// bySecret finds the token that has this secret; nil: none. It takes the same time for every secret.
func (h *Handler) bySecret(shown string) (*Token, *problem) {
	guess := len(shown) < secretCharsMin
	if guess && h.guesses.TokensAt(h.Now()) < 1 {
		return nil, &problem{status: http.StatusTooManyRequests, code: codeTooManyTries,
			message: "too many wrong tokens were shown; try again in a second (one of 16 characters or more never waits)"}
	}
	var found *Token
	got := sha256.Sum256([]byte(shown))
	for _, t := range h.Tokens() {
		expected := sha256.Sum256([]byte(t.Secret))
		if subtle.ConstantTimeCompare(got[:], expected[:]) == 1 && t.Secret != "" {
			found = &t
		}
	}
	if guess && found == nil {
		h.guesses.AllowN(h.Now(), 1)
	}
	return found, nil
}
