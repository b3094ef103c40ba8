package policy

import (
	"context"
	"time"
)

// originsEach is how often the origins are read even if no key was changed: keys expire.
const originsEach = 10 * time.Second

// Preflight says whether the origin is one of a live key's. It asks the store only before Run has.
func (g *Gate) Preflight(ctx context.Context, origin string) bool {
	origins := g.origins.Load()
	if origins == nil {
		ctx, cancel := context.WithTimeout(ctx, storeTimeout)
		defer cancel()
		if g.readOrigins(ctx) != nil {
			return false
		}
		origins = g.origins.Load()
	}
	return (*origins)[origin]
}

func (g *Gate) readOrigins(ctx context.Context) error {
	list, err := g.keys.Origins(ctx)
	if err != nil {
		return err
	}
	origins := make(map[string]bool, len(list))
	for _, o := range list {
		origins[o] = true
	}
	g.origins.Store(&origins)
	return nil
}
