package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/tollgate/tollgate/accounting"
)

// UsageCmd is `tollgate usage`.
type UsageCmd struct {
	Client
	Account  string `arg:"" help:"The account."`
	GroupBy  string `default:"day" placeholder:"DIM,…" help:"Any of day, activity, chatbot, model, provider, key."`
	From     string `placeholder:"DAY|INSTANT" help:"First day (2006-01-02, in the account's time zone) or instant; absent: the running period's start."`
	To       string `placeholder:"DAY|INSTANT" help:"Last day, or the instant before which it ends; absent: the running period's end."`
	Activity string `help:"Only of this activity."`
	Chatbot  string `help:"Only of this chatbot."`
	Model    string `help:"Only of this model, as it answered."`
	Provider string `help:"Only of this provider."`
	Key      string `help:"Only of this key."`
	CSV      bool   `name:"csv" help:"Print CSV."`
}

func (u *UsageCmd) Run(c *Client) error {
	query := given("from", u.From, "to", u.To, "activity", u.Activity, "chatbot", u.Chatbot, "model", u.Model, "provider", u.Provider, "key", u.Key)
	query.Set("group_by", u.GroupBy)
	if u.CSV {
		res, err := c.send(http.MethodGet, resource("accounts", u.Account, "usage.csv"), query, nil)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(c.Out, res.Body)
		return err
	}
	text, err := c.call(http.MethodGet, resource("accounts", u.Account, "usage"), query, nil)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := c.Out.Write(text)
		return err
	}
	return printUsage(newTable(c.Out), u.GroupBy, text)
}

func printUsage(t table, groupBy string, text []byte) error {
	var usage struct {
		Data []map[string]json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(text, &usage); err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	var dimensions []string
	if groupBy != "" {
		dimensions = strings.Split(groupBy, ",")
	}
	var columns []string
	for _, d := range dimensions {
		columns = append(columns, strings.ToUpper(d))
	}
	t.row(append(columns, "REQUESTS", "INPUT", "OUTPUT", "CHARGED", "MONTHLY", "EXTRA", "OVERDRAFT")...)
	for _, row := range usage.Data {
		var cells []string
		for _, d := range dimensions {
			var value string
			if err := json.Unmarshal(row[d], &value); err != nil {
				return fmt.Errorf("read answer: %s: %w", d, err)
			}
			cells = append(cells, value)
		}
		figures, err := readFigures(row)
		if err != nil {
			return fmt.Errorf("read answer: %w", err)
		}
		t.row(append(cells, figures...)...)
	}
	return t.Flush()
}

func readFigures(row map[string]json.RawMessage) ([]string, error) {
	var requests int64
	var tokens accounting.Tokens
	var charged accounting.Charged
	for name, value := range map[string]any{"requests": &requests, "tokens": &tokens, "charged": &charged} {
		if err := json.Unmarshal(row[name], value); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return []string{number(requests), number(tokens.Input), number(tokens.Output),
		number(charged.Total), number(charged.Monthly), number(charged.Extra), number(charged.Overdraft)}, nil
}

// EventsCmd is `tollgate events`.
type EventsCmd struct {
	Client
	Account  string `arg:"" help:"The account."`
	From     string `placeholder:"DAY|INSTANT" help:"First day (2006-01-02, in the account's time zone) or instant."`
	To       string `placeholder:"DAY|INSTANT" help:"Last day, or the instant before which it ends."`
	Activity string `help:"Only of this activity."`
	Chatbot  string `help:"Only of this chatbot."`
	Model    string `help:"Only of this model, as it answered."`
	Key      string `help:"Only of this key."`
	Outcome  string `help:"Only those that ended so: completed, client_closed, upstream_broken, upstream_error, interrupted."`
	paging
}

func (e *EventsCmd) Run(c *Client) error {
	query := given("from", e.From, "to", e.To, "activity", e.Activity, "chatbot", e.Chatbot, "model", e.Model, "key", e.Key, "outcome", e.Outcome)
	columns := []string{"STARTED", "ACTIVITY", "CHATBOT", "MODEL", "STATUS", "OUTCOME", "MEASURED", "INPUT", "OUTPUT", "CHARGED", "ID"}
	return many(c, resource("accounts", e.Account, "events"), query, e.paging, columns, func(v accounting.Event) []string {
		return []string{shown(&v.StartedAt), v.Activity, v.Chatbot, v.Model, strconv.Itoa(v.Status), string(v.Outcome), string(v.Measured),
			number(v.Tokens.Input), number(v.Tokens.Output), number(v.Charged.Total), v.ID}
	})
}
