// Command adminclient makes every call of the admin API once, with the client that oapi-codegen makes of its OpenAPI
// document. It prints the name of each call, and ends at the first answer that is not as expected.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"os"
	"strings"

	"github.com/oapi-codegen/nullable"
)

func main() {
	admin, data, token := os.Getenv("ADMIN_ORIGIN"), os.Getenv("DATA_ORIGIN"), os.Getenv("ADMIN_TOKEN")
	bearer := WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	})
	c, err := NewClientWithResponses(admin, bearer)
	must(err)
	jar, err := cookiejar.New(nil)
	must(err)
	browser, err := NewClientWithResponses(admin, WithHTTPClient(&http.Client{Jar: jar}))
	must(err)
	ctx := context.Background()
	accounts(ctx, c)
	grants(ctx, c)
	key, secret := keys(ctx, c)
	chat(data, secret)
	usage(ctx, c)
	revoked, err := c.RevokeKeyWithResponse(ctx, "acme", key)
	want(!told("revokeKey", 200, revoked, err).JSON200.RevokedAt.IsNull(), "revokeKey: %+v", revoked.JSON200)
	session(ctx, browser, token)
	open(ctx, browser)
	deleted, err := c.DeleteAccountWithResponse(ctx, "acme")
	told("deleteAccount", 200, deleted, err)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func want(holds bool, format string, args ...any) {
	if !holds {
		must(fmt.Errorf(format, args...))
	}
}

type answer interface{ StatusCode() int }

// told prints the name of a call that went as it should.
func told[R answer](call string, status int, r R, err error) R {
	must(err)
	want(r.StatusCode() == status, "%s: %d, want %d", call, r.StatusCode(), status)
	fmt.Println(call)
	return r
}

func accounts(ctx context.Context, c *ClientWithResponses) {
	once, name := "first", "Acme"
	created, err := c.CreateAccountWithResponse(ctx, &CreateAccountParams{IdempotencyKey: &once},
		NewAccount{Id: "acme", Name: &name, MonthlyTokens: nullable.NewNullableWithValue[MonthlyTokens](2_000_000)})
	made := told("createAccount", 201, created, err).JSON201
	want(made.MonthlyTokens.MustGet() == 2_000_000 && made.Admission.IsNull(), "createAccount: %+v", made)

	limit := 1
	listed, err := c.ListAccountsWithResponse(ctx, &ListAccountsParams{Limit: &limit})
	list := told("listAccounts", 200, listed, err).JSON200
	want(len(list.Data) == 1 && list.NextCursor.IsNull(), "listAccounts: %+v", list)

	read, err := c.ShowAccountWithResponse(ctx, "acme")
	tag := told("showAccount", 200, read, err).Headers200.ETag

	changed, err := c.ChangeAccountWithResponse(ctx, "acme", &ChangeAccountParams{IfMatch: tag},
		AccountChange{Plan: nullable.NewNullableWithValue("basic"), MonthlyTokens: nullable.NewNullNullable[MonthlyTokens]()})
	account := told("changeAccount", 200, changed, err).JSON200
	want(account.Plan.MustGet() == "basic" && account.MonthlyTokens.IsNull(), "changeAccount: %+v", account)

	late, err := c.ChangeAccountWithResponse(ctx, "acme", &ChangeAccountParams{IfMatch: tag}, AccountChange{Name: &name})
	refused := told("changeAccount", 412, late, err).JSONDefault
	want(refused.Error.Code == PreconditionFailed && refused.Error.Field.MustGet() == "If-Match", "changeAccount: %+v", refused)

	viewed, err := c.ShowTokensWithResponse(ctx, "acme")
	view := told("showTokens", 200, viewed, err).JSON200
	want(view.Monthly.Total == 1_000_000 && view.Forecast.EmptyAt.IsNull(), "showTokens: %+v", view)
}

func grants(ctx context.Context, c *ClientWithResponses) {
	created, err := c.CreateGrantWithResponse(ctx, "acme", nil, NewGrant{Tokens: 500_000, Reference: "invoice-17"})
	grant := told("createGrant", 201, created, err).JSON201
	again, err := c.CreateGrantWithResponse(ctx, "acme", nil, NewGrant{Tokens: 500_000, Reference: "invoice-17"})
	want(told("createGrant", 200, again, err).JSON200.Id == grant.Id, "the same purchase is another grant")
	read, err := c.ShowGrantWithResponse(ctx, "acme", grant.Id)
	want(told("showGrant", 200, read, err).JSON200.Remaining == 500_000, "showGrant: %+v", read.JSON200)
	listed, err := c.ListGrantsWithResponse(ctx, "acme", nil)
	want(len(told("listGrants", 200, listed, err).JSON200.Data) == 1, "listGrants: %+v", listed.JSON200)
	voided, err := c.VoidGrantWithResponse(ctx, "acme", grant.Id)
	want(!told("voidGrant", 200, voided, err).JSON200.VoidedAt.IsNull(), "voidGrant: %+v", voided.JSON200)
}

func keys(ctx context.Context, c *ClientWithResponses) (id, secret string) {
	name, models := "backend", Texts{"gpt-*"}
	created, err := c.CreateKeyWithResponse(ctx, "acme", nil,
		NewKey{Name: &name, Models: &models, MonthlyCap: nullable.NewNullableWithValue[MonthlyTokens](100_000)})
	key := told("createKey", 201, created, err).JSON201
	want(strings.HasPrefix(*key.Secret, "tg_"), "createKey: %+v", key)
	read, err := c.ShowKeyWithResponse(ctx, "acme", key.Id)
	want(*told("showKey", 200, read, err).JSON200.Used == 0, "showKey: %+v", read.JSON200)
	changed, err := c.ChangeKeyWithResponse(ctx, "acme", key.Id, &ChangeKeyParams{IfMatch: read.Headers200.ETag},
		KeyChange{MonthlyCap: nullable.NewNullNullable[MonthlyTokens]()})
	want(told("changeKey", 200, changed, err).JSON200.MonthlyCap.IsNull(), "changeKey: %+v", changed.JSON200)
	listed, err := c.ListKeysWithResponse(ctx, "acme", nil)
	want(len(told("listKeys", 200, listed, err).JSON200.Data) == 1, "listKeys: %+v", listed.JSON200)
	return key.Id, *key.Secret
}

// chat uses the key once, so that there is something to read.
func chat(origin, secret string) {
	body := strings.NewReader(`{"model":"gpt-4o-mini","messages":[{"role":"user","content":"hello"}]}`)
	r, err := http.NewRequest(http.MethodPost, origin+"/v1/chat/completions", body)
	must(err)
	r.Header.Set("Authorization", "Bearer "+secret)
	r.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(r)
	must(err)
	must(answer.Body.Close())
	want(answer.StatusCode == http.StatusOK, "the chat: %d", answer.StatusCode)
}

func usage(ctx context.Context, c *ClientWithResponses) {
	activity, group := "chat", GroupBy{"activity", "model"}
	summed, err := c.ShowUsageWithResponse(ctx, "acme", &ShowUsageParams{GroupBy: &group, Activity: &activity})
	sums := told("showUsage", 200, summed, err).JSON200.Data
	want(len(sums) == 1 && *sums[0].Activity == "chat" && sums[0].Requests == 1 && sums[0].Tokens.Total > 0, "showUsage: %+v", sums)
	table, err := c.ShowUsageCSVWithResponse(ctx, "acme", &ShowUsageCSVParams{GroupBy: &group})
	want(strings.HasPrefix(string(told("showUsageCSV", 200, table, err).Body), "activity,model,requests,"), "showUsageCSV: %s", table.Body)
	outcome := Completed
	listed, err := c.ListEventsWithResponse(ctx, "acme", &ListEventsParams{Outcome: &outcome})
	events := told("listEvents", 200, listed, err).JSON200.Data
	want(len(events) == 1, "listEvents: %+v", events)
	one, err := c.ShowEventWithResponse(ctx, "acme", events[0].Id)
	want(told("showEvent", 200, one, err).JSON200.Tokens == events[0].Tokens, "showEvent: %+v", one.JSON200)
	ledger, err := c.ListLedgerWithResponse(ctx, "acme", nil)
	want(told("listLedger", 200, ledger, err).JSON200.Data[0].Kind == "usage", "listLedger: %+v", ledger.JSON200)
}

// session signs in as a browser does, whose cookie then stands for the token.
func session(ctx context.Context, c *ClientWithResponses, token string) {
	in, err := c.SignInWithResponse(ctx, SignInJSONRequestBody{Token: token})
	want(told("signIn", 201, in, err).JSON201.Role == "admin", "signIn: %+v", in.JSON201)
	who, err := c.ShowSessionWithResponse(ctx)
	want(told("showSession", 200, who, err).JSON200.Name == "admin", "showSession: %+v", who.JSON200)
	out, err := c.SignOutWithResponse(ctx)
	told("signOut", 204, out, err)
	nobody, err := c.ShowSessionWithResponse(ctx)
	told("showSession", 204, nobody, err)
	refused, err := c.ListAccountsWithResponse(ctx, nil)
	want(told("listAccounts", 401, refused, err).JSONDefault.Error.Code == Unauthorized, "listAccounts: %+v", refused.JSONDefault)
}

// open are the calls that want no token.
func open(ctx context.Context, c *ClientWithResponses) {
	document, err := c.ShowOpenAPIWithResponse(ctx)
	want((*told("showOpenAPI", 200, document, err).JSON200)["openapi"] == "3.1.0", "showOpenAPI: %.100s", document.Body)
	health, err := c.ShowHealthWithResponse(ctx)
	told("showHealth", 200, health, err)
	ready, err := c.ShowReadyWithResponse(ctx)
	told("showReady", 200, ready, err)
	metrics, err := c.ShowMetricsWithResponse(ctx)
	want(strings.Contains(string(told("showMetrics", 200, metrics, err).Body), "tollgate_"), "showMetrics: %.100s", metrics.Body)
}
