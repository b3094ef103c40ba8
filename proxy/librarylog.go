package proxy

import (
	"log"
	"log/slog"
	"strings"
)

// LibraryLog takes what net/http has to say about connections, as warnings and only up to the first quote: what it quotes
// came over the wire, and may be the content of an answer.
func LibraryLog(l *slog.Logger) *log.Logger { return log.New(libraryLog{l}, "", 0) }

type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Write(p []byte) (int, error) {
	l.log.Warn("net/http", "said", unquoted(string(p)))
	return len(p), nil
}

// unquoted is a message of net/http without what it quotes and what follows that.
func unquoted(message string) string {
	message, _, _ = strings.Cut(message, `"`)
	return strings.TrimSpace(message)
}
