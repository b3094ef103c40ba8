package storetest

import (
	"errors"
	"fmt"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

func keys(r *rig) {
	r.account("acme", 100)
	hash := policy.HashSecret("tg_secret")
	full := policy.Key{
		ID: "key_1", Account: "acme", Name: "backend", Scope: policy.ScopeCall, Activity: "chat", Chatbot: "bot-1", Labels: policy.LabelsFixed,
		MonthlyCap: ptr[int64](5), RequestsPerMinute: ptr[int64](6), Concurrent: ptr[int64](7), MaxOutputTokens: ptr[int64](8),
		Models: []string{"gpt-4o*", `a "b"`}, Providers: []string{"openai"}, Origins: []string{"https://a.example"}, ExpiresAt: r.now.Add(time.Hour),
	}
	made := must[policy.Key](r)(r.CreateKey(r.ctx(), full, hash, r.now))
	full.CreatedAt, full.UpdatedAt, full.Version = r.now, r.now, 1
	r.same("the key made", full, made)
	found, lives, err := r.Key(r.ctx(), hash)
	r.do(err)
	r.same("the key found", full, found)
	if !lives {
		r.Error("its account does not live")
	}
	_, _, err = r.Key(r.ctx(), policy.HashSecret("tg_other"))
	r.fails(err, accounting.ErrNotFound)
	_, err = r.CreateKey(r.ctx(), policy.Key{ID: "key_2", Account: "acme"}, hash, r.now)
	r.fails(err, accounting.ErrExists)
	_, err = r.CreateKey(r.ctx(), policy.Key{ID: "key_1", Account: "acme"}, policy.HashSecret("2"), r.now)
	r.fails(err, accounting.ErrExists)
	_, err = r.CreateKey(r.ctx(), policy.Key{ID: "key_2", Account: "nobody"}, policy.HashSecret("2"), r.now)
	r.fails(err, accounting.ErrNotFound)
	changedKeys(r, full)

	must[policy.Key](r)(r.CreateKey(r.ctx(), policy.Key{ID: "key_0", Account: "acme"}, policy.HashSecret("0"), r.now))
	page := must[[]policy.Key](r)(r.Keys(r.ctx(), "acme", "", 1))
	page = append(page, must[[]policy.Key](r)(r.Keys(r.ctx(), "acme", page[0].ID, 10))...)
	r.same("both pages", []string{"key_0", "key_1"}, []string{page[0].ID, page[1].ID})

	r.do(r.DeleteAccount(r.ctx(), "acme", r.now))
	if _, lives, err = r.Key(r.ctx(), hash); err != nil || lives {
		r.Errorf("the key of a deleted account: %v, lives %t", err, lives)
	}
}

// changedKeys changes and revokes a key.
func changedKeys(r *rig, key policy.Key) {
	r.now = r.now.Add(time.Minute)
	refusal := errors.New("no")
	if _, err := r.ChangeKey(r.ctx(), "acme", "key_1", 0, func(*policy.Key) error { return refusal }, r.now); err != refusal {
		r.Fatalf("got the error %v, want the change's own", err)
	}
	_, err := r.ChangeKey(r.ctx(), "acme", "key_1", 9, func(*policy.Key) error { return nil }, r.now)
	r.fails(err, accounting.ErrVersion)
	_, err = r.ChangeKey(r.ctx(), "other", "key_1", 0, func(*policy.Key) error { return nil }, r.now)
	r.fails(err, accounting.ErrNotFound)
	changed := must[policy.Key](r)(r.ChangeKey(r.ctx(), "acme", "key_1", 1, func(k *policy.Key) error {
		k.ID, k.Account, k.RevokedAt = "hijacked", "other", r.now
		k.Name, k.MonthlyCap, k.Models = "renamed", nil, nil
		return nil
	}, r.now))
	key.Name, key.MonthlyCap, key.Models, key.UpdatedAt, key.Version = "renamed", nil, nil, r.now, 2
	r.same("changed", key, changed)

	_, err = r.RevokeKey(r.ctx(), "acme", "key_9", r.now)
	r.fails(err, accounting.ErrNotFound)
	key.RevokedAt, key.Version = r.now, 3
	r.same("revoked", key, must[policy.Key](r)(r.RevokeKey(r.ctx(), "acme", "key_1", r.now)))
	r.same("revoked again", key, must[policy.Key](r)(r.RevokeKey(r.ctx(), "acme", "key_1", r.now.Add(time.Hour))))
	r.same("read", key, must[policy.Key](r)(r.AccountKey(r.ctx(), "acme", "key_1")))
}

func origins(r *rig) {
	for _, a := range []string{"acme", "gone"} {
		r.account(a, 100)
	}
	for i, k := range []policy.Key{
		{ID: "1", Account: "acme", Origins: []string{"https://b.example", "https://a.example"}},
		{ID: "2", Account: "acme", Origins: []string{"https://a.example"}, ExpiresAt: r.now.Add(time.Hour)},
		{ID: "3", Account: "acme", Origins: []string{"https://expired.example"}, ExpiresAt: r.now},
		{ID: "4", Account: "acme", Origins: []string{"https://revoked.example"}},
		{ID: "5", Account: "gone", Origins: []string{"https://gone.example"}},
		{ID: "6", Account: "acme"},
	} {
		must[policy.Key](r)(r.CreateKey(r.ctx(), k, policy.HashSecret(fmt.Sprint(i)), r.now))
	}
	must[policy.Key](r)(r.RevokeKey(r.ctx(), "acme", "4", r.now))
	r.do(r.DeleteAccount(r.ctx(), "gone", r.now))
	r.same("origins", []string{"https://a.example", "https://b.example"}, must[[]string](r)(r.Origins(r.ctx())))
}

func changes(r *rig) {
	_, newest, err := r.Changes(r.ctx(), -1)
	r.do(err)
	if newest != 0 {
		r.Fatalf("newest change of an empty store: %d", newest)
	}
	r.account("acme", 100)
	must[policy.Key](r)(r.CreateKey(r.ctx(), policy.Key{ID: "key_1", Account: "acme"}, policy.HashSecret("1"), r.now))
	g := r.buy("acme", "invoice", 10)
	must[policy.Key](r)(r.ChangeKey(r.ctx(), "acme", "key_1", 0, func(*policy.Key) error { return nil }, r.now))
	must[policy.Key](r)(r.RevokeKey(r.ctx(), "acme", "key_1", r.now))
	must[policy.Key](r)(r.RevokeKey(r.ctx(), "acme", "key_1", r.now)) // says nothing
	must[accounting.Grant](r)(r.VoidGrant(r.ctx(), "acme", g.ID, r.now))
	must[accounting.Grant](r)(r.VoidGrant(r.ctx(), "acme", g.ID, r.now)) // says nothing
	must[accounting.Account](r)(r.ChangeAccount(r.ctx(), "acme", 0, func(a *accounting.Account) error { a.Status = accounting.Suspended; return nil }, r.now))
	r.do(r.DeleteAccount(r.ctx(), "acme", r.now))
	account, key := policy.ChangedAccount, policy.ChangedKey
	want := []policy.Change{{Seq: 1, Kind: account, ID: "acme"}, {Seq: 2, Kind: key, ID: "key_1"}, {Seq: 3, Kind: account, ID: "acme"},
		{Seq: 4, Kind: key, ID: "key_1"}, {Seq: 5, Kind: key, ID: "key_1"}, {Seq: 6, Kind: account, ID: "acme"},
		{Seq: 7, Kind: account, ID: "acme"}, {Seq: 8, Kind: account, ID: "acme"}}
	got, next, err := r.Changes(r.ctx(), 0)
	r.do(err)
	r.same("all changes", want, got)
	r.same("where to go on", int64(8), next)
	got, next, err = r.Changes(r.ctx(), 6)
	r.do(err)
	r.same("changes after 6", want[6:], got)
	r.same("where to go on", int64(8), next)
	got, next, err = r.Changes(r.ctx(), 99) // of a database that went back in time
	r.do(err)
	if len(got) != 0 || next != 8 {
		r.Errorf("changes after one that the store does not have: %v, next %d", got, next)
	}
}
