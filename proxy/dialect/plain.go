package dialect

import (
	"slices"
	"strings"
)

// The places that are read of answers that say themselves when they end, besides those that all have.
const (
	ansInput  = 200 + iota // tokens read, where the count stands alone
	ansOutput              // tokens generated
	ansOnly                // tokens read, where nothing is generated
	ansDone                // true: the answer is complete
	ansStop                // why it stopped, or that it hasn't
)

// plain is how an API's answers are read that hold one text and say themselves when they end.
type plain struct {
	// counts are where the counts of a usage object stand; the first that tells of any counts.
	counts []counts
	// searches, images and pages are the paths in a usage object of what is counted otherwise.
	searches, images, pages []string
	// ends are the types of the events that end a stream.
	ends []string
	// goesOn is the reason to stop of an answer that hasn't stopped.
	goesOn string
}

func (p *plain) newReader(a *answer, _ Response) reader { return &plainReader{answer: a, plain: p} }

// plainReader reads one answer.
type plainReader struct {
	*answer
	*plain
	unit unit
	text bool
}

func (p *plainReader) begin() { p.unit, p.text = unit{}, false }

func (p *plainReader) see(v *value) {
	switch v.node.id {
	case ansID:
		setText(&p.id, v)
	case ansModel:
		setText(&p.model, v)
	case ansUsage:
		p.seeUsage(string(v.raw))
	case ansInput:
		p.seeCount(&p.usage.Input, &p.usage.InputKnown, v)
	case ansOutput:
		p.seeCount(&p.usage.Output, &p.usage.OutputKnown, v)
	case ansOnly:
		p.seeCount(&p.usage.Input, &p.usage.InputKnown, v)
		p.usage.OutputKnown = p.usage.InputKnown
	case ansText:
		if p.hear(v) {
			p.text = true
		}
	case ansError:
		if v.size > 2 && !v.null() {
			p.fail(errorType(v))
			p.unit.ends, p.unit.final = true, true
		}
	case ansType:
		if slices.Contains(p.ends, string(inner(v.raw))) {
			p.unit.ends, p.unit.final = true, true
		}
	case ansDone:
		if v.kind == 't' {
			p.unit.ends, p.unit.final = true, true
		}
	case ansFinish:
		p.finished(label(v.raw))
	case ansStop:
		if reason := inner(v.raw); len(reason) > 0 && !strings.EqualFold(string(reason), p.goesOn) {
			p.finished(label(v.raw))
			p.unit.ends = true
		}
	}
}

// seeUsage reads a usage object. One that tells less than an earlier one doesn't count.
func (p *plainReader) seeUsage(raw string) {
	units := Units{Searches: sum(raw, p.searches), Images: sum(raw, p.images), Pages: sum(raw, p.pages)}
	if units == (Units{}) {
		units = p.usage.Units
	}
	for i := range p.counts {
		c := &p.counts[i]
		u := c.read(raw)
		if !u.InputKnown {
			continue
		}
		u.OutputKnown = len(c.output) == 0 || first(raw, c.output).Exists()
		if u.Known() || !p.usage.Known() {
			p.usage, p.unit.usage = u, u.Known()
		}
		break
	}
	p.usage.Units = units
}

// seeCount reads a count that grows while the answer does, and is 0 where it is told no more.
func (p *plainReader) seeCount(count *int64, known *bool, v *value) {
	n, ok := wholeNumber(string(v.raw))
	if !ok || n < 0 || n == 0 && *known {
		return
	}
	*count, *known = n, true
	p.unit.usage = p.usage.Known()
}

func (p *plainReader) end() unit {
	u := p.unit
	if p.text {
		p.events++
	}
	p.begin()
	return u
}
