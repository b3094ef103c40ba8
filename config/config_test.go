package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// known are the contract's names.
var known = Names{
	Providers: []string{
		"openai", "anthropic", "gemini", "vertex", "azure-openai", "azure-ai", "bedrock", "bedrock-mantle", "cohere",
		"mistral", "groq", "deepseek", "xai", "openrouter", "perplexity", "together", "fireworks", "ollama", "vllm",
		"cerebras", "huggingface", "alibaba", "zai", "voyage", "writer", "watsonx",
	},
	Serves: func(api, segment string) bool {
		return api == "openai" && slices.Contains([]string{"v1", "chat", "completions", "embeddings", "models"}, segment)
	},
}

func noEnv(string) (string, bool) { return "", false }

func envOf(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		v, ok := m[name]
		return v, ok
	}
}

func mustParse(t *testing.T, src string, env func(string) (string, bool)) *Config {
	t.Helper()
	c, err := Parse("gateway.yaml", []byte(src), env, known)
	if err != nil {
		t.Fatalf("Parse(%s):\n%v", src, err)
	}
	return c
}

// withoutFiles lets two configurations be compared that came from different files.
func withoutFiles(c *Config) Config {
	plain := *c
	plain.Files, plain.Warnings = nil, nil
	return plain
}

// differ compares by what is in secrets, which cmp would print, so only the paths are.
func differ(a, b *Config) []string {
	applied, restart := a.Changed(b)
	return append(applied, restart...)
}

func TestShippedFileIsTheDefaults(t *testing.T) {
	src, err := os.ReadFile("../gateway.yaml")
	if err != nil {
		t.Fatal(err)
	}
	all := regexp.MustCompile(`(?m)^( *)#((?:  )?[a-z_]+:)`).ReplaceAllString(string(src), "$1$2")
	all = regexp.MustCompile(`(?m)^ *tls:.*\n`).ReplaceAllString(all, "")

	full := map[string]string{"TOLLGATE_ADMIN_TOKEN": "an-admin-token-0123", "OPENAI_API_KEY": "sk-1", "TOLLGATE_STORE": "sqlite"}
	for name, env := range map[string]func(string) (string, bool){"nothing set": noEnv, "all set": envOf(full)} {
		t.Run(name, func(t *testing.T) {
			want := mustParse(t, "", env)
			for what, text := range map[string]string{"as shipped": string(src), "with every comment a setting": all} {
				got := mustParse(t, text, env)
				if diff := differ(want, got); len(diff) > 0 || len(got.Warnings) > 0 {
					t.Errorf("%s: differs from the defaults in %v, warnings %v", what, diff, got.Warnings)
				}
			}
		})
	}

	for _, s := range leaves(describe()) {
		key := s.path[strings.LastIndexByte(s.path, '.')+1:]
		if strings.HasPrefix(s.path, "providers.<name>.") || strings.HasPrefix(s.path, "weights.<name>.") || strings.HasSuffix(key, "_file") {
			continue
		}
		if !regexp.MustCompile(`(?m)(^ *#? *|[{,] )` + key + `: `).Match(src) {
			t.Errorf("gateway.yaml does not show %s", s.path)
		}
	}
}

func TestMissingFile(t *testing.T) {
	t.Chdir(t.TempDir())
	c, err := Load("", noEnv, known)
	if err != nil {
		t.Fatalf("without a file and a path: %v", err)
	}
	if want := mustParse(t, "", noEnv); len(differ(c, want)) > 0 {
		t.Errorf("without a file: differs from the defaults in %v", differ(c, want))
	}
	if c.DefaultProvider != "openai" || len(c.Providers) != 1 || c.Store.Reveal() != "sqlite" {
		t.Errorf("defaults: got provider %q of %d, store %s", c.DefaultProvider, len(c.Providers), c.Store.Reveal())
	}
	if diff := cmp.Diff([]string{"gateway.yaml"}, c.Files); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	for _, path := range []string{"gateway.yaml", "other.yaml"} {
		if _, err := Load(path, noEnv, known); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Load(%s): got %v, want that it does not exist", path, err)
		}
	}
	if _, err := Load(".", noEnv, known); err == nil {
		t.Error("a directory was read")
	}
	if err := os.WriteFile("gateway.yaml", []byte("listen: :1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = Load("", noEnv, known); err != nil || c.Listen != ":1" {
		t.Errorf("gateway.yaml in the working directory: got %v, %v", c, err)
	}
	if err := os.WriteFile("large.yaml", bytes.Repeat([]byte("#\n"), maxFileBytes), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err = Load("large.yaml", noEnv, known); err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("a file beyond the limit: got %v", err)
	}
}

// TestBadFiles compares what is said about each file of testdata/bad with the text beside it. Environment:
// MAX=lots, EMPTY= and KEY, a secret that no message may hold. -update writes the texts.
func TestBadFiles(t *testing.T) {
	env := envOf(map[string]string{"MAX": "lots", "EMPTY": "", "KEY": "sk-hush", "LINES": "a\nb"})
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 40 {
		t.Fatalf("testdata/bad: %d files, %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, err = Parse(filepath.Base(file), src, env, known)
			problems, ok := errors.AsType[Problems](err)
			if !ok {
				t.Fatalf("got %v, want problems", err)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", problems.Error()+"\n")
			if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "lots") {
				t.Errorf("shows a secret or a variable's value:\n%v", err)
			}
			assertOurWords(t, problems)
			assertWithin(t, src, problems)
		})
	}
}

// assertOurWords looks for words of the YAML library and of Go.
func assertOurWords(t *testing.T, problems Problems) {
	t.Helper()
	foreign := regexp.MustCompile(`construct|!!|scalar|node|unmarshal|config\.|int64|\bstring\b|float|time\.|yaml:|strconv|go-yaml|<nil>|%!`)
	for _, p := range problems {
		if m := foreign.FindString(strings.ReplaceAll(p.Message, "!name", "")); m != "" {
			t.Errorf("%q is not our word: %s", m, p)
		}
	}
}

// assertWithin checks that problems are sorted, each on a line that the file has.
func assertWithin(t *testing.T, src []byte, problems Problems) {
	t.Helper()
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(string(src))
	lines := strings.Split(text, "\n")
	for i, p := range problems {
		if p.Line < 1 || p.Column < 1 || p.Line > len(lines) || p.Column > len([]rune(lines[p.Line-1]))+2 {
			t.Errorf("outside the file of %d lines: %s", len(lines), p)
		}
		if i > 0 && (p.Line < problems[i-1].Line || p.Line == problems[i-1].Line && p.Column < problems[i-1].Column) {
			t.Errorf("not sorted: %s behind %s", p, problems[i-1])
		}
	}
}

func TestVariables(t *testing.T) {
	env := map[string]string{
		"N": "7", "YES": "true", "EMPTY": "", "NULL": "null", "TILDE": "~",
		"EVIL":   "x, api_key: stolen }\nlisten: 0.0.0.0:1\n",
		"DOLLAR": "${N}", "SIZE": "3KiB", "TIME": "5s", "AT": "127.0.0.1:7",
	}
	tests := []struct {
		src  string
		read func(*Config) any
		want any
	}{
		{`max_concurrent_requests: ${N}`, func(c *Config) any { return c.Limits.MaxConcurrentRequests }, int64(7)},
		{`max_concurrent_requests: "${N}${N}"`, func(c *Config) any { return c.Limits.MaxConcurrentRequests }, int64(77)},
		{`plans: { a: { monthly_tokens: "${N}000" } }`, func(c *Config) any { return c.Plans["a"] }, int64(7000)},
		{`telemetry: { propagate: "${YES}" }`, func(c *Config) any { return c.Telemetry.Propagate }, true},
		{`telemetry: { sample_ratio: "${UNSET:-0.25}" }`, func(c *Config) any { return c.Telemetry.SampleRatio }, 0.25},
		{`max_request_bytes: ${SIZE}`, func(c *Config) any { return c.Limits.MaxRequestBytes }, int64(3072)},
		{`shutdown_grace: ${TIME}`, func(c *Config) any { return c.ShutdownGrace }, 5 * time.Second},
		{`listen: ${AT}`, func(c *Config) any { return c.Listen }, "127.0.0.1:7"},
		{`data_dir: ${EMPTY:-here}`, func(c *Config) any { return c.DataDir }, "here"},
		{`data_dir: a-${UNSET:-}-b`, func(c *Config) any { return c.DataDir }, "a--b"},
		{`data_dir: ${UNSET:-a:-b}`, func(c *Config) any { return c.DataDir }, "a:-b"},
		{`data_dir: ${NULL}`, func(c *Config) any { return c.DataDir }, "null"},
		{`data_dir: ${TILDE}`, func(c *Config) any { return c.DataDir }, "~"},
		{`data_dir: ${N}`, func(c *Config) any { return c.DataDir }, "7"},
		{`data_dir: ${DOLLAR}`, func(c *Config) any { return c.DataDir }, "${N}"},
		{`data_dir: $${N}$N$`, func(c *Config) any { return c.DataDir }, "${N}$N$"},
		{`data_dir: ${EVIL}`, func(c *Config) any { return c.DataDir }, env["EVIL"]},
		{`telemetry: { otlp_endpoint: "${UNSET:-}" }`, func(c *Config) any { return c.Telemetry.OTLPEndpoint }, ""},
		{`default_provider: ${EMPTY}`, func(c *Config) any { return c.DefaultProvider }, ""},
		{`activities: ["${TIME}", a]`, func(c *Config) any { return strings.Join(c.Activities, " ") }, "5s a"},
		{`providers: { openai: { headers: { x-team: "${N}" } } }`, func(c *Config) any { return c.Providers[0].Headers["X-Team"].Reveal() }, "7"},
	}
	for _, tt := range tests {
		c := mustParse(t, tt.src, envOf(env))
		if got := tt.read(c); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.src, got, tt.want)
		}
		if c.Listen == "0.0.0.0:1" {
			t.Errorf("%s: a variable's value became a setting", tt.src)
		}
	}
}

// A variable that holds YAML stays the text of the value it stands in, even where that text is then refused.
func TestVariablesInjectNothing(t *testing.T) {
	evil := []string{
		"x\nlisten: 0.0.0.0:1", "x }\nadmin: { token: t }", "{ api: openai }", "[a, b]", "*a", "&a x", "!!int 5",
		"x: y", "# x", "|\n  x", "x\n---\nlisten: 0.0.0.0:1", "\"", "'", "x, y: z",
	}
	src := "providers:\n  openai: { api_key: a, region: \"${EVIL}\", project: '${EVIL}', credentials_file: \"\" }\n" +
		"data_dir: ${EVIL}\ntelemetry: { otlp_endpoint: \"\" }\n"
	want := mustParse(t, strings.ReplaceAll(src, "${EVIL}", "good"), noEnv)
	for _, s := range evil {
		got := mustParse(t, src, envOf(map[string]string{"EVIL": s}))
		if diff := cmp.Diff([]string{"providers.openai.region", "providers.openai.project", "data_dir"}, sortedLike(differ(want, got))); diff != "" {
			t.Errorf("%q changes other settings (-want +got):\n%s", s, diff)
		}
		if got.Providers[0].Region != s || got.Providers[0].Project != s || got.DataDir != s {
			t.Errorf("%q: got region %q, project %q, data_dir %q", s, got.Providers[0].Region, got.Providers[0].Project, got.DataDir)
		}
	}
}

// sortedLike puts data_dir last, wherever the table has it.
func sortedLike(paths []string) []string {
	var rest, last []string
	for _, p := range paths {
		if p == "data_dir" {
			last = append(last, p)
			continue
		}
		rest = append(rest, p)
	}
	return append(rest, last...)
}

func TestSecretsFromFiles(t *testing.T) {
	t.Chdir(t.TempDir())
	write := func(name, content string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("lf", "sk-lf\n")
	write("crlf", "sk-crlf\r\n")
	write("bare", "sk-bare")
	write("store", "sqlite\n")
	write("two", "sk-two\n\n")
	write("empty", "\n")
	c := mustParse(t, `
admin: { token_file: lf }
store_file: store
providers:
  openai: { api_key_file: "${WHERE:-crlf}", headers: { X-Key_file: bare, X-Other: plain } }
  bedrock: { region: r, aws_access_key_id_file: lf, aws_secret_access_key_file: bare, aws_session_token_file: crlf }
`, noEnv)
	openai, bedrock := c.Providers[0], c.Providers[1]
	got := []string{
		c.Admin.Token.Reveal(), c.Store.Reveal(), openai.APIKey.Reveal(), openai.Headers["X-Key"].Reveal(), openai.Headers["X-Other"].Reveal(),
		bedrock.AWSAccessKeyID.Reveal(), bedrock.AWSSecretAccessKey.Reveal(), bedrock.AWSSessionToken.Reveal(),
	}
	want := []string{"sk-lf", "sqlite", "sk-crlf", "sk-bare", "plain", "sk-lf", "sk-bare", "sk-crlf"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"gateway.yaml", "lf", "store", "crlf", "bare", "lf", "bare", "crlf"}, c.Files); diff != "" {
		t.Errorf("files to watch (-want +got):\n%s", diff)
	}

	write("lf", "sk-new\n")
	next := mustParse(t, "admin: { token_file: lf }", noEnv)
	if next.Admin.Token.Reveal() != "sk-new" {
		t.Errorf("read again: got %s", next.Admin.Token.Reveal())
	}

	for src, message := range map[string]string{
		"admin: { token_file: two }":                               "1:22: admin.token: has a space, a line break or another character that a key can't have",
		"admin: { token_file: empty }":                             "1:22: admin.token_file: names an empty file",
		"admin: { token_file: missing }":                           "1:22: admin.token_file: can't be read: no such file or directory",
		"admin: { token_file: . }":                                 "1:22: admin.token_file: can't be read: it is not a regular file",
		"admin: { token_file: /dev/zero }":                         "1:22: admin.token_file: can't be read: it is not a regular file",
		"admin: { token_file: lf, token: \"\" }":                   "1:22: admin.token_file: token is there too; keep one of them",
		"admin: { token: \"\", token_file: lf }":                   "1:33: admin.token_file: token is there too; keep one of them",
		"providers: { openai: { headers: { A: b, a_file: lf } } }": "1:41: providers.openai.headers.a_file: is there twice; letter case makes no difference, and a header comes from the file or from here",
	} {
		_, err := Parse("f", []byte(src), noEnv, known)
		if err == nil || err.Error() != "f:"+message {
			t.Errorf("%s:\n got %v\nwant f:%s", src, err, message)
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c := mustParse(t, `
admin: { token: mark-1 }
providers:
  openai: { api_key: mark-2, headers: { X-Key: mark-3 } }
  bedrock: { region: r, aws_access_key_id: mark-4, aws_secret_access_key: mark-5, aws_session_token: mark-6 }
`, noEnv)
	c.Store = "postgres://u:mark-7@h/db"
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%T", "%08.3f"} {
		fmt.Fprintf(&out, verb+"\n", *c)
		fmt.Fprintf(&out, verb+"\n", c.Providers)
		fmt.Fprintf(&out, verb+"\n", c.Admin.Token)
	}
	if err := json.NewEncoder(&out).Encode(c); err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "token", c.Admin.Token)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c, "token", c.Admin.Token)
	fmt.Fprintln(&out, errors.New(c.Admin.Token.String()))
	for _, leak := range []string{"mark-", "6d61726b2d", "6D61726B2D", "mark"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("%q is in the output:\n%s", leak, out.String())
		}
	}
	if !strings.Contains(out.String(), redacted) {
		t.Errorf("nothing was printed: %s", out.String())
	}
}

func TestWarnings(t *testing.T) {
	c := mustParse(t, `
admin: { token: short-token }
providers:
  openai: {}
  chat: { api: openai, base_url: "http://127.0.0.1:1" }
  groq: { region: eu, project: p }
  bedrock: { region: eu, project: p }
weights:
  "gpt-4.1*": { input: 0.5 }
  x: { input: 0.5, cached_input: 0.6 }
`, noEnv)
	want := `gateway.yaml:2:17: admin.token: is shorter than 16 characters, so it could be guessed
gateway.yaml:5:3: providers.chat: hides the paths of the default provider openai that start with /chat/
gateway.yaml:6:19: providers.groq.region: has no effect: groq knows none
gateway.yaml:6:32: providers.groq.project: has no effect: groq knows none
gateway.yaml:7:35: providers.bedrock.project: has no effect: bedrock knows none
gateway.yaml:9:3: weights."gpt-4.1*": cached input costs more than other input, since cached_input is left out and 1`
	if diff := cmp.Diff(want, c.Warnings.Error()); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}

// TestProvidersAreJudged: by their own code, where nothing else is wrong with them.
func TestProvidersAreJudged(t *testing.T) {
	names := known
	names.Judge = func(p Provider) (string, error) {
		if p.Name == "openai" {
			return "", nil
		}
		return "region", errors.New("is on the moon")
	}
	src := "providers:\n  openai: {}\n  vertex: { region: m }\n  groq: {}\n  bedrock: { base_url: no }\n"
	_, err := Parse("gateway.yaml", []byte(src), noEnv, names)
	want := "gateway.yaml:3:21: providers.vertex.region: is on the moon\ngateway.yaml:4:3: providers.groq.region: is on the moon"
	if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "bedrock.region") {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestAnURLOfTheStoreIsJudged: by the store's own code, whose words must do without the URL.
func TestAnURLOfTheStoreIsJudged(t *testing.T) {
	names := known
	names.Store = func(url string) error {
		if url == "postgres://u:hush@h/db" {
			return nil
		}
		return errors.New("is on the moon")
	}
	for store, want := range map[string]string{
		"postgres://u:hush@h/db":  "",
		"postgresql://u:hush@h/x": "gateway.yaml:1:8: store: is on the moon",
		"mysql://u:hush@h/db":     "gateway.yaml:1:8: store: is neither sqlite nor the URL of a Postgres database (postgres://…)",
	} {
		_, err := Parse("gateway.yaml", []byte("store: "+store+"\n"), noEnv, names)
		if got := fmt.Sprint(err); want != "" && got != want || want == "" && err != nil {
			t.Errorf("%s: got %v, want %q", store, err, want)
		}
	}
}

func TestDefaultProvider(t *testing.T) {
	for src, want := range map[string]string{
		`providers: { local: { api: openai, base_url: "http://h" }, openai: {} }`: "openai",
		`providers: { b: { api: openai, base_url: "http://h" }, groq: {} }`:       "b",
		`providers: {}`:        "",
		"providers:\n":         "",
		`default_provider: ""`: "",
		`{ default_provider: groq, providers: { openai: {}, groq: {} } }`: "groq",
	} {
		if got := mustParse(t, src, noEnv).DefaultProvider; got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

// Every setting: its default and another value, through the file.
func TestSettings(t *testing.T) {
	provider := func(c *Config) Provider { return c.Providers[0] }
	p := func(s string) string { return "providers: { openai: { " + s + " } }" }
	tests := []struct {
		src          string
		read         func(*Config) any
		preset, want any
	}{
		{"listen: '[::1]:0'", func(c *Config) any { return c.Listen }, "127.0.0.1:8080", "[::1]:0"},
		{"admin: { listen: ':1' }", func(c *Config) any { return c.Admin.Listen }, "127.0.0.1:9090", ":1"},
		{"admin: { token: t }", func(c *Config) any { return c.Admin.Token.Reveal() }, "", "t"},
		{"admin: { tokens: { b: { token: 0123456789abcdef, account: acme }, a: { token_file: testdata/admin.token, role: operator } } }",
			func(c *Config) any { return shownTokens(c) }, "", "b=0123456789abcdef read acme; a=from-a-file-0123456789 operator ; "},
		{"admin: { session_ttl: 1h }", func(c *Config) any { return c.Admin.SessionTTL }, 12 * time.Hour, time.Hour},
		{"data_dir: /var/lib/x", func(c *Config) any { return c.DataDir }, "./data", "/var/lib/x"},
		{"store: sqlite", func(c *Config) any { return c.Store.Reveal() }, "sqlite", "sqlite"},
		{"plans: { a: { monthly_tokens: 1_000 } }", func(c *Config) any { return fmt.Sprint(c.Plans) }, "map[basic:1000000 pro:10000000]", "map[a:1000]"},
		{"activities: [a, b]", func(c *Config) any { return fmt.Sprint(c.Activities) }, "[]", "[a b]"},
		{"policy: { admission: strict }", func(c *Config) any { return c.Policy.Admission }, "hold", "strict"},
		{"policy: { on_store_down: block }", func(c *Config) any { return c.Policy.OnStoreDown }, "serve", "block"},
		{"policy: { overdraft: forgive }", func(c *Config) any { return c.Policy.Overdraft }, "collect", "forgive"},
		{"policy: { empty_status: 429 }", func(c *Config) any { return c.Policy.EmptyStatus }, 402, 429},
		{"policy: { hold_output_tokens: 0 }", func(c *Config) any { return c.Policy.HoldOutputTokens }, int64(1024), int64(0)},
		{"policy: { strict_output_tokens: 1 }", func(c *Config) any { return c.Policy.StrictOutputTokens }, int64(4096), int64(1)},
		{"policy: { lease_tokens_max: 5 }", func(c *Config) any { return c.Policy.LeaseTokensMax }, int64(1_000_000), int64(5)},
		{"policy: { lease_forfeit_after: 2h }", func(c *Config) any { return c.Policy.LeaseForfeitAfter }, time.Hour, 2 * time.Hour},
		{"durability: memory", func(c *Config) any { return c.Durability }, "journal", "memory"},
		{"weights: { 'b*': { input: 2, cached_input: 0.5, output: 4.125 }, a: {} }", func(c *Config) any { return fmt.Sprint(c.Weights) }, "[]", "[{b* 2000 500 4125} {a 1000 1000 1000}]"},
		{"units: { audio_second: 10, image: 1000, page: 100, search: 500 }", func(c *Config) any { return c.Units }, Units{}, Units{10, 1000, 100, 500}},
		{"telemetry: { otlp_endpoint: 'http://h:4318/' }", func(c *Config) any { return c.Telemetry.OTLPEndpoint }, "", "http://h:4318"},
		{"telemetry: { propagate: true }", func(c *Config) any { return c.Telemetry.Propagate }, false, true},
		{"telemetry: { sample_ratio: 0.1 }", func(c *Config) any { return c.Telemetry.SampleRatio }, 1.0, 0.1},
		{"max_request_bytes: 1KiB", func(c *Config) any { return c.Limits.MaxRequestBytes }, int64(32 << 20), int64(1024)},
		{"max_buffered_bytes: 1GiB", func(c *Config) any { return c.Limits.MaxBufferedBytes }, int64(512 << 20), int64(1 << 30)},
		{"max_concurrent_requests: 1", func(c *Config) any { return c.Limits.MaxConcurrentRequests }, int64(10_000), int64(1)},
		{"max_header_bytes: 4096", func(c *Config) any { return c.Limits.MaxHeaderBytes }, int64(64 << 10), int64(4096)},
		{"header_timeout: 1s", func(c *Config) any { return c.Limits.HeaderTimeout }, 10 * time.Second, time.Second},
		{"body_timeout: 500ms", func(c *Config) any { return c.Limits.BodyTimeout }, time.Minute, 500 * time.Millisecond},
		{"idle_timeout: 1m30s", func(c *Config) any { return c.Limits.IdleTimeout }, 2 * time.Minute, 90 * time.Second},
		{"journal: { max_bytes: 2GiB }", func(c *Config) any { return c.Journal.MaxBytes }, int64(1 << 30), int64(2 << 30)},
		{"journal: { keep: 1d12h }", func(c *Config) any { return c.Journal.Keep }, 24 * time.Hour, 36 * time.Hour},
		{"journal: { keep_bytes: 0 }", func(c *Config) any { return c.Journal.KeepBytes }, int64(1 << 30), int64(0)},
		{"journal: { gather: 0 }", func(c *Config) any { return c.Journal.Gather }, 2 * time.Millisecond, time.Duration(0)},
		{"journal: { ballast_bytes: 1MiB }", func(c *Config) any { return c.Journal.BallastBytes }, int64(4 << 20), int64(1 << 20)},
		{"retention: { events: 30d }", func(c *Config) any { return c.RetentionEvents }, 400 * 24 * time.Hour, 30 * 24 * time.Hour},
		{"shutdown_grace: 0", func(c *Config) any { return c.ShutdownGrace }, 30 * time.Second, time.Duration(0)},
		{p("api: groq"), func(c *Config) any { return provider(c).API }, "openai", "groq"},
		{p("base_url: 'https://h/x/'"), func(c *Config) any { return provider(c).BaseURL }, "", "https://h/x"},
		{p("api_key: k"), func(c *Config) any { return provider(c).APIKey.Reveal() }, "", "k"},
		{p("region: eu, project: p"), func(c *Config) any { return provider(c).Region + provider(c).Project }, "", "eup"},
		{p("headers: { x-a: b c }"), func(c *Config) any { return len(provider(c).Headers) }, 0, 1},
		{p("timeout: 1m"), func(c *Config) any { return provider(c).Timeout }, Timeout{15 * time.Minute, 5 * time.Minute}, Timeout{time.Minute, 5 * time.Minute}},
		{p("timeout: { idle: 1s }"), func(c *Config) any { return provider(c).Timeout }, Timeout{15 * time.Minute, 5 * time.Minute}, Timeout{15 * time.Minute, time.Second}},
		{p("on_client_gone: cancel"), func(c *Config) any { return provider(c).OnClientGone }, "drain", "cancel"},
		{p("drain_for: 0"), func(c *Config) any { return provider(c).DrainFor }, 15 * time.Second, time.Duration(0)},
		{p("drain_bytes_max: 1MiB"), func(c *Config) any { return provider(c).DrainBytesMax }, int64(8 << 20), int64(1 << 20)},
		{p("ask_usage: false"), func(c *Config) any { return provider(c).AskUsage != nil && !*provider(c).AskUsage }, false, true},
	}
	preset := mustParse(t, "", noEnv)
	for _, tt := range tests {
		if got := tt.read(preset); got != tt.preset {
			t.Errorf("%s: the default is %v, want %v", tt.src, got, tt.preset)
		}
		if got := tt.read(mustParse(t, tt.src, noEnv)); got != tt.want {
			t.Errorf("%s: got %v, want %v", tt.src, got, tt.want)
		}
	}
}

func shownTokens(c *Config) (all string) {
	for _, t := range c.Admin.Tokens {
		all += t.Name + "=" + t.Token.Reveal() + " " + t.Role + " " + t.Account + "; "
	}
	return all
}

func TestProvidersKeepTheirOrder(t *testing.T) {
	c := mustParse(t, "providers: { zai: {}, groq: {}, openai: {}, azure-openai: { base_url: 'http://a' }, bedrock: { region: r }, b: { api: anthropic } }", noEnv)
	var got []string
	for _, p := range c.Providers {
		got = append(got, p.Name+"="+p.API)
	}
	want := "zai=zai groq=groq openai=openai azure-openai=azure-openai bedrock=bedrock b=anthropic"
	if strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestEmptyGroupsAndFiles(t *testing.T) {
	want := mustParse(t, "", noEnv)
	for _, src := range []string{"---\n", "# nothing\n", "{}", "~", "admin:\npolicy:\ntelemetry:\njournal:\nactivities:\nweights:\ntls:\nunits:\n", "\ufefflisten: 127.0.0.1:8080\r\n"} {
		got := mustParse(t, src, noEnv)
		if diff := differ(want, got); len(diff) > 0 {
			t.Errorf("%q: differs from the defaults in %v", src, diff)
		}
	}
}

func TestChanged(t *testing.T) {
	const tokens = "admin: { tokens: { same: { token: 0123456789abcde0 }, old: { token: 0123456789abcde1 }, ops: { token: 0123456789abcde2 } } }\n"
	base := `
providers:
  openai: { api_key: a }
  groq: { api_key: b }
plans: { basic: { monthly_tokens: 1 }, gone: { monthly_tokens: 2 } }
` + tokens
	tests := []struct {
		name, src        string
		applied, restart []string
	}{
		{"nothing", base, nil, nil},
		{"order of providers", "providers: { groq: { api_key: b }, openai: { api_key: a } }\nplans: { basic: { monthly_tokens: 1 }, gone: { monthly_tokens: 2 } }\n" + tokens, nil, nil},
		{"everything", `
listen: :1
tls: { cert_file: testdata/cert.pem, key_file: testdata/key.pem }
admin:
  listen: ":2"
  token: t
  tokens: { same: { token: 0123456789abcde0 }, ops: { token: 0123456789abcde2, role: operator }, new: { token: 0123456789abcde3 } }
  session_ttl: 1h
  tls: { cert_file: testdata/cert.pem, key_file: testdata/key.pem }
data_dir: x
default_provider: new
providers:
  openai: { api_key: c, timeout: { idle: 1s }, headers: { A: b }, ask_usage: true }
  new: { api: openai, base_url: "http://h" }
plans: { basic: { monthly_tokens: 3 }, added: { monthly_tokens: 2 } }
activities: [a]
policy: { admission: strict, empty_status: 429, overdraft: forgive }
durability: memory
weights: { a: {} }
units: { image: 5 }
telemetry: { otlp_endpoint: "http://h", propagate: true }
max_request_bytes: 1
idle_timeout: 1s
journal: { keep: 0 }
retention: { events: 1d }
shutdown_grace: 1s
`,
			[]string{
				"admin.token", "admin.tokens.new", "admin.tokens.old", "admin.tokens.ops", "admin.session_ttl", "default_provider", "providers.groq", "providers.new", "providers.openai.api_key", "providers.openai.headers",
				"providers.openai.timeout.idle", "providers.openai.ask_usage", "plans.added", "plans.basic", "plans.gone", "activities",
				"policy.admission", "policy.empty_status", "weights", "units.image", "telemetry.propagate", "max_request_bytes", "retention.events", "shutdown_grace",
			},
			[]string{"listen", "tls", "admin.listen", "admin.tls", "data_dir", "policy.overdraft", "durability", "telemetry.otlp_endpoint", "idle_timeout", "journal.keep"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			applied, restart := mustParse(t, base, noEnv).Changed(mustParse(t, tt.src, noEnv))
			if diff := cmp.Diff(tt.applied, applied); diff != "" {
				t.Errorf("applied (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.restart, restart); diff != "" {
				t.Errorf("restart (-want +got):\n%s", diff)
			}
		})
	}
	store := mustParse(t, "", noEnv)
	other := withoutFiles(store)
	other.Store = "postgres://u:p@h/db"
	if applied, restart := store.Changed(&other); len(applied) != 0 || len(restart) != 1 || restart[0] != "store" {
		t.Errorf("store: got %v, %v", applied, restart)
	}
}
