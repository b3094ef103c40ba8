package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
)

// AccountCmd is `tollgate account`.
type AccountCmd struct {
	Client
	Create accountCreate `cmd:"" help:"Open an account with a plan of gateway.yaml or a monthly total of its own."`
	List   accountList   `cmd:"" help:"List accounts."`
	Show   accountShow   `cmd:"" help:"Show an account."`
	Change accountChange `cmd:"" help:"Change what is given and leave the rest."`
	Delete accountDelete `cmd:"" help:"Close an account: its keys are dead from then on, its events stay."`
	Tokens accountTokens `cmd:"" help:"Show what is left in an account's pools, and when the monthly one is filled again."`
	Ledger accountLedger `cmd:"" help:"List every change of an account's pools, newest first."`
}

// accountFlags are the members of an account.
type accountFlags struct {
	Name          *string `help:"What people call it."`
	Plan          *string `help:"A plan of gateway.yaml."`
	MonthlyTokens *quota  `placeholder:"N|none" help:"A monthly total of its own; none: the plan's."`
	Timezone      *string `help:"IANA name, such as Asia/Manila. Changes count from the next reset on."`
	ResetDay      *int    `help:"Day of the month, 1 to 31, on which the monthly pool is filled. Changes count from the next reset on."`
	Status        *string `enum:"active,suspended" help:"active or suspended."`
	Admission     *string `help:"hold, strict or observe, in place of the gateway's."`
}

func (f accountFlags) members() members {
	m := members{}
	set(m, "name", f.Name)
	set(m, "plan", f.Plan)
	set(m, "monthly_tokens", f.MonthlyTokens)
	set(m, "timezone", f.Timezone)
	set(m, "reset_day", f.ResetDay)
	set(m, "status", f.Status)
	set(m, "admission", f.Admission)
	return m
}

func describeAccount(a admin.AccountView) [][2]string {
	lines := [][2]string{
		{"id", a.ID}, {"name", a.Name}, {"plan", shown(a.Plan)}, {"monthly tokens", shown(a.MonthlyTokens)},
		{"timezone", a.Timezone}, {"reset day", strconv.Itoa(a.ResetDay)}, {"status", string(a.Status)}, {"admission", shown(a.Admission)},
		{"created", shown(&a.CreatedAt)}, {"updated", shown(&a.UpdatedAt)},
	}
	if a.Next != nil {
		lines = append(lines, [2]string{"next plan", shown(a.Next.Plan)}, [2]string{"next monthly tokens", shown(a.Next.MonthlyTokens)})
	}
	return lines
}

type accountCreate struct {
	ID string `arg:"" help:"a-z, 0-9, '.', '_' and '-'; at most 64."`
	accountFlags
}

func (a accountCreate) Run(c *Client) error {
	m := a.members()
	m["id"] = a.ID
	return one(c, http.MethodPost, resource("accounts"), m, describeAccount)
}

type accountList struct{ paging }

func (a accountList) Run(c *Client) error {
	columns := []string{"ID", "NAME", "PLAN", "MONTHLY TOKENS", "RESET DAY", "TIMEZONE", "STATUS"}
	return many(c, resource("accounts"), url.Values{}, a.paging, columns, func(v admin.AccountView) []string {
		return []string{v.ID, v.Name, shown(v.Plan), shown(v.MonthlyTokens), strconv.Itoa(v.ResetDay), v.Timezone, string(v.Status)}
	})
}

type accountShow struct {
	ID string `arg:"" help:"The account."`
}

func (a accountShow) Run(c *Client) error {
	return one(c, http.MethodGet, resource("accounts", a.ID), nil, describeAccount)
}

type accountChange struct {
	ID string `arg:"" help:"The account."`
	accountFlags
	Effective *string `enum:"now,next_period" help:"When plan and monthly tokens count: now or next_period."`
}

func (a accountChange) Run(c *Client) error {
	m := a.members()
	set(m, "effective", a.Effective)
	return one(c, http.MethodPatch, resource("accounts", a.ID), m, describeAccount)
}

type accountDelete struct {
	ID string `arg:"" help:"The account."`
}

func (a accountDelete) Run(c *Client) error {
	return one(c, http.MethodDelete, resource("accounts", a.ID), nil, func(v admin.AccountView) [][2]string {
		return [][2]string{{"deleted", v.ID}}
	})
}

type accountTokens struct {
	ID string `arg:"" help:"The account."`
}

func (a accountTokens) Run(c *Client) error {
	return one(c, http.MethodGet, resource("accounts", a.ID, "tokens"), nil, describeTokens)
}

func describeTokens(v accounting.View) [][2]string {
	lines := [][2]string{
		{"account", v.Account},
		{"tokens", fmt.Sprintf("%d of %d used, %d remaining", v.Monthly.Used, v.Monthly.Total, v.Monthly.Remaining)},
		{"monthly usage reset", fmt.Sprintf("%s, in %s (%s)", shown(&v.Reset.At), time.Duration(v.Reset.InSeconds)*time.Second, v.Reset.Timezone)},
		{"extra tokens", fmt.Sprintf("%d of %d used, %d remaining", v.Extra.Used, v.Extra.Purchased, v.Extra.Remaining)},
		{"next expiry", shown(v.Extra.NextExpiry)},
		{"held", number(v.Held)},
		{"overdraft", number(v.Over)},
		{"blocked", strconv.FormatBool(v.Blocked)},
	}
	if v.Forecast.EmptyAt != nil {
		lines = append(lines, [2]string{"empty at this pace", shown(v.Forecast.EmptyAt)})
	}
	return lines
}

type accountLedger struct {
	ID string `arg:"" help:"The account."`
	paging
}

func (a accountLedger) Run(c *Client) error {
	columns := []string{"SEQ", "AT", "KIND", "MONTHLY", "EXTRA", "MONTHLY BALANCE", "EXTRA BALANCE", "REFERENCE"}
	return many(c, resource("accounts", a.ID, "ledger"), url.Values{}, a.paging, columns, func(e accounting.Entry) []string {
		return []string{number(e.Seq), shown(&e.At), string(e.Kind), number(e.Change.Monthly), number(e.Change.Extra),
			number(e.Balance.Monthly), number(e.Balance.Extra), e.Reference}
	})
}
