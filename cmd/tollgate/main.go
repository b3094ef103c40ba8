// Command tollgate is the token meter and gate in front of LLM providers.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/alecthomas/kong"

	// An image FROM scratch has neither zones nor roots.
	_ "time/tzdata"

	_ "golang.org/x/crypto/x509roots/fallback"

	"github.com/tollgate/tollgate/config"
)

// commands is the command tree: what stands here is what `tollgate --help` shows.
type commands struct {
	Serve      serveCmd      `cmd:"" help:"Run the gateway: data plane and admin plane."`
	Check      checkCmd      `cmd:"" help:"Read the file and print every problem with its place."`
	Demo       demoCmd       `cmd:"" help:"Show the whole story on this machine, without key, database or network."`
	Account    AccountCmd    `cmd:"" help:"Open, show and change accounts."`
	Key        KeyCmd        `cmd:"" help:"Make, change and revoke keys."`
	Grant      GrantCmd      `cmd:"" help:"Add and void extra tokens."`
	Usage      UsageCmd      `cmd:"" help:"Sum an account's usage."`
	Events     EventsCmd     `cmd:"" help:"List an account's usage events."`
	Doctor     doctorCmd     `cmd:"" help:"Try what check can't: disk, store, clock, providers, telemetry, ports."`
	Backup     backupCmd     `cmd:"" help:"Copy the data of a gateway, running or not, into one file."`
	Restore    restoreCmd    `cmd:"" help:"Put a backup in the place of a stopped gateway's data."`
	Verify     verifyCmd     `cmd:"" help:"Recompute every balance and print what differs."`
	Version    versionCmd    `cmd:"" help:"Print version, commit and Go version."`
	Schema     schemaCmd     `cmd:"" help:"Print the JSON Schema of gateway.yaml."`
	Completion completionCmd `cmd:"" help:"Print a completion script for a shell."`
}

const (
	statusFailed = 1
	statusUsage  = 2
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// run is main with its edges as arguments; it returns the exit status.
func run(args []string, stdout, stderr io.Writer) int {
	var cmds commands
	exited := -1
	parser, err := kong.New(&cmds,
		kong.Name("tollgate"),
		kong.Description("The token meter and gate in front of LLM providers."),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.Exit(func(status int) { exited = status }),
	)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 { // --help
		return exited
	}
	if err != nil {
		fmt.Fprintf(stderr, "tollgate: %s\n", err)
		return statusUsage
	}
	err = kctx.Run(&streams{stdout, stderr})
	if errors.Is(err, errSilent) {
		return statusFailed
	}
	if err != nil {
		fmt.Fprintf(stderr, "tollgate: %s\n", err)
		return statusFailed
	}
	return 0
}

// streams are where commands write.
type streams struct{ stdout, stderr io.Writer }

// errSilent fails a command that has said already why.
var errSilent = errors.New("")

// version is set by release builds with -ldflags "-X main.version=…".
var version = "dev"

type versionCmd struct{}

func (versionCmd) Run(s *streams) error {
	commit := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	fmt.Fprintf(s.stdout, "tollgate %s, commit %s, %s\n", version, commit, runtime.Version())
	return nil
}

type schemaCmd struct{}

func (schemaCmd) Run(s *streams) error {
	_, err := s.stdout.Write(config.Schema())
	return err
}
