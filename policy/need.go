package policy

import (
	"math/bits"

	"github.com/tollgate/tollgate/accounting"
)

// Need is what a request may cost, before it is known. Nothing in it is weighted: Weight is applied inside,
// as is the mode of the account, which only its lease tells.
type Need struct {
	// BodyBytes is the size of the request's body: four to a token in an estimate, one to a token in strict.
	BodyBytes int64
	// AddedInput is how many tokens the provider may read beside the body, since it adds a text of its own: strict counts
	// them, an estimate does not.
	AddedInput int64
	// Choices is how many answers were asked for; 0 for an API whose answer costs no output tokens.
	Choices int64
	// OutputLimit is the most output tokens per choice that the request allows; 0: it names none.
	OutputLimit int64
	// MinOutput is the smallest output limit that the provider accepts; 0 is 1.
	MinOutput int64
	// NoLimit says that the provider can't be told a limit of the output: the request's own counts as it is.
	NoLimit bool
	// Unbounded names what makes the cost unbounded by the body's size; "": nothing. Strict refuses it.
	Unbounded string
	// Weight is that of the asked model, from accounting.Weights.For. Its zero value charges nothing.
	Weight accounting.Weight

	// most is the key's own output limit per choice; 0: none.
	most int64
}

// under is the need under a key's own output limit, nil for none. It refuses a limit that the provider would not accept.
func (n Need) under(keyLimit *int64) (Need, error) {
	n.BodyBytes, n.Choices, n.OutputLimit = max(0, n.BodyBytes), max(0, n.Choices), max(0, n.OutputLimit)
	n.AddedInput = max(0, n.AddedInput)
	n.MinOutput = max(1, n.MinOutput)
	if keyLimit == nil || n.Choices == 0 {
		return n, nil
	}
	if *keyLimit < n.MinOutput {
		return n, notAllowed("this key allows %d output tokens, and the provider accepts no limit under %d", *keyLimit, n.MinOutput)
	}
	if n.NoLimit && (n.OutputLimit == 0 || n.OutputLimit > *keyLimit) {
		return n, notAllowed("this key allows %d output tokens, and this API can't be told so", *keyLimit)
	}
	n.most = *keyLimit
	return n, nil
}

// limit is the output limit per choice that counts: the asked one, else unasked, and never above the key's; 0: none.
func (n Need) limit(unasked int64) int64 {
	l := n.OutputLimit
	if l == 0 {
		l = unasked
	}
	if n.most > 0 && (l == 0 || l > n.most) {
		l = n.most
	}
	return l
}

// estimate is what hold and observe set aside; at least 1, so that an empty pool lets nothing through.
func (n Need) estimate(holdOutput int64) int64 {
	out := n.limit(0)
	if out == 0 || out > holdOutput {
		out = holdOutput
	}
	return n.cost(n.BodyBytes/4, out)
}

// cost is what input tokens and output tokens per choice are charged at most, rounded up; at least 1.
func (n Need) cost(input, output int64) int64 {
	thousandths := times(input, n.inputWeight()) + times(times(output, n.Choices), n.Weight.Output)
	return max(1, (thousandths+999)/1000)
}

// inputWeight is the dearest that input can be.
func (n Need) inputWeight() int64 { return max(n.Weight.Input, n.Weight.Cached) }

// worstInput is the most that the provider reads, in tokens.
func (n Need) worstInput() int64 { return min(n.BodyBytes, most) + min(n.AddedInput, most) }

// affordable is the output limit per choice that tokens pay for, beside the strict input.
func (n Need) affordable(tokens int64) int64 {
	perToken := times(n.Choices, n.Weight.Output)
	if perToken == 0 {
		return most
	}
	return max(0, times(max(0, tokens), 1000)-times(n.worstInput(), n.inputWeight())) / perToken
}

// most is where products stop growing: two of them can still be added. A client may ask for a limit of 2^63.
const most = int64(1) << 61

// times multiplies numbers that are not negative.
func times(a, b int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if hi != 0 || lo > uint64(most) {
		return most
	}
	return int64(lo)
}

// demand is a need as one mode sees it, in charged tokens.
type demand struct {
	mode Mode
	// want is what the request should hold, least what it must. They differ in strict alone, which can lower the output limit.
	want, least int64
	// limit is the output limit per choice that goes with want; 0: none.
	limit int64
}

// as is the need in the given mode. Strict refuses what it can't bound.
func (n Need) as(mode Mode, o *Options) (demand, error) {
	if mode != ModeStrict {
		estimate := n.estimate(o.HoldOutputTokens)
		return demand{mode: mode, want: estimate, least: estimate, limit: n.limit(0)}, nil
	}
	if n.Unbounded != "" {
		return demand{}, notAllowed("strict admission can't bound what this request costs: %s", n.Unbounded)
	}
	limit := n.limit(max(o.StrictOutputTokens, n.MinOutput))
	return demand{
		mode:  mode,
		want:  n.cost(n.worstInput(), limit),
		least: n.cost(n.worstInput(), min(limit, n.MinOutput)),
		limit: limit,
	}, nil
}

// lowered is a strict demand cut down to what tokens pay for. tokens must be at least d.least.
func (n Need) lowered(d demand, tokens int64) demand {
	d.limit = min(d.limit, n.affordable(tokens))
	d.want = n.cost(n.worstInput(), d.limit)
	return d
}
