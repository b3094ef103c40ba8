// Command preview-widget shows how a page talks to an LLM through a Tollgate without a backend in between: it serves a chat
// widget, and makes a key for each visit that is short-lived, bound to the page's origin, capped, and always counted as a preview.
//
// The admin token stays here. What the page gets is worth a few answers for a few minutes, from this page alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal("preview-widget: ", err)
	}
}

func run(ctx context.Context) error {
	listen := flag.String("listen", "127.0.0.1:3000", "where the page is served")
	origin := flag.String("origin", "", "the page's origin as browsers see it (default http:// and the address of -listen)")
	account := flag.String("account", "velo", "the account that pays")
	gateway := flag.String("gateway", "http://127.0.0.1:8080", "Tollgate's data plane as browsers reach it")
	admin := flag.String("admin", "http://127.0.0.1:9090", "Tollgate's admin plane as this program reaches it")
	model := flag.String("model", "gpt-4o-mini", "the one model that the preview may use")
	ttl := flag.Duration("ttl", 10*time.Minute, "how long the key of a visit lives")
	limit := flag.Int64("cap", 5000, "how many tokens one visit may use")
	perMinute := flag.Int("visits", 60, "how many keys are made in a minute, for all visitors together")
	flag.Parse()
	token := os.Getenv("TOLLGATE_ADMIN_TOKEN")
	if token == "" {
		return errors.New("TOLLGATE_ADMIN_TOKEN is not set")
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if *origin == "" {
		*origin = "http://" + listener.Addr().String()
	}
	desk := &desk{
		admin: *admin, token: token, account: *account,
		grants:    visit{Gateway: *gateway, Model: *model, ExpiresIn: int64(ttl.Seconds())},
		key:       previewKey(*origin, *model, int64(ttl.Seconds()), *limit),
		turnstile: newTurnstile(*perMinute),
	}
	server := &http.Server{Handler: newHandler(desk, *gateway), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("serving http://%s: open %s\n", listener.Addr(), *origin)
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
