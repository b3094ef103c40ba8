package journal

import "sort"

// tailBytes bounds the records kept in memory. A recorder that keeps up reads no others.
const tailBytes = 4 << 20

// tail is the newest records, in order: all those after a number.
type tail struct {
	records []Record
	bytes   int64
	after   int64
}

func (t *tail) push(r Record) {
	t.records = append(t.records, r)
	if t.bytes += int64(len(r.Bytes)); t.bytes <= tailBytes {
		return
	}
	n, left := 0, t.bytes
	for left > tailBytes/2 {
		left -= int64(len(t.records[n].Bytes))
		n++
	}
	t.drop(n)
}

// drop forgets the n oldest.
func (t *tail) drop(n int) {
	if n == 0 {
		return
	}
	t.after = t.records[n-1].Seq
	t.bytes -= sum(t.records[:n])
	clear(t.records[:n])
	t.records = t.records[n:]
}

// upto is how many of the records have a number of at most seq.
func (t *tail) upto(seq int64) int {
	return sort.Search(len(t.records), func(i int) bool { return t.records[i].Seq > seq })
}

func sum(records []Record) (bytes int64) {
	for _, r := range records {
		bytes += int64(len(r.Bytes))
	}
	return bytes
}
