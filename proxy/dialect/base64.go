package dialect

// base64Value reads a JSON value that stands as base64 in a JSON string. It takes the string's text over any split and
// keeps no more of it than a scanner does. What is no base64 is passed over: it leads to no value, or to a wrong one.
type base64Value struct {
	scan   scanner
	bits   uint32
	held   int // bits that make no byte yet
	escape uint8
	char   byte // of a \u escape, so far
	out    [512]byte
	n      int
}

// The states of an escape besides 0, none; behind \u there are as many as digits to come.
const escapeOpen = 5

func (b *base64Value) reset(root *node) {
	b.scan.reset(root)
	b.bits, b.held, b.escape, b.n = 0, 0, 0, 0
}

func (b *base64Value) feed(text []byte) {
	for _, c := range text {
		switch {
		case b.escape == escapeOpen:
			if b.escape = 0; c == 'u' {
				b.escape, b.char = 4, 0
			}
			if c != '/' { // no other short escape stands for a digit
				continue
			}
		case b.escape > 0:
			b.char = b.char<<4 | hexDigits[c]
			if b.escape--; b.escape > 0 {
				continue
			}
			c = b.char
		case c == '\\':
			b.escape = escapeOpen
			continue
		}
		b.digit(c)
	}
	b.flush()
}

func (b *base64Value) digit(c byte) {
	d := base64Digits[c]
	if d > 63 {
		return
	}
	b.bits = b.bits<<6 | uint32(d)
	if b.held += 6; b.held < 8 {
		return
	}
	b.held -= 8
	b.out[b.n] = byte(b.bits >> b.held)
	if b.n++; b.n == len(b.out) {
		b.flush()
	}
}

func (b *base64Value) flush() {
	b.scan.feed(b.out[:b.n])
	b.n = 0
}

// base64Digits and hexDigits are what digits stand for; of what is no base64 it is 64, of what is no hexadecimal 0.
var base64Digits, hexDigits = digits()

func digits() (base64, hex [256]byte) {
	for i := range base64 {
		base64[i] = 64
	}
	for i, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
		base64[c] = byte(i)
	}
	for i, c := range []byte("0123456789abcdef") {
		hex[c] = byte(i)
	}
	for i, c := range []byte("ABCDEF") {
		hex[c] = byte(10 + i)
	}
	return base64, hex
}
