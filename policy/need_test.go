package policy

import "testing"

// What a provider adds of its own to a prompt counts where the worst is counted, and in no estimate.
func TestAddedInputCountsInStrictAlone(t *testing.T) {
	n := Need{BodyBytes: 400, AddedInput: 1000, Choices: 1, OutputLimit: 50, MinOutput: 1, Weight: whole}
	o := Options{HoldOutputTokens: 1024, StrictOutputTokens: 4096}
	for mode, want := range map[Mode]int64{ModeStrict: 1450, ModeHold: 150, ModeObserve: 150} {
		if d, err := n.as(mode, &o); err != nil || d.want != want {
			t.Errorf("%s: wants %d, %v; should %d", mode, d.want, err, want)
		}
	}
	d, _ := n.as(ModeStrict, &o)
	if l := n.lowered(d, 1420); l.limit != 20 || l.want != 1420 {
		t.Errorf("lowered to %d tokens of output, %d in all", l.limit, l.want)
	}
}

// What can't be lowered must be low enough as it is.
func TestAKeysOutputLimitHoldsWhereNoneCanBeTold(t *testing.T) {
	key := int64(100)
	for asked, ok := range map[int64]bool{0: false, 100: true, 101: false, 7: true} {
		n := Need{BodyBytes: 400, Choices: 1, OutputLimit: asked, NoLimit: true, Weight: whole}
		if _, err := n.under(&key); (err == nil) != ok {
			t.Errorf("asked for %d: %v", asked, err)
		}
		if _, err := n.under(nil); err != nil {
			t.Errorf("asked for %d by a key without a limit: %v", asked, err)
		}
	}
}
