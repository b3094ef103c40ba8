package store

// servesFrom is the oldest version whose programs can work on the newest schema: while gateways are replaced one by one,
// those of the version before still run, and may start again. A step that takes away what they use raises it, in the
// version after the one that no longer uses it.
const servesFrom = 2

// migrations are the schema's versions, each the SQL that leads to it from the one before: never edited once
// released, only added to. One text serves both databases. Instants are microseconds since 1970 in UTC and 0 is
// "never"; null is an absent number.
var migrations = []string{`
CREATE TABLE plan (
	name           TEXT PRIMARY KEY,
	monthly_tokens BIGINT NOT NULL
);
CREATE TABLE account (
	id                  TEXT PRIMARY KEY,
	name                TEXT NOT NULL,
	plan                TEXT NOT NULL,
	monthly_tokens      BIGINT,
	next_plan           TEXT,
	next_monthly_tokens BIGINT,
	timezone            TEXT NOT NULL,
	reset_day           BIGINT NOT NULL,
	status              TEXT NOT NULL,
	admission           TEXT NOT NULL,
	created_at          BIGINT NOT NULL,
	updated_at          BIGINT NOT NULL,
	deleted_at          BIGINT NOT NULL,
	version             BIGINT NOT NULL
);
-- purged_*: what the events charged that retention has deleted, so that the sums can still be proven.
CREATE TABLE account_period (
	account          TEXT NOT NULL,
	period_start     BIGINT NOT NULL,
	period_end       BIGINT NOT NULL,
	monthly_tokens   BIGINT NOT NULL,
	used             BIGINT NOT NULL,
	overdraft        BIGINT NOT NULL,
	purged_monthly   BIGINT NOT NULL DEFAULT 0,
	purged_extra     BIGINT NOT NULL DEFAULT 0,
	purged_overdraft BIGINT NOT NULL DEFAULT 0,
	PRIMARY KEY (account, period_start)
);
CREATE TABLE "grant" (
	id         TEXT PRIMARY KEY,
	account    TEXT NOT NULL,
	reference  TEXT NOT NULL,
	tokens     BIGINT NOT NULL,
	remaining  BIGINT NOT NULL,
	collected  BIGINT NOT NULL,
	expires_at BIGINT NOT NULL,
	created_at BIGINT NOT NULL,
	voided_at  BIGINT NOT NULL,
	expired_at BIGINT NOT NULL,
	used_up_at BIGINT NOT NULL,
	UNIQUE (account, reference)
);
CREATE INDEX grant_left ON "grant" (account) WHERE remaining > 0;
CREATE TABLE key (
	id                  TEXT PRIMARY KEY,
	account             TEXT NOT NULL,
	hash                BYTEA NOT NULL UNIQUE,
	name                TEXT NOT NULL,
	scope               TEXT NOT NULL,
	activity            TEXT NOT NULL,
	chatbot             TEXT NOT NULL,
	labels              TEXT NOT NULL,
	monthly_cap         BIGINT,
	requests_per_minute BIGINT,
	concurrent          BIGINT,
	max_output_tokens   BIGINT,
	models              TEXT NOT NULL,
	providers           TEXT NOT NULL,
	origins             TEXT NOT NULL,
	expires_at          BIGINT NOT NULL,
	revoked_at          BIGINT NOT NULL,
	created_at          BIGINT NOT NULL,
	updated_at          BIGINT NOT NULL,
	version             BIGINT NOT NULL
);
CREATE INDEX key_account ON key (account, id);
CREATE INDEX key_origins ON key (id) WHERE origins <> '[]' AND revoked_at = 0;
CREATE TABLE key_usage (
	key          TEXT NOT NULL,
	period_start BIGINT NOT NULL,
	used         BIGINT NOT NULL,
	PRIMARY KEY (key, period_start)
);
CREATE TABLE replica (
	epoch      TEXT PRIMARY KEY,
	journal    TEXT NOT NULL,
	started_at BIGINT NOT NULL,
	drained_at BIGINT NOT NULL
);
CREATE TABLE journal_position (
	journal TEXT PRIMARY KEY,
	seq     BIGINT NOT NULL
);
CREATE TABLE lease (
	account      TEXT NOT NULL,
	period_start BIGINT NOT NULL,
	epoch        TEXT NOT NULL,
	granted      BIGINT NOT NULL,
	returned     BIGINT NOT NULL,
	spent        BIGINT NOT NULL,
	settled      BIGINT NOT NULL,
	PRIMARY KEY (account, period_start, epoch)
);
-- period_start is that of the period which the event was booked on.
CREATE TABLE usage_event (
	account           TEXT NOT NULL,
	id                TEXT NOT NULL,
	key               TEXT NOT NULL,
	activity          TEXT NOT NULL,
	chatbot           TEXT NOT NULL,
	"user"            TEXT NOT NULL,
	provider          TEXT NOT NULL,
	api               TEXT NOT NULL,
	model             TEXT NOT NULL,
	requested_model   TEXT NOT NULL,
	stream            BIGINT NOT NULL,
	status            BIGINT NOT NULL,
	outcome           TEXT NOT NULL,
	measured          TEXT NOT NULL,
	input             BIGINT NOT NULL,
	output            BIGINT NOT NULL,
	cached_input      BIGINT NOT NULL,
	cache_write_input BIGINT NOT NULL,
	reasoning_output  BIGINT NOT NULL,
	total             BIGINT NOT NULL,
	charged_total     BIGINT NOT NULL,
	charged_monthly   BIGINT NOT NULL,
	charged_extra     BIGINT NOT NULL,
	charged_overdraft BIGINT NOT NULL,
	started_at        BIGINT NOT NULL,
	first_token_ms    BIGINT,
	duration_ms       BIGINT NOT NULL,
	trace_id          TEXT NOT NULL,
	period_start      BIGINT NOT NULL,
	PRIMARY KEY (account, id)
);
CREATE INDEX usage_event_started ON usage_event (started_at);
CREATE TABLE ledger_entry (
	account         TEXT NOT NULL,
	seq             BIGINT NOT NULL,
	at              BIGINT NOT NULL,
	kind            TEXT NOT NULL,
	monthly_delta   BIGINT NOT NULL,
	extra_delta     BIGINT NOT NULL,
	monthly_balance BIGINT NOT NULL,
	extra_balance   BIGINT NOT NULL,
	reference       TEXT NOT NULL,
	PRIMARY KEY (account, seq)
);
CREATE TABLE usage_hourly (
	account           TEXT NOT NULL,
	hour              BIGINT NOT NULL,
	chatbot           TEXT NOT NULL,
	activity          TEXT NOT NULL,
	model             TEXT NOT NULL,
	provider          TEXT NOT NULL,
	key               TEXT NOT NULL,
	requests          BIGINT NOT NULL,
	input             BIGINT NOT NULL,
	output            BIGINT NOT NULL,
	cached_input      BIGINT NOT NULL,
	cache_write_input BIGINT NOT NULL,
	reasoning_output  BIGINT NOT NULL,
	total             BIGINT NOT NULL,
	charged_total     BIGINT NOT NULL,
	charged_monthly   BIGINT NOT NULL,
	charged_extra     BIGINT NOT NULL,
	charged_overdraft BIGINT NOT NULL,
	PRIMARY KEY (account, hour, chatbot, activity, model, provider, key)
);
CREATE TABLE change (
	seq  BIGINT PRIMARY KEY,
	kind TEXT NOT NULL,
	id   TEXT NOT NULL
);
CREATE TABLE dead_letter (
	journal TEXT NOT NULL,
	seq     BIGINT NOT NULL,
	bytes   BYTEA NOT NULL,
	error   TEXT NOT NULL,
	PRIMARY KEY (journal, seq)
);
CREATE TABLE remembered (
	key    TEXT PRIMARY KEY,
	body   BYTEA NOT NULL,
	status BIGINT NOT NULL,
	answer BYTEA NOT NULL,
	at     BIGINT NOT NULL
);
CREATE INDEX remembered_at ON remembered (at);
`, `
ALTER TABLE replica ADD COLUMN seen_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX lease_epoch ON lease (epoch);
CREATE INDEX replica_live ON replica (epoch) WHERE drained_at = 0;
CREATE INDEX usage_event_account_started ON usage_event (account, started_at);
`, `
-- due_at: when the next try is due or, of one that is under way, when another may be; 0: none is.
CREATE TABLE notice (
	id           TEXT NOT NULL,
	target       TEXT NOT NULL,
	account      TEXT NOT NULL,
	period_start BIGINT NOT NULL,
	kind         TEXT NOT NULL,
	body         TEXT NOT NULL,
	at           BIGINT NOT NULL,
	tries        BIGINT NOT NULL,
	due_at       BIGINT NOT NULL,
	delivered_at BIGINT NOT NULL,
	given_up_at  BIGINT NOT NULL,
	PRIMARY KEY (id, target)
);
CREATE INDEX notice_due ON notice (target, due_at) WHERE due_at > 0;
CREATE INDEX notice_at ON notice (at);
-- The one row is the ended period up to which accounts that nobody uses were rolled.
CREATE TABLE reset_position (
	period_end BIGINT NOT NULL,
	account    TEXT NOT NULL
);
INSERT INTO reset_position (period_end, account) VALUES (0, '');
CREATE INDEX account_period_end ON account_period (period_end, account);
`}
