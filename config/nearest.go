package config

import (
	"math"
	"strings"
)

// unknown reports a key that is in no table, with what it was probably meant to be: a key with just this name
// that belongs elsewhere, the nearest one here, or the nearest one elsewhere.
func (r *reader) unknown(e entry, known []string) {
	at := value{e.path, e.key}
	all := r.index()
	near := all.paths[e.name]
	if near == "" {
		near = nearest(e.name, known)
	}
	if near == "" {
		near = all.paths[nearest(e.name, all.keys)]
	}
	switch {
	case near != "":
		r.refuse(at, "unknown key; did you mean %s?", near)
	case len(known) <= 6:
		r.refuse(at, "unknown key; known here are %s", strings.Join(known, ", "))
	default:
		least, _ := closest(e.name, known)
		r.refuse(at, "unknown key; the nearest known one is %s", least)
	}
}

// index is every key of the tables, in their order, with the dotted path where it comes first.
type index struct {
	keys  []string
	paths map[string]string
}

func indexSettings() index {
	all := index{paths: map[string]string{}}
	describe().walk("", func(path string, _ schema) {
		key := path[strings.LastIndexByte(path, '.')+1:]
		if all.paths[key] == "" {
			all.paths[key] = path
			all.keys = append(all.keys, key)
		}
	})
	return all
}

// nearest is the candidate that a misspelt word most likely means, or "" if none is near: at most a third
// of its letters may be changed, added, left out or swapped with the next one.
func nearest(word string, candidates []string) string {
	if best, d := closest(word, candidates); d <= max(1, len(word)/3) {
		return best
	}
	return ""
}

// closest is the candidate at the least distance. Of an overlong word only the beginning counts.
func closest(word string, candidates []string) (best string, least int) {
	word = word[:min(len(word), 64)]
	least = math.MaxInt
	for _, c := range candidates {
		if d := distance(word, c); d < least {
			best, least = c, d
		}
	}
	return best, least
}

// distance counts the single-letter changes, neighbours swapped included, that turn a into b.
func distance(a, b string) int {
	var before, last []int
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before, last, row = last, row, make([]int, len(b)+1)
		row[0] = i + 1
		for j := range len(b) {
			change := 1
			if a[i] == b[j] {
				change = 0
			}
			row[j+1] = min(last[j]+change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
	}
	return row[len(b)]
}
