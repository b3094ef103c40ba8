// Command top-up shows how a purchase becomes extra tokens: the shop's webhook says that an invoice was paid, and this program
// has the gateway grant the tokens, with the invoice as reference. However often the shop says it, they are granted once.
//
// The webhook is signed as Standard Webhooks has it (github.com/standard-webhooks). Another scheme, as Stripe's, changes only
// how a message is verified.
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

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

func main() {
	log.SetFlags(0)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal("top-up: ", err)
	}
}

func run(ctx context.Context) error {
	listen := flag.String("listen", "127.0.0.1:3100", "where the shop's webhooks arrive")
	admin := flag.String("admin", "http://127.0.0.1:9090", "Tollgate's admin plane")
	pay := flag.String("pay", "", "play the shop: say to a top-up that runs at -listen that this invoice was paid")
	customer := flag.String("customer", "velo", "with -pay: the account that bought")
	product := flag.String("product", "tokens-100k", "with -pay: what it bought")
	flag.Parse()
	secret, err := webhooks.NewWebhook(os.Getenv("SHOP_WEBHOOK_SECRET"))
	if err != nil || os.Getenv("SHOP_WEBHOOK_SECRET") == "" {
		return errors.New("SHOP_WEBHOOK_SECRET must be the secret that the shop gave, whsec_ and base64")
	}
	if *pay != "" {
		return tell(ctx, "http://"+*listen, secret, purchase{Invoice: *pay, Customer: *customer, Product: *product})
	}
	token := os.Getenv("TOLLGATE_ADMIN_TOKEN")
	if token == "" {
		return errors.New("TOLLGATE_ADMIN_TOKEN is not set")
	}
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	counter := &counter{secret: secret, gateway: gateway{admin: *admin, token: token}}
	mux := http.NewServeMux()
	mux.Handle("POST /webhook", counter)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	fmt.Printf("the shop's webhook is http://%s/webhook\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
