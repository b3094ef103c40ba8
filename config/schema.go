package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

const restartNote = " Takes effect at the next start."

// schema is a JSON Schema (draft 2020-12), as far as the table needs one.
type schema struct {
	Schema               string     `json:"$schema,omitempty"`
	Title                string     `json:"title,omitempty"`
	Description          string     `json:"description,omitempty"`
	Comment              string     `json:"$comment,omitempty"` // why the default is what it is
	Type                 []string   `json:"type,omitempty"`
	Enum                 []any      `json:"enum,omitempty"`
	Pattern              string     `json:"pattern,omitempty"`
	Minimum              *float64   `json:"minimum,omitempty"`
	Maximum              *float64   `json:"maximum,omitempty"`
	Items                *schema    `json:"items,omitempty"`
	Properties           properties `json:"properties,omitempty"`
	Required             []string   `json:"required,omitempty"`
	AdditionalProperties any        `json:"additionalProperties,omitempty"` // false or a schema
	AnyOf                []schema   `json:"anyOf,omitempty"`
	Default              any        `json:"default,omitempty"`
}

// properties keep the order of the table.
type properties []property

type property struct {
	key    string
	schema schema
}

func (ps properties) MarshalJSON() ([]byte, error) {
	members := make([][]byte, len(ps))
	for i, p := range ps {
		s, err := json.Marshal(p.schema)
		if err != nil {
			return nil, err
		}
		members[i] = fmt.Appendf(nil, "%q:%s", p.key, s)
	}
	return slices.Concat([]byte("{"), bytes.Join(members, []byte(",")), []byte("}")), nil
}

// variableSchema lets ${NAME} stand for any single value.
var variableSchema = schema{Type: []string{"string"}, Pattern: `\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}`}

func orVariable(alternatives ...schema) schema {
	return schema{AnyOf: append(alternatives, variableSchema)}
}

func bounds(least, most float64) schema { return schema{Minimum: &least, Maximum: &most} }

// Schema is the JSON Schema of gateway.yaml, for editors: it knows every key, but not what only Parse can
// judge.
func Schema() []byte {
	b, err := json.MarshalIndent(describe(), "", "  ")
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return append(b, '\n')
}

func describe() schema {
	s := record(settings).schema(defaults(func(string) (string, bool) { return "", false }))
	s.Schema = "https://json-schema.org/draft/2020-12/schema"
	s.Title = "gateway.yaml of Tollgate"
	return s
}

// walk visits every setting below s, groups before their members, with its dotted path.
func (s schema) walk(path string, visit func(path string, s schema)) {
	for _, p := range s.Properties {
		at := strings.TrimPrefix(path+"."+p.key, ".")
		visit(at, p.schema)
		p.schema.walk(at, visit)
	}
	for _, a := range s.AnyOf {
		a.walk(path, visit)
	}
	if members, ok := s.AdditionalProperties.(*schema); ok {
		members.walk(path+".<name>", visit)
	}
}
