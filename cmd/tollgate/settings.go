package main

import (
	"log/slog"
	"time"

	"github.com/tollgate/tollgate/accounting"
	"github.com/tollgate/tollgate/accounting/journal"
	"github.com/tollgate/tollgate/config"
	"github.com/tollgate/tollgate/policy"
	"github.com/tollgate/tollgate/proxy"
	"github.com/tollgate/tollgate/proxy/provider"
	"github.com/tollgate/tollgate/store"
)

// builtIn are the activities that every gateway knows.
var builtIn = []string{"chat", "ingest", "training", "preview"}

func activities(c *config.Config) []string {
	return append(builtIn[:len(builtIn):len(builtIn)], c.Activities...)
}

func providerNames(c *config.Config) []string {
	names := make([]string, len(c.Providers))
	for i, p := range c.Providers {
		names[i] = p.Name
	}
	return names
}

// newSettings is the part of the file that the data plane reads per request.
func newSettings(c *config.Config, log *slog.Logger) (*proxy.Settings, error) {
	s := &proxy.Settings{
		Providers:             make(map[string]*provider.Provider),
		Activities:            make(map[string]bool),
		EmptyStatus:           c.Policy.EmptyStatus,
		Propagate:             c.Telemetry.Propagate,
		UsageWait:             proxy.UsageWait,
		MaxRequestBytes:       c.Limits.MaxRequestBytes,
		MaxBufferedBytes:      c.Limits.MaxBufferedBytes,
		MaxConcurrentRequests: c.Limits.MaxConcurrentRequests,
		BodyTimeout:           c.Limits.BodyTimeout,
	}
	for _, name := range activities(c) {
		s.Activities[name] = true
	}
	for _, w := range c.Weights {
		s.Weights = append(s.Weights, accounting.Weight{Model: w.Model, Input: w.Input, Cached: w.Cached, Output: w.Output})
	}
	s.Units = accounting.UnitPrices{
		AudioSecond: c.Units.AudioSecond, Image: c.Units.Image, Page: c.Units.Page, Search: c.Units.Search,
	}
	for _, p := range c.Providers {
		entry := providerSettings(p)
		entry.Log = log
		made, err := provider.New(entry)
		if err != nil {
			return nil, err
		}
		s.Providers[p.Name] = made
	}
	s.Default = s.Providers[c.DefaultProvider]
	return s, nil
}

func providerSettings(p config.Provider) provider.Settings {
	s := provider.Settings{
		Name: p.Name, API: p.API, BaseURL: p.BaseURL, Key: p.APIKey.Reveal(),
		Region: p.Region, Project: p.Project, CredentialsFile: p.CredentialsFile,
		AWSKeyID: p.AWSAccessKeyID.Reveal(), AWSSecret: p.AWSSecretAccessKey.Reveal(), AWSSession: p.AWSSessionToken.Reveal(),
		Headers:   make(map[string]string, len(p.Headers)),
		AskUsage:  p.AskUsage,
		FirstByte: p.Timeout.FirstByte, Idle: p.Timeout.Idle,
		Drain: p.OnClientGone == "drain", DrainFor: p.DrainFor, DrainBytes: p.DrainBytesMax,
	}
	for name, value := range p.Headers {
		s.Headers[name] = value.Reveal()
	}
	return s
}

func journalOptions(c *config.Config, log *slog.Logger) journal.Options {
	return journal.Options{
		MaxBytes: c.Journal.MaxBytes, Keep: c.Journal.Keep, KeepBytes: c.Journal.KeepBytes,
		Gather: c.Journal.Gather, BallastBytes: c.Journal.BallastBytes,
		Memory: c.Durability == "memory", Logger: log,
	}
}

// idleAfter is how long an account keeps its lease without a request: briefly, where another replica may need it. No
// other one shares the embedded store, so handing it back soon would only cost a synced write each way at the next turn
// of every conversation.
func idleAfter(c *config.Config) time.Duration {
	if store.IsURL(c.Store.Reveal()) {
		return 2 * time.Second
	}
	return 10 * time.Minute
}

func gateOptions(c *config.Config, epoch string) policy.Options {
	return policy.Options{
		Epoch: epoch, Mode: policy.Mode(c.Policy.Admission),
		HoldOutputTokens: c.Policy.HoldOutputTokens, StrictOutputTokens: c.Policy.StrictOutputTokens,
		OnStoreDownServe: c.Policy.OnStoreDown == "serve",
		IdleAfter:        idleAfter(c),
		Alone:            !store.IsURL(c.Store.Reveal()),
	}
}
