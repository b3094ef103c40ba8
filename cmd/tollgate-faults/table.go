package main

// tests is one run of go test.
type tests struct {
	of    string // packages
	names string // -run
	flags []string
	own   []string // what only these tests know
}

// all are run one after the other: most of them load the machine. Each test that prints a line is in one of them.
var all = []tests{
	{of: "./policy ./accounting ./accounting/journal ./proxy/...", names: "^Test", flags: []string{"-race"}},
	{of: "./store", names: "IsAStore|ServesACluster", flags: []string{"-race"}, own: []string{"-rapid.checks=100"}},
	{of: "./accounting/journal", names: "^TestPowerLossLosesNothingAcknowledged$", own: []string{"-crashes=20000"}},
	{of: "./store", names: "^(TestPowerLoss|TestEndsAtEachPoint|TestADamagedStoreIsFound)$", own: []string{"-crashes=20000"}},
	{of: "./cmd/tollgate", names: "^TestKillStorm$", own: []string{"-rounds=200"}},
	{of: "./cmd/tollgate", names: "^(TestSIGTERMLetsStreamsEnd|TestSecondSignalEndsAtOnce|TestFullDisk|TestVerifyFindsWhatAHandChanged|" +
		"TestDurabilityDatabase|TestOnStoreDownBlock|TestCapOfAKeyAcrossReplicas|TestMixedLoad|TestStampede|TestPrivacyCanary|" +
		"TestPrivacyCanaryOfEveryDialect|TestOutcomes|TestEachSeededBugIsCaught|TestTwoReplicasShareOnePostgres|TestServeWaitsForItsStore|" +
		"TestTheDatabaseIsNotOnTheWayOfARequest)$", flags: []string{"-race"}},
	{of: "./cmd/tollgate", names: "^(TestOneLastRequestInTheWholeCluster|TestAPoolIsUsedToTheLastToken|TestAForfeitedLeaseIsNotSpent|" +
		"TestAReplicaIsGone|TestTheLineToPostgresIsBad|TestAnswersWaitForPostgres|TestReplicasBehindAPooler|TestPostgresGoesBackInTime)$",
		flags: []string{"-race"}},
	{of: "./cmd/tollgate", names: "^(TestChangesAreHeard|TestKillStormOfOneOfThree)$", own: []string{"-changes=200", "-kills=50"}},
	{of: "./cmd/tollgate", names: "^TestPostgresIsAway$", own: []string{"-away=60s"}},
	{of: "./cmd/tollgate", names: "^TestPostgresIsAway$", own: []string{"-away=60s", "-spared"}},
	{of: "./cmd/tollgate", names: "^TestSlowClients$", own: []string{"-slow=2000"}},
	{of: "./cmd/tollgate", names: "^TestSoak$", own: []string{"-soak=120s"}},
}

// fault is what Tollgate has to survive, and the lines that tell how it did. A name may be a pattern of path.Match.
type fault struct {
	what  string
	lines []string
}

var faults = []fault{
	{"kill -9, again and again under load, also while it recovers", []string{"kill-9-storm", "kill-9-of-one-of-three", "kill-9"}},
	{"the process ends at each write and sync", []string{"ends-at-each-point-*"}},
	{"power loss: what was not synced is kept in part, out of order", []string{"power-loss-journal", "power-loss-store"}},
	{"syncs really happen", []string{"sync-happens"}},
	{"damaged files", []string{"damaged-journal", "damaged-store"}},
	{"the disk is full", []string{"disk-full"}},
	{"a sync or a write fails", []string{"failed-*"}},
	{"Postgres is down, slow, half-open, flapping, cut", []string{"postgres-away", "postgres-away-unknown", "bad-line", "store-down-block", "pooler"}},
	{"answers that are to be durable in the store", []string{"durability-database"}},
	{"Postgres goes back in time", []string{"postgres-back-in-time"}},
	{"the last tokens, by many at once", []string{"stampede", "one-last-request"}},
	{"a pool to its end", []string{"to-the-last-token", "cap-across-replicas"}},
	{"a replica is stopped, cut off or gone for longer than its lease is its own", []string{"forfeited-lease-*", "replica-*-past-its-lease"}},
	{"months, time zones, reset days", []string{"periods"}},
	{"purchases, revocations, plans: heard by all, one of them cut off meanwhile", []string{"changes-are-heard", "two-replicas"}},
	{"models, on both stores", []string{"ledger", "cluster"}},
	{"seeded bugs", []string{"seeded-bugs"}},
	{"a client that goes, a provider that breaks off or says nonsense", []string{"outcome", "mixed-load"}},
	{"privacy canary", []string{"privacy-canary", "privacy-canary-dialects"}},
	{"smuggling and header tricks", []string{"smuggling", "provider-tricks", "doors", "free_paths"}},
	{"parsers that differ", []string{"parser-differential", "recordings"}},
	{"slow clients", []string{"slow-clients"}},
	{"bodies without end", []string{"body-of-1-gib"}},
	{"stops by signals", []string{"sigterm", "second-signal"}},
	{"books changed by hand", []string{"verify-by-hand"}},
	{"the database is not on the way of a request", []string{"round-trips"}},
	{"random faults for a while", []string{"soak"}},
}
