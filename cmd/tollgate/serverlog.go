package main

import (
	"bytes"
	"context"
	"log"
	"log/slog"
)

// serverLog takes what net/http says of the connections of a listener: a panic is for a person to see, the rest is what
// clients do and is told at the level Debug alone.
type serverLog struct{ log *slog.Logger }

func newServerLog(l *slog.Logger) *log.Logger { return log.New(serverLog{l}, "", 0) }

func (l serverLog) Write(p []byte) (int, error) {
	level := slog.LevelDebug
	if bytes.Contains(p, []byte("panic serving")) {
		level = slog.LevelError
	}
	l.log.Log(context.Background(), level, "net/http", "said", string(bytes.TrimSpace(p)))
	return len(p), nil
}
