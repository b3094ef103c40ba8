package admin

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

var accountID = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// AccountView is the JSON form of an account.
type AccountView struct {
	ID            string            `json:"id"`
	Name          string            `json:"name"`
	Plan          *string           `json:"plan"`
	MonthlyTokens *int64            `json:"monthly_tokens"` // the account's own total; null: the plan's
	Timezone      string            `json:"timezone"`
	ResetDay      int               `json:"reset_day"`
	Status        accounting.Status `json:"status"`
	Admission     *string           `json:"admission"`
	Next          *NextView         `json:"next"`
	CreatedAt     time.Time         `json:"created_at"`
	UpdatedAt     time.Time         `json:"updated_at"`
}

// NextView is what waits for the next reset. plan null: the plan stays; monthly_tokens null: the plan's total counts.
type NextView struct {
	Plan          *string `json:"plan"`
	MonthlyTokens *int64  `json:"monthly_tokens"`
}

func viewAccount(a accounting.Account) AccountView {
	v := AccountView{
		ID: a.ID, Name: a.Name, Plan: filled(a.Plan), MonthlyTokens: a.MonthlyTokens,
		Timezone: a.Anchor.Timezone, ResetDay: a.Anchor.Day, Status: a.Status, Admission: filled(a.Admission),
		CreatedAt: a.CreatedAt.UTC(), UpdatedAt: a.UpdatedAt.UTC(),
	}
	if a.NextPlan != nil || a.NextMonthlyTokens != nil {
		v.Next = &NextView{Plan: a.NextPlan, MonthlyTokens: a.NextMonthlyTokens}
	}
	return v
}

// filled is nil for an empty string.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// instant is nil for a zero time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func oneAccount(status int, a accounting.Account) reply {
	return reply{status: status, body: viewAccount(a), tag: tag(a.Version)}
}

func (h *Handler) listAccounts(ctx context.Context, _ *http.Request, q query) (reply, error) {
	p, err := q.page("accounts")
	if err != nil {
		return reply{}, err
	}
	accounts, err := h.accounts(ctx, p)
	if err != nil {
		return reply{}, err
	}
	if err := h.reset(ctx, accounts); err != nil {
		return reply{}, err
	}
	return listed(p, accounts, func(a accounting.Account) string { return a.ID }, viewAccount), nil
}

// accounts are those of one page that the caller reaches.
func (h *Handler) accounts(ctx context.Context, p page) ([]accounting.Account, error) {
	only := callerOf(ctx).Account
	if only == "" {
		return h.Store.Accounts(ctx, p.after, p.ask())
	}
	a, err := h.Store.Account(ctx, only)
	if errors.Is(err, accounting.ErrNotFound) || err == nil && (!a.Live() || p.after != "") {
		return nil, nil
	}
	return []accounting.Account{a}, err
}

// reset brings accounts for which something waits to now: their reset may be over.
func (h *Handler) reset(ctx context.Context, accounts []accounting.Account) error {
	for i, a := range accounts {
		if a.NextPlan == nil && a.NextMonthlyTokens == nil {
			continue
		}
		pools, err := h.Store.Pools(ctx, a.ID, h.Now())
		if errors.Is(err, accounting.ErrNotFound) { // deleted since
			continue
		}
		if err != nil {
			return err
		}
		accounts[i] = pools.Account
	}
	return nil
}

func (h *Handler) showAccount(ctx context.Context, r *http.Request, _ query) (reply, error) {
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	return oneAccount(http.StatusOK, a), nil
}

// pools are those of the path's account, which lives, rolled to now: a reset or an expiry that nothing has touched
// since is in what is read after them.
func (h *Handler) pools(ctx context.Context, r *http.Request) (*accounting.Pools, error) {
	id := r.PathValue("account")
	p, err := h.Store.Pools(ctx, id, h.Now())
	if errors.Is(err, accounting.ErrNotFound) {
		return nil, noAccount(id)
	}
	return p, err
}

// live is the path's account, which lives.
func (h *Handler) live(ctx context.Context, r *http.Request) (accounting.Account, error) {
	p, err := h.pools(ctx, r)
	if err != nil {
		return accounting.Account{}, err
	}
	return p.Account, nil
}

// known is the path's account, deleted or not: its facts stay.
func (h *Handler) known(ctx context.Context, r *http.Request) (accounting.Account, error) {
	a, err := h.live(ctx, r)
	if p, ok := errors.AsType[*problem](err); !ok || p.code != codeNotFound {
		return a, err
	}
	a, stored := h.Store.Account(ctx, r.PathValue("account"))
	if errors.Is(stored, accounting.ErrNotFound) {
		return a, err
	}
	return a, stored
}

func noAccount(id string) *problem { return absent("there is no account %q", id) }

func (h *Handler) createAccount(ctx context.Context, _ *http.Request, f *form) (reply, error) {
	id := f.text("id", notNull)
	members := h.readAccount(f)
	if err := f.done(); err != nil {
		return reply{}, err
	}
	if !id.given {
		return reply{}, wrong("id", "id is missing")
	}
	if !accountID.MatchString(id.value) {
		return reply{}, wrong("id", "id must be 1 to 64 of a-z, 0-9, '.', '_' and '-', and begin with a letter or digit; %q is not", id.value)
	}
	if members.nextPeriod {
		return reply{}, wrong("effective", "a new account has no next_period yet")
	}
	a := accounting.Account{ID: id.value, Name: id.value, Anchor: accounting.Anchor{Timezone: "UTC", Day: 1}, Status: accounting.Active}
	if err := members.apply(&a); err != nil {
		return reply{}, err
	}
	made, err := h.Store.CreateAccount(ctx, a, h.Now())
	if errors.Is(err, accounting.ErrExists) {
		return reply{}, &problem{status: http.StatusConflict, code: codeAlreadyExists, field: "id", message: "there is an account " + a.ID + " already, or there was one"}
	}
	if err != nil {
		return reply{}, err
	}
	return oneAccount(http.StatusCreated, made), nil
}

func (h *Handler) changeAccount(ctx context.Context, r *http.Request, f *form, version int64) (reply, error) {
	members := h.readAccount(f)
	if err := f.done("id"); err != nil {
		return reply{}, err
	}
	if _, err := h.live(ctx, r); err != nil {
		return reply{}, err
	}
	if err := h.settled(ctx); err != nil { // what was used before the change is charged by what was in force
		return reply{}, err
	}
	a, err := h.Store.ChangeAccount(ctx, r.PathValue("account"), version, members.apply, h.Now())
	if err != nil {
		return reply{}, err
	}
	return oneAccount(http.StatusOK, a), nil
}

func (h *Handler) deleteAccount(ctx context.Context, r *http.Request) (reply, error) {
	a, err := h.live(ctx, r)
	if err != nil {
		return reply{}, err
	}
	if err := h.Store.DeleteAccount(ctx, a.ID, h.Now()); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusOK, body: viewAccount(a)}, nil
}

// accountMembers are the members of an account that a request may give.
type accountMembers struct {
	name, plan, timezone, status, admission member[string]
	monthlyTokens, resetDay                 member[int64]
	nextPeriod                              bool
}

func (h *Handler) readAccount(f *form) accountMembers {
	m := accountMembers{
		name:          f.text("name", notNull),
		plan:          f.text("plan", orNull),
		monthlyTokens: f.whole("monthly_tokens", orNull, 0, tokensMax),
		timezone:      f.text("timezone", notNull),
		resetDay:      f.whole("reset_day", notNull, 1, 31),
		status:        f.choice("status", notNull, string(accounting.Active), string(accounting.Suspended)),
		admission:     f.choice("admission", orNull, string(policy.ModeHold), string(policy.ModeStrict), string(policy.ModeObserve)),
		nextPeriod:    f.choice("effective", notNull, "now", "next_period").value == "next_period",
	}
	if m.name.given && strings.TrimSpace(m.name.value) == "" {
		f.refuse(wrong("name", "name must not be empty"))
	}
	if plan := m.plan.pointer(); plan != nil {
		h.checkPlan(f, *plan)
	}
	if m.timezone.given && !timezone(m.timezone.value) {
		f.refuse(wrong("timezone", "timezone must be a name of the IANA time zone database, such as Europe/Berlin or UTC; %q is none", m.timezone.value))
	}
	if m.nextPeriod && !m.plan.given && !m.monthlyTokens.given {
		f.refuse(wrong("effective", "next_period needs plan or monthly_tokens: nothing else waits for it"))
	}
	return m
}

func (h *Handler) checkPlan(f *form, plan string) {
	plans := h.Plans()
	if _, ok := plans[plan]; ok {
		return
	}
	if len(plans) == 0 {
		f.refuse(wrong("plan", "there is no plan %q: gateway.yaml names no plans", plan))
		return
	}
	f.refuse(wrong("plan", "there is no plan %q; gateway.yaml has %s", plan, strings.Join(slices.Sorted(maps.Keys(plans)), ", ")))
}

// timezone says whether a name is an IANA time zone. What a machine's own folder of zones has beside those (its
// local time, zones with leap seconds) would mean something else on the next machine.
func timezone(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	switch first {
	case "", "Local", "localtime", "posixrules", "posix", "right":
		return false
	}
	_, err := time.LoadLocation(name)
	return err == nil
}

// apply changes an account as asked. A change of the monthly total that counts now replaces one that waits.
func (m accountMembers) apply(a *accounting.Account) error {
	a.Name = m.name.or(a.Name)
	a.Anchor.Timezone = m.timezone.or(a.Anchor.Timezone)
	a.Anchor.Day = int(m.resetDay.or(int64(a.Anchor.Day)))
	a.Status = accounting.Status(m.status.or(string(a.Status)))
	if m.admission.given {
		a.Admission = m.admission.value
	}
	if m.nextPeriod {
		return m.applyNext(a)
	}
	plan, tokens, err := m.total(a.Plan, a.MonthlyTokens)
	if err != nil {
		return err
	}
	if m.plan.given || m.monthlyTokens.given {
		a.NextPlan, a.NextMonthlyTokens = nil, nil
	}
	a.Plan, a.MonthlyTokens = plan, tokens
	return nil
}

// applyNext lets the new total wait for the reset, on top of what waits already.
func (m accountMembers) applyNext(a *accounting.Account) error {
	plan, tokens := a.Plan, a.MonthlyTokens
	if a.NextPlan != nil || a.NextMonthlyTokens != nil {
		tokens = a.NextMonthlyTokens
		if a.NextPlan != nil {
			plan = *a.NextPlan
		}
	}
	plan, tokens, err := m.total(plan, tokens)
	if err != nil {
		return err
	}
	a.NextPlan, a.NextMonthlyTokens = nil, tokens
	if plan != a.Plan || tokens == nil {
		a.NextPlan = &plan
	}
	return nil
}

// total is what the request makes of a plan and an own total. A new plan drops the own total, unless one is
// given with it.
func (m accountMembers) total(plan string, tokens *int64) (string, *int64, error) {
	if m.plan.given {
		plan = m.plan.value
	}
	if m.monthlyTokens.given || (m.plan.given && !m.plan.null) {
		tokens = m.monthlyTokens.pointer()
	}
	if plan == "" && tokens == nil {
		if m.monthlyTokens.null {
			return "", nil, wrong("monthly_tokens", "monthly_tokens must be a number: the account has no plan whose total could count")
		}
		return "", nil, wrong("plan", "an account needs a plan or monthly_tokens")
	}
	return plan, tokens, nil
}
