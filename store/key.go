package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

const keyColumns = `key.id, key.account, key.name, key.scope, key.activity, key.chatbot, key.labels, key.monthly_cap, key.requests_per_minute,
	key.concurrent, key.max_output_tokens, key.models, key.providers, key.origins, key.expires_at, key.revoked_at, key.created_at,
	key.updated_at, key.version`

func keyFields(k *policy.Key) []any {
	return []any{&k.ID, &k.Account, &k.Name, &k.Scope, &k.Activity, &k.Chatbot, &k.Labels, &k.MonthlyCap, &k.RequestsPerMinute,
		&k.Concurrent, &k.MaxOutputTokens, asList{&k.Models}, asList{&k.Providers}, asList{&k.Origins}, asInstant{&k.ExpiresAt},
		asInstant{&k.RevokedAt}, asInstant{&k.CreatedAt}, asInstant{&k.UpdatedAt}, &k.Version}
}

func scanKey(r row) (k policy.Key, err error) {
	err = r.Scan(keyFields(&k)...)
	return k, err
}

// asList scans a JSON array of strings; an empty one is nil.
type asList struct{ to *[]string }

func (l asList) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		return fmt.Errorf("list: got %T", v)
	}
	*l.to = nil
	if text == "[]" {
		return nil
	}
	return json.Unmarshal([]byte(text), l.to)
}

func listText(l []string) string {
	if len(l) == 0 {
		return "[]"
	}
	text, err := json.Marshal(l)
	if err != nil {
		panic("BUG: strings that JSON can't hold: " + err.Error())
	}
	return string(text)
}

// CreateKey stores a key under its secret's hash. An empty ID is filled in. It fails with accounting.ErrNotFound
// when the account does not live, and with ErrExists for an id or hash that is taken.
func (s *Store) CreateKey(ctx context.Context, k policy.Key, hash policy.Hash, now time.Time) (policy.Key, error) {
	if k.ID == "" {
		k.ID = "key_" + uuid.Must(uuid.NewV7()).String()
	}
	k.CreatedAt, k.UpdatedAt, k.RevokedAt, k.ExpiresAt, k.Version = whole(now), whole(now), time.Time{}, whole(k.ExpiresAt), 1
	err := s.write(ctx, func(t *tx) error {
		var id string
		lives, err := t.one([]any{&id}, `SELECT id FROM account WHERE id = $1 AND deleted_at = 0`+t.forShare, k.Account)
		if err != nil {
			return err
		}
		if !lives {
			return accounting.ErrNotFound
		}
		n, err := t.affect(`INSERT INTO key (id, account, hash, name, scope, activity, chatbot, labels, monthly_cap, requests_per_minute, concurrent,
			max_output_tokens, models, providers, origins, expires_at, revoked_at, created_at, updated_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT DO NOTHING`,
			k.ID, k.Account, hash[:], k.Name, string(k.Scope), k.Activity, k.Chatbot, string(k.Labels), k.MonthlyCap, k.RequestsPerMinute, k.Concurrent,
			k.MaxOutputTokens, listText(k.Models), listText(k.Providers), listText(k.Origins), micros(k.ExpiresAt), micros(k.RevokedAt),
			micros(k.CreatedAt), micros(k.UpdatedAt), k.Version)
		if err != nil {
			return err
		}
		if n == 0 {
			return accounting.ErrExists
		}
		return t.changed(policy.ChangedKey, k.ID)
	})
	if err != nil {
		return policy.Key{}, fmt.Errorf("create key of %s: %w", k.Account, err)
	}
	return k, nil
}

// Key finds a key by its secret's hash.
func (s *Store) Key(ctx context.Context, hash policy.Hash) (k policy.Key, accountLives bool, err error) {
	var deleted int64
	var found bool
	err = s.glance(ctx, func(t *tx) error {
		found, err = t.one(append(keyFields(&k), &deleted),
			`SELECT `+keyColumns+`, account.deleted_at FROM key JOIN account ON account.id = key.account WHERE key.hash = $1`, hash[:])
		return err
	})
	if err == nil && !found {
		err = accounting.ErrNotFound
	}
	if err != nil {
		return policy.Key{}, false, fmt.Errorf("key by hash: %w", err)
	}
	return k, deleted == 0, nil
}

// Keys are an account's, revoked and expired ones too, by id.
func (s *Store) Keys(ctx context.Context, account, after string, limit int) (all []policy.Key, err error) {
	err = s.glance(ctx, func(t *tx) error {
		all, err = list(t, scanKey, `SELECT `+keyColumns+` FROM key WHERE key.account = $1 AND key.id > $2 ORDER BY key.id LIMIT $3`, account, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", account, err)
	}
	return all, nil
}

func (s *Store) AccountKey(ctx context.Context, account, id string) (k policy.Key, err error) {
	err = s.glance(ctx, func(t *tx) error {
		k, err = t.key(account, id)
		return err
	})
	if err != nil {
		return policy.Key{}, fmt.Errorf("key %s of %s: %w", id, account, err)
	}
	return k, nil
}

// key finds a key and locks it.
func (t *tx) key(account, id string) (k policy.Key, err error) {
	found, err := t.one(keyFields(&k), `SELECT `+keyColumns+` FROM key WHERE key.account = $1 AND key.id = $2`+t.forUpdate, account, id)
	if err == nil && !found {
		err = accounting.ErrNotFound
	}
	return k, err
}

// ChangeKey lets change edit the key. id, account, creation, revocation and version are not change's to edit.
func (s *Store) ChangeKey(ctx context.Context, account, id string, version int64, change func(*policy.Key) error, now time.Time) (policy.Key, error) {
	var k policy.Key
	var refusal error
	err := s.write(ctx, func(t *tx) error {
		was, err := t.key(account, id)
		if err != nil {
			return err
		}
		if version != 0 && version != was.Version {
			return accounting.ErrVersion
		}
		k = was
		if refusal = change(&k); refusal != nil {
			return refusal
		}
		k.ID, k.Account, k.CreatedAt, k.RevokedAt = was.ID, was.Account, was.CreatedAt, was.RevokedAt
		k.UpdatedAt, k.ExpiresAt, k.Version = whole(now), whole(k.ExpiresAt), was.Version+1
		return t.saveKey(k)
	})
	switch {
	case refusal != nil:
		return policy.Key{}, refusal
	case err != nil:
		return policy.Key{}, fmt.Errorf("change key %s of %s: %w", id, account, err)
	}
	return k, nil
}

func (t *tx) saveKey(k policy.Key) error {
	err := t.exec(`UPDATE key SET name = $1, scope = $2, activity = $3, chatbot = $4, labels = $5, monthly_cap = $6, requests_per_minute = $7,
		concurrent = $8, max_output_tokens = $9, models = $10, providers = $11, origins = $12, expires_at = $13, revoked_at = $14,
		updated_at = $15, version = $16 WHERE id = $17`,
		k.Name, string(k.Scope), k.Activity, k.Chatbot, string(k.Labels), k.MonthlyCap, k.RequestsPerMinute, k.Concurrent, k.MaxOutputTokens,
		listText(k.Models), listText(k.Providers), listText(k.Origins), micros(k.ExpiresAt), micros(k.RevokedAt), micros(k.UpdatedAt), k.Version, k.ID)
	if err != nil {
		return err
	}
	return t.changed(policy.ChangedKey, k.ID)
}

// RevokeKey ends a key for good.
func (s *Store) RevokeKey(ctx context.Context, account, id string, now time.Time) (k policy.Key, err error) {
	err = s.write(ctx, func(t *tx) error {
		if k, err = t.key(account, id); err != nil || !k.RevokedAt.IsZero() {
			return err
		}
		k.RevokedAt, k.UpdatedAt, k.Version = whole(now), whole(now), k.Version+1
		return t.saveKey(k)
	})
	if err != nil {
		return policy.Key{}, fmt.Errorf("revoke key %s of %s: %w", id, account, err)
	}
	return k, nil
}

// Used is what the store has charged to the key in the period that began at start.
func (s *Store) Used(ctx context.Context, key string, start time.Time) (used int64, err error) {
	err = s.glance(ctx, func(t *tx) error {
		_, err = t.one([]any{&used}, `SELECT used FROM key_usage WHERE key = $1 AND period_start = $2`, key, micros(start))
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("use of key %s: %w", key, err)
	}
	return used, nil
}

// Origins are those of all live keys of live accounts, sorted.
func (s *Store) Origins(ctx context.Context) ([]string, error) {
	var origins []string
	err := s.glance(ctx, func(t *tx) error {
		return t.each(func(r row) error {
			var some []string
			if err := r.Scan(asList{&some}); err != nil {
				return err
			}
			origins = append(origins, some...)
			return nil
		}, `SELECT key.origins FROM key JOIN account ON account.id = key.account
			WHERE key.origins <> '[]' AND key.revoked_at = 0 AND (key.expires_at = 0 OR key.expires_at > $1) AND account.deleted_at = 0`,
			micros(s.now()))
	})
	if err != nil {
		return nil, fmt.Errorf("origins: %w", err)
	}
	slices.Sort(origins)
	return slices.Compact(origins), nil
}
