package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tollgate/tollgate/"

// arrows is the table of rooms: which package may import which others of ours. A new package or arrow is one
// line here. Tests may import more.
var arrows = map[string][]string{
	"accounting":         {"accounting/journal"},
	"accounting/journal": {},
	"admin":              {"accounting", "asset", "policy"},
	"admin/dashboard":    {},
	"admin/webhook":      {"accounting"},
	"asset":              {},
	"config":             {},
	"deploy/deploytest":  {},
	"policy":             {"accounting"},
	"proxy":              {"accounting", "asset", "policy", "proxy/dialect", "proxy/provider"},
	"proxy/dialect":      {},
	"proxy/provider":     {"proxy/dialect"},
	"proxy/proxytest":    {},
	"store":              {"accounting", "policy"},
	"store/disktest":     {},
	"store/pgtest":       {},
	"store/storetest":    {"accounting", "policy", "admin"},

	"examples/chatbot-backend": {},
	"examples/preview-widget":  {},
	"examples/top-up":          {},
}

// unknown are packages that a room must not know, itself or through the standard library's own names.
var unknown = map[string][]string{
	"accounting":    {"net/http", "database/sql", "go.yaml.in/yaml"},
	"policy":        {"net/http", "database/sql", "go.yaml.in/yaml"},
	"proxy/dialect": {"net/http", "database/sql", "os", "net"},
	"config":        {"net/http", "database/sql"},
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestImportsPointOneWay(t *testing.T) {
	for _, problem := range wrongArrows(listPackages(t)) {
		t.Error(problem)
	}
}

func TestForbiddenArrowIsFound(t *testing.T) {
	packages := append(listPackages(t),
		goPackage{module + "policy", []string{module + "store"}},
		goPackage{module + "accounting", []string{"net/http"}},
		goPackage{module + "helpers", nil})
	found := wrongArrows(packages)
	if len(found) != 3 {
		t.Errorf("3 wrong arrows were added, found: %q", found)
	}
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		packages = append(packages, p)
	}
}

func wrongArrows(packages []goPackage) []string {
	var problems []string
	for _, p := range packages {
		room := strings.TrimPrefix(p.ImportPath, module)
		if strings.HasPrefix(room, "cmd/") {
			continue
		}
		allowed, known := arrows[room]
		if !known {
			problems = append(problems, room+": no such room in the table")
			continue
		}
		for _, imported := range p.Imports {
			ours, isOurs := strings.CutPrefix(imported, module)
			switch {
			case isOurs && !slices.Contains(allowed, ours):
				problems = append(problems, room+" must not import "+ours)
			case slices.ContainsFunc(unknown[room], func(u string) bool { return imported == u || strings.HasPrefix(imported, u+"/") }):
				problems = append(problems, room+" must not know "+imported)
			}
		}
	}
	return problems
}
