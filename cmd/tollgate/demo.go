package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sashabaranov/go-openai"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/proxy/proxytest"
)

type demoCmd struct {
	Once bool `help:"End after the story; exit status 0 only if every step did what it says."`
}

// demoFile is the gateway.yaml of the demo: two free ports and the built-in provider.
const demoFile = `
listen: 127.0.0.1:0
admin: { listen: 127.0.0.1:0, token: tgadmin_demo }
data_dir: %q
default_provider: openai
providers:
  openai: { base_url: %q, api_key: demo-key-of-the-provider }
plans:
  small: { monthly_tokens: 900 }
`

// Sizes of the demo's pools, in tokens: small enough to be empty within seconds.
const (
	demoExtra = 300
	demoTopUp = 500
)

// Run shows the whole story against a provider of its own, in a temporary folder that it removes.
func (cmd demoCmd) Run(out *streams) (err error) {
	ctx, stop := signalled(slog.New(slog.DiscardHandler))
	defer stop()
	dir, err := os.MkdirTemp("", "tollgate-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	started := time.Now()

	upstream, err := serveDemoProvider()
	if err != nil {
		return err
	}
	defer upstream.Close()
	logFile, err := os.Create(filepath.Join(dir, "gateway.log"))
	if err != nil {
		return err
	}
	defer logFile.Close()
	c, err := config.Parse("demo", fmt.Appendf(nil, demoFile, filepath.Join(dir, "data"), "http://"+upstream.Addr),
		func(string) (string, bool) { return "", false }, config.Names{Providers: provider.Names()})
	if err != nil {
		return err
	}
	g, err := newGateway(ctx, c, slog.New(slog.NewJSONHandler(logFile, nil)))
	if err != nil {
		return err
	}
	running, end := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(running) }()
	defer func() {
		end()
		err = errors.Join(err, <-ended)
	}()

	d := &demo{ctx: ctx, out: out.stdout, started: started, gateway: "http://" + g.data.Addr().String(), admin: "http://" + g.admin.Addr().String()}
	if err := d.story(); err != nil {
		return err
	}
	if cmd.Once {
		return nil
	}
	d.invite()
	<-ctx.Done()
	return nil
}

// serveDemoProvider runs the built-in provider on a free loopback port.
func serveDemoProvider() (*http.Server, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &http.Server{
		Addr: ln.Addr().String(), ReadHeaderTimeout: 10 * time.Second,
		Handler: proxytest.New(proxytest.Options{APIKey: "demo-key-of-the-provider", Persona: proxytest.BicycleShop}),
	}
	go s.Serve(ln)
	return s, nil
}

// demo is one telling of the story.
type demo struct {
	ctx            context.Context
	out            io.Writer
	started        time.Time
	gateway, admin string
	key            string
	client         *openai.Client
}

func (d *demo) story() error {
	for _, step := range []func() error{
		d.open, d.chat, d.stream, d.ingest, d.train, d.preview, d.exhaust, d.topUp, d.books,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (d *demo) say(format string, args ...any) { fmt.Fprintf(d.out, format+"\n", args...) }

// open makes the account, its extra tokens and its key.
func (d *demo) open() error {
	d.say("Tollgate runs at %s (admin plane %s), a demo provider stands behind it.\n", d.gateway, d.admin)
	if err := d.call("POST", "/accounts", `{"id":"velo","name":"Velo Bicycles","plan":"small"}`, nil); err != nil {
		return err
	}
	if err := d.call("POST", "/accounts/velo/grants", fmt.Sprintf(`{"tokens":%d,"reference":"invoice-1"}`, demoExtra), nil); err != nil {
		return err
	}
	var key struct{ Secret string }
	if err := d.call("POST", "/accounts/velo/keys", `{"name":"backend","activity":"chat","chatbot":"velo-support"}`, &key); err != nil {
		return err
	}
	d.key = key.Secret
	d.client = d.newClient("")
	d.say("The account \"velo\" has 900 tokens a month and %d extra. Its chatbot backend is any OpenAI client with another base URL.", demoExtra)
	return d.pools()
}

// newClient is an ordinary OpenAI client; activity "" leaves the key's own.
func (d *demo) newClient(activity string) *openai.Client {
	c := openai.DefaultConfig(d.key)
	c.BaseURL = d.gateway + "/v1"
	if activity != "" {
		c.HTTPClient = &http.Client{Transport: withActivity(activity)}
	}
	return openai.NewClientWithConfig(c)
}

// withActivity says on each request what it is for.
type withActivity string

func (a withActivity) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Tollgate-Activity", string(a))
	return http.DefaultTransport.RoundTrip(r)
}

func question(text string) openai.ChatCompletionRequest {
	return openai.ChatCompletionRequest{
		Model: "gpt-4o-mini", MaxCompletionTokens: 120,
		Messages: []openai.ChatCompletionMessage{
			{Role: "system", Content: "You are the support assistant of Velo Bicycles. Be brief and friendly."},
			{Role: "user", Content: text},
		},
	}
}

func (d *demo) chat() error {
	const text = "What are your opening hours?"
	answer, err := d.client.CreateChatCompletion(d.ctx, question(text))
	if err != nil {
		return fmt.Errorf("chat: %w", err)
	}
	d.say("\nchat      %q\n          → %q\n          %d + %d tokens, metered %.1f s after the start.", text, clipped(answer.Choices[0].Message.Content),
		answer.Usage.PromptTokens, answer.Usage.CompletionTokens, time.Since(d.started).Seconds())
	return d.pools()
}

func (d *demo) stream() error {
	const text = "How do I return a bike that I bought online?"
	s, err := d.client.CreateChatCompletionStream(d.ctx, question(text))
	if err != nil {
		return fmt.Errorf("stream: %w", err)
	}
	defer s.Close()
	var answer strings.Builder
	chunks := 0
	for {
		chunk, err := s.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		if chunk.Usage != nil {
			return errors.New("stream: the client got usage that it did not ask for")
		}
		chunks++
		if len(chunk.Choices) > 0 {
			answer.WriteString(chunk.Choices[0].Delta.Content)
		}
	}
	d.say("\nstream    %q\n          → %q\n          %d chunks; the client did not ask for usage and got none, the gateway did and metered it.", text, clipped(answer.String()), chunks)
	return d.pools()
}

func (d *demo) ingest() error {
	documents := []string{"Warranty: five years on frames, two on parts.", "Delivery takes three working days.", "The workshop is open on weekdays from 8 to 18."}
	e, err := d.newClient("ingest").CreateEmbeddings(d.ctx, openai.EmbeddingRequest{Model: openai.SmallEmbedding3, Input: documents})
	if err != nil {
		return fmt.Errorf("ingest: %w", err)
	}
	d.say("\ningest    %d documents embedded, %d tokens.", len(e.Data), e.Usage.TotalTokens)
	return d.pools()
}

func (d *demo) train() error {
	answer, err := d.newClient("training").CreateChatCompletion(d.ctx, question("Write the answer to: How long is the warranty on frames?"))
	if err != nil {
		return fmt.Errorf("training: %w", err)
	}
	d.say("\ntraining  an answer generated for a question: %q", clipped(answer.Choices[0].Message.Content))
	return d.pools()
}

func (d *demo) preview() error {
	if _, err := d.newClient("preview").CreateChatCompletion(d.ctx, question("Hello! Is this the preview of the widget?")); err != nil {
		return fmt.Errorf("preview: %w", err)
	}
	d.say("\npreview   the web widget's preview is metered like everything else.")
	return d.pools()
}

// exhaust asks until both pools are empty and the gate closes.
func (d *demo) exhaust() error {
	d.say("\nThe conversation goes on until both pools are empty …")
	for range 200 {
		_, err := d.client.CreateChatCompletion(d.ctx, question("And what else should I know about e-bikes, in as much detail as you can give?"))
		if err == nil {
			continue
		}
		api, ok := errors.AsType[*openai.APIError](err)
		if !ok || api.Code != "insufficient_quota" || api.HTTPStatusCode != http.StatusPaymentRequired {
			return fmt.Errorf("block: %w", err)
		}
		d.say("\nblocked   HTTP %d %v: %s", api.HTTPStatusCode, api.Code, api.Message)
		return d.pools()
	}
	return errors.New("block: 200 requests did not empty the pools")
}

// topUp buys tokens and waits for the gate to open.
func (d *demo) topUp() error {
	bought := time.Now()
	if err := d.call("POST", "/accounts/velo/grants", fmt.Sprintf(`{"tokens":%d,"reference":"invoice-2"}`, demoTopUp), nil); err != nil {
		return err
	}
	for {
		_, err := d.client.CreateChatCompletion(d.ctx, question("Are you back?"))
		if err == nil {
			break
		}
		if time.Since(bought) > time.Second {
			return fmt.Errorf("purchase: still blocked after a second: %w", err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	d.say("\npurchase  %d extra tokens lift the block after %d ms.", demoTopUp, time.Since(bought).Milliseconds())
	return d.pools()
}

// books holds the events against the pools.
func (d *demo) books() error {
	var events struct{ Data []accounting.Event }
	if err := d.call("GET", "/accounts/velo/events?limit=1000", "", &events); err != nil {
		return err
	}
	var charged, split int64
	byActivity := map[string]int64{}
	for _, e := range events.Data {
		charged += e.Charged.Total
		split += e.Charged.Monthly + e.Charged.Extra + e.Charged.Overdraft
		byActivity[e.Activity] += e.Charged.Total
	}
	if charged == 0 || charged != split {
		return fmt.Errorf("books: %d tokens were charged, the pools paid %d", charged, split)
	}
	d.say("\nbooks     %d events, %d tokens charged (chat %d, ingest %d, training %d, preview %d): as much as the pools paid.",
		len(events.Data), charged, byActivity["chat"], byActivity["ingest"], byActivity["training"], byActivity["preview"])
	return nil
}

// pools prints the Token view in a line.
func (d *demo) pools() error {
	var v accounting.View
	if err := d.call("GET", "/accounts/velo/tokens", "", &v); err != nil {
		return err
	}
	over := ""
	if v.Over > 0 {
		over = fmt.Sprintf(", overdraft %d", v.Over)
	}
	const width = 24
	full := int(v.Monthly.Used * width / max(1, v.Monthly.Total))
	d.say("          [%s%s] %d of %d used, extra %d of %d left%s, reset in %d days", strings.Repeat("█", full), strings.Repeat("·", width-full),
		v.Monthly.Used, v.Monthly.Total, v.Extra.Remaining, v.Extra.Purchased, over, v.Reset.InSeconds/86400)
	return nil
}

// invite says how to go on by hand.
func (d *demo) invite() {
	d.say(`
Try it by hand (Ctrl-C ends the demo and removes everything):

  curl %s/v1/chat/completions -H 'Authorization: Bearer %s' \
    -H 'Content-Type: application/json' -d '{"model":"gpt-4o-mini","max_tokens":60,"messages":[{"role":"user","content":"Do you sell helmets?"}]}'

  OpenAI(base_url="%s/v1", api_key="%s")        # Python; every OpenAI SDK has these two

  curl %s/api/v1/accounts/velo/tokens -H 'Authorization: Bearer tgadmin_demo'

  %s/        # the dashboard: sign in with tgadmin_demo`,
		d.gateway, d.key, d.gateway, d.key, d.admin, d.admin)
}

// call asks the admin API; into may be nil.
func (d *demo) call(method, path, body string, into any) error {
	r, err := http.NewRequestWithContext(d.ctx, method, d.admin+"/api/v1"+path, bytes.NewBufferString(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer tgadmin_demo")
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, answer)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(answer, into)
}

func clipped(s string) string {
	if len(s) > 90 {
		return s[:90] + "…"
	}
	return s
}
