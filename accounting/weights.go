package accounting

// Weight says how much one token of each class costs, in thousandths of a charged token.
type Weight struct {
	Model                 string // a pattern as Glob reads it: gpt-4o*
	Input, Cached, Output int64  // 0 to WeightMax
}

// WeightMax is the highest weight of a token: a thousand charged tokens.
const WeightMax = 1_000_000

// tokensMax is what a response counts for at most in one class: no provider gives a trillion tokens, and what
// says so must not wrap the sum around.
const tokensMax = 1 << 40

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
			if Glob(weight.Model, model) {
				return weight
			}
		}
	}
	return unweighted
}

// Charge is what tokens cost, rounded half up; never negative. Cached input beyond the input, which some
// providers report, counts as no more than the input.
func (w Weight) Charge(t Tokens) int64 {
	input, output := clamp(t.Input, tokensMax), clamp(t.Output, tokensMax)
	cached := clamp(t.CachedInput, input)
	return ((input-cached)*w.Input + cached*w.Cached + output*w.Output + 500) / 1000
}

func clamp(n, most int64) int64 { return max(0, min(n, most)) }

// Glob says whether name fits the pattern, in which * stands for any run of characters and everything else for
// itself. Unlike path.Match it has no classes, no escapes and no separator: model names hold slashes and colons.
func Glob(pattern, name string) bool {
	star, resume := -1, 0 // the last * and where the name goes on if it takes one more character
	p, n := 0, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, n
			p++
		case p < len(pattern) && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			resume++
			p, n = star+1, resume
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
