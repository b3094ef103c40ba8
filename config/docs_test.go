package config

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// leaf is a setting without others below it, as the schema has it.
type leaf struct {
	path string
	schema
}

// leaves are the settings that have a value of their own, in the order of the table.
func leaves(s schema) []leaf {
	var found []leaf
	restart := " "
	s.walk("", func(path string, s schema) {
		members := 0
		s.walk("", func(string, schema) { members++ })
		switch group := strings.HasSuffix(s.Description, restartNote); {
		case members == 0:
			if strings.HasPrefix(path, restart) {
				s.Description += restartNote
			}
			found = append(found, leaf{path, s})
		case group:
			restart = path + "."
		}
	})
	return found
}

// member is the schema of what may stand under key; nil: nothing may.
func (s schema) member(key string) *schema {
	for _, p := range s.Properties {
		if p.key == key {
			return &p.schema
		}
	}
	if members, ok := s.AdditionalProperties.(*schema); ok {
		return members
	}
	return nil
}

func TestDocumentation(t *testing.T) {
	var rows strings.Builder
	for _, l := range leaves(describe()) {
		if strings.HasSuffix(l.path, fileSuffix) && strings.HasPrefix(l.Description, "The file that holds") {
			continue
		}
		path := "`" + l.path + "`"
		about, restart := strings.CutSuffix(l.Description, restartNote)
		if restart {
			about += " †"
		}
		if about == "" || strings.Contains(about+l.Comment, "|") {
			t.Errorf("%s: says %q, %q", l.path, about, l.Comment)
		}
		if l.Comment == "" && !strings.Contains(l.path, "tls.") {
			t.Errorf("%s: does not say why its default is what it is", l.path)
		}
		fmt.Fprintf(&rows, "| %s | %s | %s | %s |\n", path, shown(t, l), about, l.Comment)
	}
	const docs = "../docs/configuration.md"
	const begin, end = "<!-- the table in config/settings.go: go test ./config -update -->\n", "<!-- end of the table -->\n"
	text, err := os.ReadFile(docs)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the table", docs)
	}
	head := "| setting | default | what it does | why this default |\n|---|---|---|---|\n"
	golden(t, docs, before+begin+head+rows.String()+end+after)
}

// shown is the default as the file would have it.
func shown(t *testing.T, l leaf) string {
	b, err := json.Marshal(l.Default)
	if err != nil {
		t.Fatal(err)
	}
	switch s := string(b); {
	case l.Default == nil:
		return ""
	case s != `""`:
		return "`" + strings.Trim(s, `"`) + "`"
	default:
		return "`\"\"`"
	}
}

func TestSchemaIsWhole(t *testing.T) {
	var parsed map[string]any
	if err := json.Unmarshal(Schema(), &parsed); err != nil {
		t.Fatalf("the schema is not JSON: %v", err)
	}
	admission := parsed["properties"].(map[string]any)["policy"].(map[string]any)["properties"].(map[string]any)["admission"].(map[string]any)
	if admission["default"] != "hold" || admission["description"] == "" || len(admission["anyOf"].([]any)) != 2 {
		t.Errorf("policy.admission: got %v", admission)
	}
	for _, path := range []string{"../gateway.yaml"} {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var document yaml.Node
		if err := yaml.Load(src, &document); err != nil {
			t.Fatal(err)
		}
		assertKeysKnown(t, "", document.Content[0], describe())
	}
}

// assertKeysKnown checks a file against the schema as far as keys and enumerations go.
func assertKeysKnown(t *testing.T, path string, n *yaml.Node, s schema) {
	t.Helper()
	if n.Kind == yaml.ScalarNode {
		for _, a := range s.AnyOf {
			fits := slices.ContainsFunc(a.Enum, func(v any) bool { return fmt.Sprint(v) == n.Value })
			if a.Enum != nil && !fits && !strings.Contains(n.Value, "${") {
				t.Errorf("%s: %s is none of %v", path, n.Value, a.Enum)
			}
		}
		return
	}
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if below := s.member(key); below != nil {
			assertKeysKnown(t, path+"."+key, n.Content[i+1], *below)
			continue
		}
		t.Errorf("%s.%s is not in the schema", path, key)
	}
}
