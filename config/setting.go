package config

import (
	"reflect"
	"slices"

	"go.yaml.in/yaml/v4"
)

// fileSuffix makes the key under which a secret's file is named.
const fileSuffix = "_file"

// setting is one row of the table: what may stand under one key of a C.
type setting[C any] struct {
	key string
	// about says what it does, why says why its default is what it is. They are for readers of
	// docs/configuration.md and for editors.
	about, why string
	// restart: a reload can't apply it.
	restart bool

	read     func(r *reader, v value, to *C)
	readFile func(r *reader, v value, to *C) // of secrets: from the file that key_file names
	compare  func(path string, was, is *C, restart bool, d *difference)
	schema   func(preset *C) schema
}

// form is how a T is written in the file.
type form[T any] struct {
	// read fills to, or refuses v.
	read func(r *reader, v value, to *T)
	// show is T as the file would have it, for an editor or a reader; nil where there is nothing to show.
	show   func(T) any
	schema func(preset T) schema
	// compare reports what differs. Nil: the whole, under path.
	compare func(path string, was, is T, restart bool, d *difference)
}

// at is the row for one field of a C.
func at[C, T any](key string, field func(*C) *T, f form[T], about, why string) setting[C] {
	return setting[C]{
		key: key, about: about, why: why,
		read: func(r *reader, v value, to *C) { f.read(r, v, field(to)) },
		compare: func(path string, was, is *C, restart bool, d *difference) {
			f.differ(path, *field(was), *field(is), restart, d)
		},
		schema: func(preset *C) schema {
			s := f.schema(*field(preset))
			s.Description, s.Comment = about, why
			if f.show != nil {
				s.Default = f.show(*field(preset))
			}
			return s
		},
	}
}

// secret is the row for a secret, which may stand under key or in the file that key_file names.
func secret[C any](key string, field func(*C) *Secret, f form[Secret], about, why string) setting[C] {
	s := at(key, field, f, about, why)
	s.readFile = func(r *reader, v value, to *C) {
		if content, ok := r.secretFile(v); ok {
			*field(to) = Secret(content)
		}
	}
	return s
}

// group is the row for settings that stand under a common key and fill the same C.
func group[C any](key, about string, rows ...setting[C]) setting[C] {
	return at(key, func(c *C) *C { return c }, record(rows), about, "")
}

// restarts marks rows that a reload can't apply, with all that stands below them.
func restarts[C any](s setting[C]) setting[C] {
	s.restart = true
	return s
}

// readFields reads a mapping whose keys are known.
func readFields[C any](r *reader, v value, rows []setting[C], to *C) {
	for _, e := range r.entries(v) {
		i := slices.IndexFunc(rows, func(s setting[C]) bool { return slices.Contains(s.keys(), e.name) })
		switch {
		case i < 0:
			r.unknown(e, keys(rows))
		case e.name == rows[i].key:
			rows[i].read(r, e.value, to)
		case r.given(join(v.path, rows[i].key)):
			r.refuse(e.value, "%s is there too; keep one of them", rows[i].key)
		default:
			rows[i].readFile(r, e.value, to)
		}
	}
}

// keys are those under which a setting may stand.
func (s setting[C]) keys() []string {
	if s.readFile == nil {
		return []string{s.key}
	}
	return []string{s.key, s.key + fileSuffix}
}

func keys[C any](rows []setting[C]) []string {
	var known []string
	for _, s := range rows {
		known = append(known, s.keys()...)
	}
	return known
}

func (f form[T]) differ(path string, was, is T, restart bool, d *difference) {
	switch {
	case f.compare != nil:
		f.compare(path, was, is, restart, d)
	case !reflect.DeepEqual(was, is):
		d.add(path, restart)
	}
}

// record is a mapping with known keys.
func record[T any](rows []setting[T]) form[T] {
	return form[T]{
		read: func(r *reader, v value, to *T) { readFields(r, v, rows, to) },
		compare: func(path string, was, is T, restart bool, d *difference) {
			for _, s := range rows {
				s.compare(join(path, s.key), &was, &is, restart || s.restart, d)
			}
		},
		schema: func(preset T) schema {
			s := schema{Type: []string{"object", "null"}, AdditionalProperties: false}
			for _, row := range rows {
				s.Properties = append(s.Properties, row.properties(&preset)...)
			}
			return s
		},
	}
}

// properties are the row's key and, of a secret, that of its file.
func (s setting[C]) properties(preset *C) properties {
	p := property{s.key, s.schema(preset)}
	if s.restart {
		p.schema.Description += restartNote
	}
	if s.readFile == nil {
		return properties{p}
	}
	file := schema{Type: []string{"string"}, Description: "The file that holds " + s.key + " instead; read again on reload."}
	return properties{p, {s.key + fileSuffix, file}}
}

// optional is a form whose absence means something.
func optional[T any](f form[T]) form[*T] {
	return form[*T]{
		read: func(r *reader, v value, to **T) {
			if isNull(v.node) {
				*to = nil
				return
			}
			*to = new(T)
			f.read(r, v, *to)
		},
		compare: func(path string, was, is *T, restart bool, d *difference) {
			switch {
			case was != nil && is != nil:
				f.differ(path, *was, *is, restart, d)
			case was != is:
				d.add(path, restart)
			}
		},
		schema: func(*T) schema {
			var none T
			s := f.schema(none)
			for i := range s.Properties {
				s.Properties[i].schema.Default = nil
			}
			return s
		},
	}
}

// shorthand is a group that may be written as its most important member alone.
func shorthand[T, S any](member func(*T) *S, short form[S], long form[T]) form[T] {
	f := long
	f.read = func(r *reader, v value, to *T) {
		if isNull(v.node) || v.node.Kind == yaml.MappingNode {
			long.read(r, v, to)
			return
		}
		short.read(r, v, member(to))
	}
	f.schema = func(preset T) schema {
		s := short.schema(*member(&preset))
		return schema{AnyOf: slices.Concat(s.AnyOf, []schema{long.schema(preset)})}
	}
	return f
}
