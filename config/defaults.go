package config

import "time"

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
	day = 24 * time.Hour
)

// defaults is what holds where the file says nothing: the gateway.yaml of the repository, with its three
// variables. Why each value is what it is stands beside its key in settings.go.
func defaults(env func(string) (string, bool)) Config {
	openai := providerDefaults("openai")
	openai.APIKey = Secret(lookup(env, "OPENAI_API_KEY", ""))
	return Config{
		Listen: "127.0.0.1:8080",
		Admin: Admin{
			Listen:     "127.0.0.1:9090",
			Token:      Secret(lookup(env, "TOLLGATE_ADMIN_TOKEN", "")),
			SessionTTL: 12 * time.Hour,
		},
		DataDir:         "./data",
		Store:           Secret(lookup(env, "TOLLGATE_STORE", "sqlite")),
		DefaultProvider: "openai",
		Providers:       []Provider{openai},
		Plans:           map[string]int64{"basic": 1_000_000, "pro": 10_000_000},
		Policy: Policy{
			Admission:          "hold",
			OnStoreDown:        "serve",
			Overdraft:          "collect",
			EmptyStatus:        402,
			HoldOutputTokens:   1024,
			StrictOutputTokens: 4096,
			LeaseTokensMax:     1_000_000,
			LeaseForfeitAfter:  time.Hour,
		},
		Durability: "journal",
		Telemetry:  Telemetry{SampleRatio: 1},
		Limits: Limits{
			MaxRequestBytes:       32 * mib,
			MaxBufferedBytes:      512 * mib,
			MaxConcurrentRequests: 10_000,
			MaxHeaderBytes:        64 * kib,
			HeaderTimeout:         10 * time.Second,
			BodyTimeout:           60 * time.Second,
			IdleTimeout:           120 * time.Second,
		},
		Journal: Journal{
			MaxBytes:     gib,
			Keep:         24 * time.Hour,
			KeepBytes:    gib,
			Gather:       2 * time.Millisecond,
			BallastBytes: 4 * mib,
		},
		Webhooks: Webhooks{
			LowShares: []int64{800, 950},
			Timeout:   15 * time.Second,
			Retries: []time.Duration{5 * time.Second, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 5 * time.Hour,
				10 * time.Hour, 14 * time.Hour, 20 * time.Hour, 24 * time.Hour},
		},
		RetentionEvents:   400 * day,
		RetentionWebhooks: 90 * day,
		ShutdownGrace:     30 * time.Second,
	}
}

// providerDefaults is an entry of providers that says nothing but its name.
func providerDefaults(name string) Provider {
	return Provider{
		Name:          name,
		API:           name,
		Timeout:       Timeout{FirstByte: 15 * time.Minute, Idle: 5 * time.Minute},
		OnClientGone:  "drain",
		DrainFor:      15 * time.Second,
		DrainBytesMax: 8 * mib,
	}
}

// weightDefaults is an entry of weights that says nothing but its pattern.
func weightDefaults(model string) Weight {
	return Weight{Model: model, Input: 1000, Cached: 1000, Output: 1000}
}
