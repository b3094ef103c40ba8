package policy

// Mode is how requests are admitted.
type Mode string

const (
	ModeHold    Mode = "hold"
	ModeStrict  Mode = "strict"
	ModeObserve Mode = "observe"
)
