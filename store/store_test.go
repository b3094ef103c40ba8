package store

import (
	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/admin"
	"github.com/tollgate/tollgate/policy"
)

var (
	_ accounting.Store = (*Store)(nil)
	_ policy.Keys      = (*Store)(nil)
	_ policy.Credit    = (*Store)(nil)
	_ admin.Store      = (*Store)(nil)
)
