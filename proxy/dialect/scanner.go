package dialect

import (
	"bytes"
	"math"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"
)

// maxRaw is the longest value that is handed over as text; of a longer one only kind and offsets are told.
const maxRaw = 64 << 10

// maxKey bounds a key's text: no wanted key is longer than 23 letters, and none of them takes more than the six
// bytes of \u0061.
const maxKey = 144

// maxTracked is how deep a tree of wanted values may reach.
const maxTracked = 16

// visitor is told of each wanted value when its last byte has passed. v and what it points to are lent for the call.
type visitor interface{ see(v *value) }

// follower is a visitor that is handed the text of a followed node's value as it comes, whatever its length: in pieces, the
// first of which begins with the value's first byte. When the last has come, the visitor sees the value.
type follower interface{ follow(v *value, piece []byte) }

// value is one JSON value at a wanted place. Offsets count from the first byte that was fed.
type value struct {
	node *node
	kind byte // its first byte: { [ " t f n or what a number begins with
	// raw is its text; nil for one that was only counted or followed, is longer than maxRaw, or whose members were visited.
	raw []byte
	// key is the offset of its key's opening quote (of elements: undefined); start and end are those of the value.
	key, start, end int64
	// size is the number of members or elements where those were visited, else the length of the text.
	size int64
}

func (v *value) null() bool { return v.kind == 'n' }

type scanState uint8

const (
	expectValue scanState = iota
	expectKey
	expectColon
	expectNext
	inKey
	inString
	inScalar
	inDeep
	inDeepString
	complete
)

// frame is an open object or array whose members are looked at.
type frame struct {
	node       *node
	array      bool
	n          int64 // members or elements begun
	key, start int64
	seen       uint64 // which of the node's first 64 members came
}

// scanner follows one JSON value over any split of its bytes and hands the wanted values to a visitor. It judges
// nothing: what isn't JSON leads to no value, or to a wrong one, never to a panic or to unbounded memory. Every
// occurrence of a repeated member is visited.
type scanner struct {
	visitor visitor
	state   scanState
	escaped bool // the string's last byte was an unfinished escape
	depth   int  // open brackets inside a value that is passed over
	top     int
	stack   [maxTracked]frame
	node    *node // of the value being read; nil: not wanted
	value   value
	text    []byte // what earlier feeds brought of the key or value being read
	from    int    // where in this feed the key or value begins
	base    int64  // bytes fed before this feed
	deepest int
	name    []byte // the last key that a closed node didn't list
	doubt   string // the first member of an exact node that came twice or in another letter case
}

// reset prepares for a new value with root's wishes; buffers stay.
func (s *scanner) reset(root *node) {
	s.state, s.escaped, s.depth, s.top, s.node = expectValue, false, 0, 0, root
	s.value = value{}
	s.text, s.from, s.base, s.deepest, s.doubt = s.text[:0], 0, 0, 0, ""
}

// feed reads on and returns how many bytes belong to the value; the rest of p, if any, lies behind its end.
func (s *scanner) feed(p []byte) int {
	s.from = 0
	i := 0
	for i < len(p) && s.state != complete {
		switch s.state {
		case inKey:
			i = s.readKey(p, i)
		case inString:
			if i = s.skipString(p, i); s.state == inString {
				break
			}
			s.finish(p, i)
		case inScalar:
			for i < len(p) && !endsScalar[p[i]] {
				i++
			}
			if i < len(p) {
				s.finish(p, i)
			}
		case inDeep, inDeepString:
			i = s.skipDeep(p, i)
		default:
			i = s.step(p, i)
		}
	}
	s.keep(p)
	s.base += int64(i)
	return i
}

// step reads one byte between values.
func (s *scanner) step(p []byte, i int) int {
	c := p[i]
	if isSpace(c) {
		return i + 1
	}
	switch {
	case c == '}' || c == ']':
		s.close(i + 1)
	case s.state == expectValue && c != ',' && c != ':':
		s.open(p, i)
	case s.state == expectKey && c == '"':
		s.value.key, s.from, s.state = s.base+int64(i), i, inKey
	case s.state == expectColon && c == ':':
		s.state = expectValue
	case s.state == expectNext && c == ',':
		s.next()
	}
	return i + 1
}

// next goes on behind the comma of the innermost frame.
func (s *scanner) next() {
	f := &s.stack[s.top-1]
	if !f.array {
		s.state = expectKey
		return
	}
	s.state, s.node = expectValue, f.node.element()
}

// open begins a value: its members are looked at, or it is passed over as a whole.
func (s *scanner) open(p []byte, i int) {
	c := p[i]
	if s.top > 0 {
		s.stack[s.top-1].n++
	}
	s.value.kind, s.value.start, s.from = c, s.base+int64(i), i
	switch c {
	case '"':
		s.state = inString
	case '{', '[':
		s.deepest = max(s.deepest, s.top+1)
		if s.node.inner() {
			s.push(c == '[')
			return
		}
		s.state, s.depth = inDeep, 1
	default:
		s.state = inScalar
	}
}

func (s *scanner) push(array bool) {
	if s.top == maxTracked {
		s.name = append(s.name[:0], "nested too deeply"...)
		s.node, s.state, s.depth = unlistedNode, inDeep, 1
		return
	}
	s.stack[s.top] = frame{node: s.node, array: array, key: s.value.key, start: s.value.start}
	s.top++
	if array {
		s.state, s.node = expectValue, s.node.element()
		return
	}
	s.state = expectKey
}

// close ends the innermost frame; end is the index behind its bracket.
func (s *scanner) close(end int) {
	if s.top == 0 {
		s.state = complete
		return
	}
	s.top--
	f := &s.stack[s.top]
	if f.node.id != 0 {
		kind := byte('{')
		if f.array {
			kind = '['
		}
		s.value = value{node: f.node, kind: kind, key: f.key, start: f.start, end: s.base + int64(end), size: f.n}
		s.visitor.see(&s.value)
	}
	s.after()
}

// finish ends a value that was passed over; end is the index behind its last byte.
func (s *scanner) finish(p []byte, end int) {
	if n := s.node; n != nil && n.id != 0 {
		v := &s.value
		v.node, v.raw, v.end = n, nil, s.base+int64(end)
		v.size = v.end - v.start
		switch {
		case n.followed:
			s.visitor.(follower).follow(v, p[s.from:end])
		case !n.counted && v.size <= maxRaw:
			v.raw = s.taken(p, end)
		}
		s.visitor.see(v)
	}
	s.text = s.text[:0]
	s.after()
}

func (s *scanner) after() {
	s.state = expectNext
	if s.top == 0 {
		s.state = complete
	}
}

// taken is the text from its begin, perhaps in an earlier feed, to end.
func (s *scanner) taken(p []byte, end int) []byte {
	if len(s.text) == 0 {
		return p[s.from:end]
	}
	s.text = append(s.text, p[s.from:end]...)
	return s.text
}

// keep copies what a later feed still needs of an unfinished key or value.
func (s *scanner) keep(p []byte) {
	limit := 0
	switch s.state {
	case inKey:
		limit = maxKey + 1
	case inString, inScalar, inDeep, inDeepString:
		switch n := s.node; {
		case n == nil || n.id == 0 || n.counted:
		case n.followed:
			s.value.node = n
			s.visitor.(follower).follow(&s.value, p[s.from:])
		default:
			limit = maxRaw
		}
	}
	if room := limit - len(s.text); room > 0 {
		part := p[s.from:]
		s.text = append(s.text, part[:min(room, len(part))]...)
	}
}

// readKey reads on in a key and, at its end, finds out whether its value is wanted.
func (s *scanner) readKey(p []byte, i int) int {
	if i = s.skipString(p, i); s.state == inKey {
		return i
	}
	s.node = nil
	s.match(s.taken(p, i))
	s.text = s.text[:0]
	s.state = expectColon
	return i
}

// match finds out what is wanted of the member with the key whose text is raw.
func (s *scanner) match(raw []byte) {
	f := &s.stack[s.top-1]
	key := raw[1 : len(raw)-1]
	if s.find(f, key) {
		return
	}
	if bytes.IndexByte(key, '\\') >= 0 && len(key) <= maxKey {
		if key = inner(raw); s.find(f, key) {
			return
		}
	}
	if f.node.exact {
		s.spelling(f.node, key)
	}
	if f.node.closed {
		s.name = append(s.name[:0], key[:min(len(key), maxKey)]...)
		s.node = unlistedNode
	}
}

// find looks a key up among the wanted members of the frame.
func (s *scanner) find(f *frame, key []byte) bool {
	names := f.node.names
	for i := range names {
		if names[i].key != string(key) {
			continue
		}
		at := names[i].at
		s.node = f.node.kids[at]
		if f.node.exact && s.node.id != 0 {
			s.once(f, at, s.node)
		}
		return true
	}
	return false
}

// once doubts a member that came before.
func (s *scanner) once(f *frame, at int, kid *node) {
	bit := uint64(1) << at
	if f.seen&bit != 0 && s.doubt == "" {
		s.doubt = kid.key + ": given twice"
	}
	f.seen |= bit
}

// spelling doubts a key that a reader who folds letter case takes for one that is read.
func (s *scanner) spelling(n *node, key []byte) {
	if len(key) > maxKey || s.doubt != "" {
		return
	}
	for _, name := range n.names {
		if n.kids[name.at].id == 0 || len(key) < len(name.key) { // no letter folds to a longer one than the ASCII that is read
			continue
		}
		if strings.EqualFold(name.key, string(key)) {
			s.doubt = strconv.Quote(string(key)) + ": not the spelling of " + name.key
			return
		}
	}
}

// skipString reads on in a string. At its closing quote it leaves the string's state.
func (s *scanner) skipString(p []byte, i int) int {
	if s.escaped {
		s.escaped = false
		i++
	}
	for short := min(len(p), i+24); i < short; i++ {
		switch p[i] {
		case '"':
			s.leaveString()
			return i + 1
		case '\\':
			i++
		}
	}
	for i < len(p) {
		quote := bytes.IndexByte(p[i:], '"')
		end := len(p)
		if quote >= 0 {
			end = i + quote
		}
		for i < end {
			slash := bytes.IndexByte(p[i:end], '\\')
			if slash < 0 {
				i = end
				break
			}
			i += slash + 2
		}
		if i == end && quote >= 0 {
			s.leaveString()
			return end + 1
		}
	}
	s.escaped = i > len(p)
	return len(p)
}

func (s *scanner) leaveString() {
	switch s.state {
	case inKey:
		s.state = expectColon
	case inDeepString:
		s.state = inDeep
	default:
		s.state = expectNext
	}
}

// skipDeep reads on in an object or array that is passed over.
func (s *scanner) skipDeep(p []byte, i int) int {
	if s.state == inDeepString {
		if i = s.skipString(p, i); s.state == inDeepString {
			return i
		}
	}
	for i < len(p) {
		if !structural[p[i]] {
			i++
			continue
		}
		switch p[i] {
		case '"':
			s.state = inDeepString
			if i = s.skipString(p, i+1); s.state == inDeepString {
				return i
			}
			continue
		case '{', '[':
			s.depth++
			s.deepest = max(s.deepest, s.top+s.depth)
		default:
			s.depth--
		}
		i++
		if s.depth == 0 {
			s.finish(p, i)
			return i
		}
	}
	return i
}

// pending is the length of what has been read so far of an unfinished counted value.
func (s *scanner) pending() int64 {
	if s.node == nil || !s.node.counted || s.state < inString || s.state == complete {
		return 0
	}
	return max(0, s.base-s.value.start-1)
}

// path names the place of the value being visited, as in messages[0].content[1]; the key of a member is left out.
func (s *scanner) path() string {
	var b []byte
	for i, f := range s.stack[:s.top] {
		if f.node.key != "" && !(i > 0 && s.stack[i-1].array) {
			if len(b) > 0 {
				b = append(b, '.')
			}
			b = append(b, f.node.key...)
		}
		if f.array {
			b = append(b, '[')
			b = strconv.AppendInt(b, f.n-1, 10)
			b = append(b, ']')
		}
	}
	return string(b)
}

var structural, endsScalar = byteSet(`"{}[]`), byteSet(",]} \t\r\n")

func byteSet(members string) (set [256]bool) {
	for i := range len(members) {
		set[members[i]] = true
	}
	return set
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

// inner is what a JSON string's text stands for: a part of raw itself where nothing is escaped; nil for another value.
func inner(raw []byte) []byte {
	if len(raw) < 2 || raw[0] != '"' {
		return nil
	}
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1]
	}
	return []byte(gjson.ParseBytes(raw).Str)
}

// wholeNumber reads a JSON number as an integer, rounding a fraction up. It refuses what is no number and what lies
// beyond ±2^53, where floats stop being exact.
func wholeNumber(raw string) (int64, bool) {
	if n, err := strconv.ParseInt(raw, 10, 64); err == nil {
		return n, -1<<53 <= n && n <= 1<<53
	}
	if raw == "" || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') {
		return 0, false
	}
	f, err := strconv.ParseFloat(raw, 64)
	if err != nil || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(math.Ceil(f)), true
}
