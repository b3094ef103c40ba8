// Package config reads gateway.yaml: typed values, defaults with their reasons, and every problem at once
// with its place.
package config

import (
	"time"
)

// Config is gateway.yaml with every default filled in.
type Config struct {
	Listen          string // data plane, host:port
	TLS             *TLS   // data plane; nil: cleartext
	Admin           Admin
	DataDir         string
	Store           Secret // "sqlite" or a postgres:// URL
	DefaultProvider string
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
	RetentionEvents time.Duration
	ShutdownGrace   time.Duration
}

// TLS are the files of one listener.
type TLS struct{ CertFile, KeyFile string }

// Admin is the admin plane.
type Admin struct {
	Listen string
	Token  Secret // "": made at the first start
	TLS    *TLS
}

// Provider is one entry of providers.
type Provider struct {
	Name string
	// API says how it speaks: the entry's api, else its name.
	API                                                 string
	BaseURL                                             string // "": the preset's
	APIKey                                              Secret
	Region, Project                                     string
	CredentialsFile                                     string
	AWSAccessKeyID, AWSSecretAccessKey, AWSSessionToken Secret
	Headers                                             map[string]Secret
	// TimeoutFirstByte is how long the answer's first byte may take, TimeoutIdle how long the next one.
	TimeoutFirstByte, TimeoutIdle time.Duration
	// OnClientGone is drain or cancel; a drain ends after DrainFor or DrainBytesMax, whichever is first.
	OnClientGone  string
	DrainFor      time.Duration
	DrainBytesMax int64
	AskUsage      *bool // nil: as the provider's row says
}

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
	Model                 string
	Input, Cached, Output int64
}

// Units are charged tokens per unit that a provider counts otherwise.
type Units struct{ AudioSecond, Image, Page, Search int64 }

// Telemetry is where traces go.
type Telemetry struct {
	OTLPEndpoint string
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

// Secret is a value that does not print.
type Secret string

func (Secret) String() string   { return "REDACTED" }
func (Secret) GoString() string { return "REDACTED" }

// MarshalText keeps a secret out of JSON and logs as well.
func (Secret) MarshalText() ([]byte, error) { return []byte("REDACTED"), nil }

// Reveal is the value itself, for the one place that sends it.
func (s Secret) Reveal() string { return string(s) }
