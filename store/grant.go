package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/policy"
)

// CreateGrant is a purchase. An empty ID is filled in.
func (s *Store) CreateGrant(ctx context.Context, g accounting.Grant, now time.Time) (grant accounting.Grant, created bool, err error) {
	g.ExpiresAt = whole(g.ExpiresAt)
	if g.ID == "" {
		g.ID = "grant_" + uuid.Must(uuid.NewV7()).String()
	}
	err = s.write(ctx, func(t *tx) error {
		created = false
		b, err := t.open(g.Account, now)
		if err != nil {
			return err
		}
		found, err := t.one(grantFields(&grant), `SELECT `+grantColumns+` FROM "grant" WHERE account = $1 AND reference = $2`, g.Account, g.Reference)
		switch {
		case err != nil:
			return err
		case found && grant.Tokens != g.Tokens:
			return accounting.ErrConflict
		case found:
			return nil
		}
		grant, created = b.pools.Purchase(g, !s.forgive, whole(now)), true
		if err := t.save(b); err != nil {
			return err
		}
		return t.changed(policy.ChangedAccount, g.Account)
	})
	if err != nil {
		return accounting.Grant{}, false, fmt.Errorf("create grant %s of %s: %w", g.Reference, g.Account, err)
	}
	return grant, created, nil
}

// Grants are an account's, void and expired ones too, by id. What has expired is written off first.
func (s *Store) Grants(ctx context.Context, account, after string, limit int) (all []accounting.Grant, err error) {
	if err := s.bring(ctx, account); err != nil {
		return nil, fmt.Errorf("grants of %s: %w", account, err)
	}
	err = s.glance(ctx, func(t *tx) error {
		all, err = list(t, scanGrant, `SELECT `+grantColumns+` FROM "grant" WHERE account = $1 AND id > $2 ORDER BY id LIMIT $3`, account, after, limit)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("grants of %s: %w", account, err)
	}
	return all, nil
}

// Grant finds one grant of an account. What has expired is written off first.
func (s *Store) Grant(ctx context.Context, account, id string) (g accounting.Grant, err error) {
	if err := s.bring(ctx, account); err != nil {
		return accounting.Grant{}, fmt.Errorf("grant %s of %s: %w", id, account, err)
	}
	err = s.glance(ctx, func(t *tx) error {
		g, err = t.grant(account, id)
		return err
	})
	if err != nil {
		return accounting.Grant{}, fmt.Errorf("grant %s of %s: %w", id, account, err)
	}
	return g, nil
}

func (t *tx) grant(account, id string) (g accounting.Grant, err error) {
	found, err := t.one(grantFields(&g), `SELECT `+grantColumns+` FROM "grant" WHERE account = $1 AND id = $2`, account, id)
	if err == nil && !found {
		err = accounting.ErrNotFound
	}
	return g, err
}

// VoidGrant takes back what is left of a grant.
func (s *Store) VoidGrant(ctx context.Context, account, id string, now time.Time) (g accounting.Grant, err error) {
	err = s.write(ctx, func(t *tx) error {
		b, err := t.open(account, now)
		if err != nil {
			return err
		}
		if b.pools.Void(id, whole(now)) {
			if err := t.save(b); err != nil {
				return err
			}
			if err := t.changed(policy.ChangedAccount, account); err != nil {
				return err
			}
		}
		g, err = t.grant(account, id)
		return err
	})
	if err != nil {
		return accounting.Grant{}, fmt.Errorf("void grant %s of %s: %w", id, account, err)
	}
	return g, nil
}
