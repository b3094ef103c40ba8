package accounting

// Units are what a provider counted otherwise than in tokens.
type Units struct{ AudioSeconds, Images, Pages, Searches int64 }

// UnitPrices are the charged tokens per unit.
type UnitPrices struct{ AudioSecond, Image, Page, Search int64 }

// Charge is what the units cost; never negative.
func (p UnitPrices) Charge(u Units) int64 {
	price := func(n, each int64) int64 { return clamp(n, unitsMax) * max(each, 0) }
	return price(u.AudioSeconds, p.AudioSecond) + price(u.Images, p.Image) + price(u.Pages, p.Page) + price(u.Searches, p.Search)
}

// unitsMax is what an answer counts for at most: a year of audio is less, and no price makes it wrap around.
const unitsMax = 1 << 30
