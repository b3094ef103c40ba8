// Package config reads gateway.yaml: typed values, defaults with their reasons, and every problem at once
// with its place.
//
// The table in settings.go is the only list of settings: what reads them, suggests a key for a misspelt one,
// compares two configurations, describes them to editors (Schema) and fills docs/configuration.md walks it.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"
)

// DefaultPath is the file that is read when none is named.
const DefaultPath = "gateway.yaml"

// maxFileBytes bounds gateway.yaml: some twenty thousand plans.
const maxFileBytes = 1 << 20

// Config is gateway.yaml with every default filled in. It is not changed after Parse has returned it.
type Config struct {
	Listen          string // data plane, host:port
	TLS             *TLS   // data plane; nil: cleartext
	Admin           Admin
	DataDir         string
	Store           Secret           // "sqlite" or a postgres:// URL
	DefaultProvider string           // a name in Providers; "": paths without a provider's name are nobody's
	Providers       []Provider       // in the order of the file
	Plans           map[string]int64 // name → monthly tokens
	Activities      []string         // beside chat, ingest, training, preview; without those four
	Policy          Policy
	Durability      string // journal | database | memory
	Weights         []Weight
	Units           Units
	Telemetry       Telemetry
	Limits          Limits
	Journal         Journal
	Webhooks        Webhooks
	RetentionEvents time.Duration
	// RetentionWebhooks is how long what was told is remembered: longer than any period.
	RetentionWebhooks time.Duration
	ShutdownGrace     time.Duration

	// Files are the paths that were read: gateway.yaml, even where it is missing, and the secrets' files.
	// A reload is due when the content of one has changed.
	Files []string
	// Warnings are what works, but hardly as it was meant.
	Warnings Problems
}

// TLS are the files of one listener.
type TLS struct{ CertFile, KeyFile string }

// Provider is one entry of providers.
type Provider struct {
	Name string
	// API says how it speaks: the entry's api, else its name.
	API string
	// BaseURL is http or https, without a slash at its end; "": the preset's.
	BaseURL                                             string
	APIKey                                              Secret
	Region, Project                                     string
	CredentialsFile                                     string
	AWSAccessKeyID, AWSSecretAccessKey, AWSSessionToken Secret
	// Headers are added to each request; names in canonical form.
	Headers map[string]Secret
	Timeout Timeout
	// OnClientGone is drain or cancel; a drain ends after DrainFor or DrainBytesMax, whichever is first.
	OnClientGone  string
	DrainFor      time.Duration
	DrainBytesMax int64
	AskUsage      *bool // nil: as the provider's row says
}

// Timeout is how long a provider may take to the answer's first byte, and then to each next one.
type Timeout struct{ FirstByte, Idle time.Duration }

// Policy is how requests are admitted and refused.
type Policy struct {
	Admission          string // hold | strict | observe
	OnStoreDown        string // serve | block
	Overdraft          string // collect | forgive
	EmptyStatus        int    // 402 | 429
	HoldOutputTokens   int64
	StrictOutputTokens int64
	LeaseTokensMax     int64
	LeaseForfeitAfter  time.Duration
}

// Weight is one entry of weights, in the order of the file; thousandths of a charged token.
type Weight struct {
	Model                 string // a pattern as path.Match reads it
	Input, Cached, Output int64
}

// Units are charged tokens per unit that a provider counts otherwise.
type Units struct{ AudioSecond, Image, Page, Search int64 }

// Telemetry is where traces go.
type Telemetry struct {
	OTLPEndpoint string // base URL without a slash at its end; "": nowhere
	Propagate    bool
	// SampleRatio is the share of traces kept among those that no caller has sampled, 0 to 1.
	SampleRatio float64
}

// Limits are sizes in bytes, counts and times.
type Limits struct {
	MaxRequestBytes       int64
	MaxBufferedBytes      int64
	MaxConcurrentRequests int64
	MaxHeaderBytes        int64
	HeaderTimeout         time.Duration
	BodyTimeout           time.Duration
	IdleTimeout           time.Duration
}

// Journal bounds the local journal.
type Journal struct {
	MaxBytes     int64         // what the store has not got yet
	Keep         time.Duration // what the store has
	KeepBytes    int64
	Gather       time.Duration // how long a sync waits for company, when the last one had any
	BallastBytes int64         // given up when the disk is full
}

// Names are what the rest of the program knows and this package must not.
type Names struct {
	// Providers are the known providers: what an entry's api may say, and the names that need none.
	Providers []string
	// Serves says whether an api's own paths begin with a segment, for the warning about a provider's name that hides
	// them. It may be nil.
	Serves func(api, segment string) bool
	// Judge is what the provider's own code says of an entry in which nothing else is wrong: the setting that can't be
	// used and why. It may be nil.
	Judge func(Provider) (setting string, err error)
	// Store is what the store's own code says of a postgres:// URL, without showing it. It may be nil.
	Store func(url string) error
}

// Load reads the file at path, or gateway.yaml where path is "". Only that one may be missing: the defaults
// hold then. Variables are looked up with env (os.LookupEnv). What is wrong in the file comes as Problems.
func Load(path string, env func(string) (string, bool), names Names) (*Config, error) {
	src, err := readFile(cmp.Or(path, DefaultPath), maxFileBytes)
	if err != nil && (path != "" || !errors.Is(err, fs.ErrNotExist)) {
		return nil, err
	}
	return Parse(cmp.Or(path, DefaultPath), src, env, names)
}

// Parse reads src, the content of file. An empty one gives the defaults. It reads the files that hold
// secrets, and touches neither the network nor anything else.
func Parse(file string, src []byte, env func(string) (string, bool), names Names) (*Config, error) {
	c := defaults(env)
	r := newReader(file, env)
	root, ok := r.tree(src)
	if ok {
		readFields(r, value{node: root}, settings, &c)
		r.check(&c, names)
	}
	if len(r.problems) > 0 {
		r.problems.sort()
		return nil, r.problems
	}
	r.warn(&c, names)
	c.Files, c.Warnings = r.files, r.warnings
	return &c, nil
}

// readFile reads at most limit bytes, so that a path like /dev/zero is an error and no exhausted memory.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > limit {
		return nil, fmt.Errorf("read %s: it is larger than %s", path, showSize(limit))
	}
	return b, nil
}
