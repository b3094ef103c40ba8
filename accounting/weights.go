package accounting

import "path"

// Weight says how much one token of each class costs, in thousandths of a charged token.
type Weight struct {
	// Model is a pattern as path.Match reads it: gpt-4o*.
	Model                 string
	Input, Cached, Output int64
}

// Weights are tried in order; the first whose pattern fits counts.
type Weights []Weight

// unweighted charges each token as one.
var unweighted = Weight{Input: 1000, Cached: 1000, Output: 1000}

// For is the weight of the model that answered, else of the one that was asked for.
func (w Weights) For(answered, asked string) Weight {
	for _, model := range []string{answered, asked} {
		if model == "" {
			continue
		}
		for _, weight := range w {
			if ok, _ := path.Match(weight.Model, model); ok {
				return weight
			}
		}
	}
	return unweighted
}

// Charge is what tokens cost, rounded half up. Cached input beyond the input, which some
// providers report, counts as no more than the input.
func (w Weight) Charge(t Tokens) int64 {
	cached := min(max(0, t.CachedInput), t.Input)
	return ((t.Input-cached)*w.Input + cached*w.Cached + t.Output*w.Output + 500) / 1000
}
