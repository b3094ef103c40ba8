package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"
)

// maxSecretBytes bounds a file that holds a secret.
const maxSecretBytes = 64 * kib

const (
	noAlias = "anchors and aliases (&name, *name) are not supported; write the value out"
	noMerge = "merging (<<) is not supported; write the settings out"
	noTag   = "tags (!name) are not supported"
)

// reader takes a Config out of one file's tree and collects what is wrong with it.
type reader struct {
	file               string
	env                func(string) (string, bool)
	end                place // of the file
	problems, warnings Problems
	places             map[string]place // of what the file has: a single value's own, else its key's
	refused            map[string]bool  // paths that have a problem of their own already
	files              []string
	index              func() index
}

func newReader(file string, env func(string) (string, bool)) *reader {
	return &reader{
		file: file, env: env, files: []string{file}, index: sync.OnceValue(indexSettings),
		places: map[string]place{"": {1, 1}}, refused: map[string]bool{},
	}
}

type place struct{ line, column int }

func placeOf(n *yaml.Node) place { return place{max(1, n.Line), max(1, n.Column)} }

// value is a node and the dotted key under which it stands.
type value struct {
	path string
	node *yaml.Node
}

// entry is one member of a mapping.
type entry struct {
	name string
	key  *yaml.Node
	value
}

// report adds a problem. The library's idea of the end may lie one line behind the file.
func (r *reader) report(at place, format string, args ...any) {
	if at.line > r.end.line {
		at = r.end
	}
	r.problems = append(r.problems, Problem{r.file, at.line, at.column, fmt.Sprintf(format, args...)})
}

// refuse reports a problem with v.
func (r *reader) refuse(v value, format string, args ...any) {
	r.refused[v.path] = true
	r.report(placeOf(v.node), "%s: %s", cmp.Or(v.path, "the file"), fmt.Sprintf(format, args...))
}

// place is where a setting stands, or what is nearest to where it would: the file that holds the secret, the
// mapping around it, the beginning.
func (r *reader) place(path string) place {
	for {
		for _, p := range []string{path, path + fileSuffix} {
			if at, ok := r.places[p]; ok {
				return at
			}
		}
		path = path[:max(0, strings.LastIndexByte(path, '.'))]
	}
}

func (r *reader) given(path string) bool {
	_, ok := r.places[path]
	return ok
}

// entries are the members of a mapping in the order of the file, each name once. A key with nothing behind
// it, as when all its members are commented out, is an empty mapping.
func (r *reader) entries(v value) []entry {
	if isNull(v.node) {
		return nil
	}
	if v.node.Kind != yaml.MappingNode {
		r.refuse(v, "is %s where settings (key: value) are expected", kindOf(v.node))
		return nil
	}
	var entries []entry
	first := map[string]int{}
	for i := 0; i+1 < len(v.node.Content); i += 2 {
		key, node := v.node.Content[i], v.node.Content[i+1]
		e := entry{key.Value, key, value{join(v.path, key.Value), node}}
		line, twice := first[e.name]
		switch {
		case key.Kind != yaml.ScalarNode:
			r.report(placeOf(key), "a key must be a name")
		case key.Tag == "!!merge":
			r.report(placeOf(key), noMerge)
		case twice:
			r.refuse(value{e.path, key}, "is there twice, first in line %d", line)
		default:
			first[e.name] = key.Line
			if r.plain(e.value) {
				r.places[e.path] = placeOf(key)
				if node.Kind == yaml.ScalarNode && !isNull(node) {
					r.places[e.path] = placeOf(node)
				}
				entries = append(entries, e)
			}
		}
	}
	return entries
}

// items are the members of a list.
func (r *reader) items(v value) []value {
	if isNull(v.node) {
		return nil
	}
	if v.node.Kind != yaml.SequenceNode {
		r.refuse(v, "is %s where a list is expected", kindOf(v.node))
		return nil
	}
	var items []value
	for i, node := range v.node.Content {
		if item := (value{fmt.Sprintf("%s[%d]", v.path, i), node}); r.plain(item) {
			items = append(items, item)
		}
	}
	return items
}

// plain refuses what YAML has beyond mappings, lists and values: this file needs none of it, and without
// aliases no file is larger than it looks.
func (r *reader) plain(v value) bool {
	switch {
	case v.node.Kind == yaml.AliasNode:
		r.refuse(v, noAlias)
	case v.node.Style&yaml.TaggedStyle != 0:
		r.refuse(v, noTag)
	default:
		return true
	}
	return false
}

// kind is what a single value may stand for.
type kind int

const (
	words   kind = 1 << iota // text
	numbers                  // a number
	flags                    // true, false

	anything = words | numbers | flags // text that may look like the others
)

// scalar is a single value with its variables filled in; ok: it is one of the kinds asked for. What comes
// from a variable may be any of them.
func (r *reader) scalar(v value, want kind) (text string, ok bool) {
	switch {
	case v.node.Kind != yaml.ScalarNode:
		r.refuse(v, "is %s where %s is expected", kindOf(v.node), expected(want))
		return "", false
	case isNull(v.node):
		r.refuse(v, "has no value; %s is expected", expected(want))
		return "", false
	case strings.Contains(v.node.Value, "${"):
		before := len(r.problems)
		text = expand(v.node.Value, r.env, func(format string, args ...any) { r.refuse(v, format, args...) })
		return text, len(r.problems) == before
	}
	if got := scalarKind(v.node); want&got == 0 {
		r.refuse(v, "is %s where %s is expected%s", kindOf(v.node), expected(want), quotesHint(want, v.node))
		return "", false
	}
	return v.node.Value, true
}

func scalarKind(n *yaml.Node) kind {
	switch n.Tag {
	case "!!int", "!!float":
		return numbers
	case "!!bool":
		return flags
	}
	return words
}

func expected(want kind) string {
	switch {
	case want == words|numbers:
		return "a number with its unit"
	case want&words != 0:
		return "text"
	case want&numbers != 0:
		return "a number"
	}
	return "true or false"
}

func kindOf(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a group of settings"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case isNull(n):
		return "nothing"
	}
	switch scalarKind(n) {
	case numbers:
		return "a number"
	case flags:
		return "true or false"
	}
	return "text"
}

func quotesHint(want kind, n *yaml.Node) string {
	quoted := n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0
	switch {
	case want&words != 0:
		return "; put it in quotes"
	case quoted:
		return "; leave out the quotes"
	}
	return ""
}

func isNull(n *yaml.Node) bool {
	return n == nil || n.Kind == yaml.ScalarNode && n.Tag == "!!null"
}

// secretFile is the content of the file that v names, without the line break at its end.
func (r *reader) secretFile(v value) (string, bool) {
	path, ok := r.scalar(v, words)
	if !ok {
		return "", false
	}
	if path == "" {
		r.refuse(v, "is empty; it must name a file")
		return "", false
	}
	r.files = append(r.files, path)
	content, err := readRegular(path)
	if err != nil {
		r.refuse(v, "can't be read: %v", err)
		return "", false
	}
	content = strings.TrimSuffix(strings.TrimSuffix(content, "\n"), "\r")
	if content == "" {
		r.refuse(v, "names an empty file")
	}
	return content, content != ""
}

// readRegular reads a small file. A pipe or a device is refused: it might never end, and it can't be read
// again on reload.
func readRegular(path string) (string, error) {
	stat, err := os.Stat(path)
	if err == nil && !stat.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	var b []byte
	if err == nil {
		b, err = readFile(path, maxSecretBytes)
	}
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return string(b), err
}

// join appends a name to a dotted path, quoted where it would be misread.
func join(path, name string) string {
	if !plainName.MatchString(name) {
		name = strconv.Quote(shorten(name))
	}
	if path == "" {
		return name
	}
	return path + "." + name
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_*-]{1,64}$`)

// shorten keeps messages readable whatever stands in the file.
func shorten(s string) string {
	if short := []rune(s); len(short) > 64 {
		return string(short[:64]) + "…"
	}
	return s
}
