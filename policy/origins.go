package policy

import (
	"context"
	"time"
)

// originsEach is how often the origins are read even if no key was changed: keys expire. originsGap is how far apart
// the readings are that unknown origins ask for: a flood of made-up ones costs the store no more than that.
const (
	originsEach = 10 * time.Second
	originsGap  = 100 * time.Millisecond
)

// KnowsOrigin says whether the origin was one of a live key's when the origins were last read.
func (g *Gate) KnowsOrigin(origin string) bool {
	origins := g.origins.Load()
	return origins != nil && (*origins)[origin]
}

// Preflight says whether the origin is one of a live key's. It asks the store about an origin that is not known yet:
// a page calls as soon as it has its key, and that may have been made at another replica a moment ago.
func (g *Gate) Preflight(ctx context.Context, origin string) bool {
	if origin == "" || origin == "null" {
		return false
	}
	// A reading that runs already may have begun before the key was made; the next one finds it.
	own := false
	for round := 0; round < 2 && !own && !g.KnowsOrigin(origin) && !g.down.Load(); round++ {
		reading := g.originReads.DoChan("", func() (any, error) {
			own = true
			return nil, g.readOriginsSoon(context.WithoutCancel(ctx))
		})
		select {
		case r := <-reading:
			if r.Err != nil {
				return false
			}
		case <-ctx.Done():
			return false
		}
	}
	return g.KnowsOrigin(origin)
}

// readOriginsSoon reads the origins, but not right after it did so before.
func (g *Gate) readOriginsSoon(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if last := g.originsAsked.Load(); last != nil {
		time.Sleep(originsGap - g.now().Sub(*last))
	}
	now := g.now()
	g.originsAsked.Store(&now)
	return g.readOrigins(ctx)
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
