package config

import (
	"errors"
	"maps"
	"net/textproto"
	"path"
	"regexp"
	"slices"
	"strings"
)

// label is what requests may name: activities, as chatbots and users.
var label = regexp.MustCompile(`^[A-Za-z0-9._:@-]{1,64}$`)

// plan is what an account's plan may be called.
var planName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// builtinActivities need no mention.
var builtinActivities = []string{"chat", "ingest", "training", "preview"}

// activities is a list of labels.
var activities = form[[]string]{
	read: func(r *reader, v value, to *[]string) {
		*to = nil
		item := text(func(s string) error {
			switch {
			case !label.MatchString(s):
				return errors.New("is not a label: 1 to 64 of A-Z a-z 0-9 . _ : @ -")
			case slices.Contains(builtinActivities, s):
				return errors.New("is built in; leave it out")
			case slices.Contains(*to, s):
				return errors.New("is there twice")
			}
			return nil
		})
		for _, v := range r.items(v) {
			before := len(r.problems)
			var s string
			if item.read(r, v, &s); len(r.problems) == before {
				*to = append(*to, s)
			}
		}
	},
	show: func(list []string) any { return append([]string{}, list...) },
	schema: func([]string) schema {
		return schema{Type: []string{"array", "null"}, Items: &schema{Type: []string{"string"}}}
	},
}

// plans is a mapping of names to plans, each a mapping of its own since a plan may get more settings.
var plans = form[map[string]int64]{
	read: func(r *reader, v value, to *map[string]int64) {
		*to = map[string]int64{}
		for _, e := range r.entries(v) {
			if !planName.MatchString(e.name) {
				r.refuse(value{e.path, e.key}, "is not a plan's name: 1 to 64 of A-Z a-z 0-9 . _ -")
			}
			tokens := int64(-1)
			before := len(r.problems)
			readFields(r, e.value, planSettings, &tokens)
			if tokens < 0 && len(r.problems) == before {
				r.refuse(value{e.path, e.key}, "needs monthly_tokens")
			}
			(*to)[e.name] = tokens
		}
	},
	compare: func(path string, was, is map[string]int64, restart bool, d *difference) {
		for _, name := range unionOf(maps.Keys(was), maps.Keys(is)) {
			a, before := was[name]
			b, after := is[name]
			if a != b || before != after {
				d.add(join(path, name), restart)
			}
		}
	},
	schema: func(map[string]int64) schema {
		plan := record(planSettings).schema(0)
		plan.Required = []string{planSettings[0].key}
		plan.Properties[0].schema.Default = nil
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &plan}
	},
}

// providerName is a path segment and a label of metrics.
var providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// reservedNames are paths of the gateway's own, or of too many providers to be one.
var reservedNames = []string{"tollgate", "v1", "v1beta", "v2", "api"}

// providers is a mapping of names to providers, in the order of the file.
var providers = form[[]Provider]{
	read: func(r *reader, v value, to *[]Provider) {
		*to = nil
		for _, e := range r.entries(v) {
			at := value{e.path, e.key}
			switch {
			case slices.Contains(reservedNames, e.name):
				r.refuse(at, "no provider may have this name: %s are the gateway's own", strings.Join(reservedNames, ", "))
			case !providerName.MatchString(e.name):
				r.refuse(at, "is not a provider's name: 1 to 64 of a-z 0-9 . _ -, a letter or digit first")
			}
			p := providerDefaults(e.name)
			readFields(r, e.value, providerSettings, &p)
			*to = append(*to, p)
		}
	},
	compare: func(path string, was, is []Provider, restart bool, d *difference) {
		for _, name := range unionOf(names(was), names(is)) {
			a, b := find(was, name), find(is, name)
			if a == nil || b == nil {
				d.add(join(path, name), restart)
				continue
			}
			record(providerSettings).differ(join(path, name), *a, *b, restart, d)
		}
	},
	schema: func([]Provider) schema {
		entry := record(providerSettings).schema(providerDefaults(""))
		for i := range entry.Properties {
			if s := &entry.Properties[i].schema; s.Default == "" { // as known of the provider
				s.Default = nil
			}
		}
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &entry}
	},
}

func find(ps []Provider, name string) *Provider {
	if i := slices.IndexFunc(ps, func(p Provider) bool { return p.Name == name }); i >= 0 {
		return &ps[i]
	}
	return nil
}

func names(ps []Provider) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for _, p := range ps {
			if !yield(p.Name) {
				return
			}
		}
	}
}

func unionOf(a, b func(yield func(string) bool)) []string {
	all := slices.AppendSeq(slices.Collect(a), b)
	slices.Sort(all)
	return slices.Compact(all)
}

// framing are headers that the gateway's own connection to the provider needs for itself.
var framing = []string{"Connection", "Content-Length", "Host", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^`|~-]{1,128}$")

// headers is a mapping of names to secrets, since a provider's credentials may hide in any. As with other
// secrets, name_file names a file; no header's name ends like this, since none has an underscore.
var headers = form[map[string]Secret]{
	read: func(r *reader, v value, to *map[string]Secret) {
		*to = map[string]Secret{}
		for _, e := range r.entries(v) {
			name, inFile := strings.CutSuffix(e.name, fileSuffix)
			canonical := textproto.CanonicalMIMEHeaderKey(name)
			_, twice := (*to)[canonical]
			at := value{e.path, e.key}
			switch {
			case !headerName.MatchString(name):
				r.refuse(at, "is not a header's name")
			case slices.Contains(framing, canonical):
				r.refuse(at, "is a header that the gateway sets by itself")
			case twice:
				r.refuse(at, "is there twice; letter case makes no difference, and a header comes from the file or from here")
			case inFile:
				content, _ := r.secretFile(e.value)
				(*to)[canonical] = Secret(content)
			default:
				var s Secret
				hidden.read(r, e.value, &s)
				(*to)[canonical] = s
			}
			r.places[join(v.path, canonical)] = r.place(e.path)
		}
		if len(*to) == 0 {
			*to = nil
		}
	},
	schema: func(map[string]Secret) schema {
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &schema{Type: []string{"string"}}}
	},
}

// weights is a mapping of patterns to weights, in the order of the file.
var weights = form[[]Weight]{
	read: func(r *reader, v value, to *[]Weight) {
		*to = nil
		for _, e := range r.entries(v) {
			if _, err := path.Match(e.name, ""); err != nil || e.name == "" {
				r.refuse(value{e.path, e.key}, "is not a pattern; write a model's name, with * for any run of characters")
			}
			w := weightDefaults(e.name)
			readFields(r, e.value, weightSettings, &w)
			*to = append(*to, w)
		}
	},
	schema: func([]Weight) schema {
		entry := record(weightSettings).schema(weightDefaults(""))
		return schema{Type: []string{"object", "null"}, AdditionalProperties: &entry}
	},
}
