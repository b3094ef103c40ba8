package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Describe writes the tables of all rows as Markdown: docs/apis.md.
func Describe() string {
	var b strings.Builder
	b.WriteString(`# What is metered, what is free

One table a provider, as the code has it (this page is generated from it). A path that stands in no table is refused with 404
` + "`unmetered_endpoint`" + ` and never reaches the provider: what can't be counted would be a free door, and what shows or changes things stored
at the provider would be a door to other customers, since all accounts share the provider's key.

Paths are compared raw, segment by segment, behind the provider's name (` + "`/openai/v1/…`" + `) or, for the default provider, from the start.
` + "`{model}`" + ` is one segment and may be percent-encoded.
`)
	for _, name := range slices.Sorted(maps.Keys(Rows)) {
		row := Rows[name]
		fmt.Fprintf(&b, "\n## %s\n\n", name)
		if row.Origin != "" {
			fmt.Fprintf(&b, "Origin %s.", row.Origin)
		}
		if row.AskUsage {
			b.WriteString(" Streams of chat and completions are asked for usage on the client's behalf, and what that adds is taken out again.")
		}
		b.WriteString("\n\n| method | path | |\n|---|---|---|\n")
		for _, p := range row.Paths {
			kind := "free"
			if p.API != nil {
				kind = "metered: " + p.API.Name
			}
			fmt.Fprintf(&b, "| %s | `%s` | %s |\n", p.Method, p.Pattern, kind)
		}
	}
	return b.String()
}
