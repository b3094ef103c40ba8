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
	b.WriteString(`# What is metered, what is free, what is refused

One table a provider, as the code has it (this page is generated from it). A path that stands in no table is refused with 404
` + "`unmetered_endpoint`" + ` and never reaches the provider: what can't be counted would be a free door, and what shows or changes things stored
at the provider would be a door to other customers, since all accounts share the provider's key. The lists of refused paths are examples.

Paths are compared raw, segment by segment, behind the provider's name (` + "`/openai/v1/…`" + `) or, for the default provider, from the start.
What stands in braces is one segment and may be percent-encoded; of these, only a ` + "`{model}`" + ` with nothing behind it may so hold
slashes. A ` + "`{project}`" + ` must be the one that the provider's entry is bound to, if it is.
`)
	for _, name := range slices.Sorted(maps.Keys(Rows)) {
		describe(&b, Rows[name])
	}
	return b.String()
}

func describe(b *strings.Builder, row *Row) {
	fmt.Fprintf(b, "\n## %s\n\n%s", row.Name, row.origins())
	if row.AskUsage {
		b.WriteString(" Streams of chat and completions are asked for usage on the client's behalf")
		if row.AskFrom != "" {
			fmt.Fprintf(b, " from api-version %s on", row.AskFrom)
		}
		b.WriteString(", and what that adds is taken out again.")
	}
	if row.QueryKey {
		b.WriteString(" Clients may show their key as `?key=`.")
	}
	b.WriteString("\n\n| method | path | |\n|---|---|---|\n")
	for _, p := range row.Paths {
		kind := "free"
		if p.API != nil {
			kind = "metered: " + p.API.Name
		}
		fmt.Fprintf(b, "| %s | `%s` | %s |\n", p.Method, p.Pattern, kind)
	}
	if len(row.Refused) == 0 {
		return
	}
	b.WriteString("\nRefused, among others:\n\n")
	for _, why := range row.reasons() {
		var doors []string
		for _, r := range row.Refused {
			if r.Why == why {
				doors = append(doors, "`"+r.Method+" "+r.Path+"`")
			}
		}
		fmt.Fprintf(b, "- %s: %s\n", why, strings.Join(doors, ", "))
	}
}

func (row *Row) origins() string {
	if row.Origin == "" {
		return "Origin: as `base_url` says."
	}
	s := "Origin " + row.Origin
	for _, region := range slices.Sorted(maps.Keys(row.Regions)) {
		s += fmt.Sprintf(", for `%s` %s", region, row.Regions[region])
	}
	return s + "."
}

// reasons are why paths are refused, in the order of the table.
func (row *Row) reasons() []string {
	var all []string
	for _, r := range row.Refused {
		if !slices.Contains(all, r.Why) {
			all = append(all, r.Why)
		}
	}
	return all
}
