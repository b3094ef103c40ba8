package dialect

// choices follows which of a response's choices have ended.
type choices struct {
	asked          int64 // how many the request asked for
	seen, finished indices
	n              int64 // in the message that is being read
	at             int64 // the index of the choice that is being read; negative: it isn't told
	finishes       bool  // the choice that is being read does
}

func choicesOf(r Response) choices { return choices{asked: max(r.Request.answers, 1), at: -1} }

func (c *choices) begin() { c.n, c.at, c.finishes = 0, -1, false }

// index is told of the index of the choice that is being read. Without one the choices are counted.
func (c *choices) index(v *value) {
	if index, ok := wholeNumber(string(v.raw)); ok {
		c.at = index
	}
}

// endChoice is called behind a choice.
func (c *choices) endChoice() {
	if c.at < 0 {
		c.at = c.n
	}
	c.seen.add(c.at)
	if c.finishes {
		c.finished.add(c.at)
	}
	c.n++
	c.at, c.finishes = -1, false
}

// ended says that the last choice has finished.
func (c *choices) ended() bool { return c.finished.n >= max(c.asked, c.seen.n) }

// indices is a set of choices by index. One that no answer could have counts, but isn't told from others like it.
type indices struct {
	n    int64
	bits []uint64
}

func (s *indices) add(i int64) {
	i = min(max(i, 0), maxChoices)
	for int64(len(s.bits)) <= i/64 {
		s.bits = append(s.bits, 0)
	}
	if bit := uint64(1) << (i % 64); s.bits[i/64]&bit == 0 {
		s.bits[i/64] |= bit
		s.n++
	}
}
