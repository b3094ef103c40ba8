// Package pgtest runs a real Postgres for tests: its own, on loopback, in a temporary folder, gone with the test
// binary whatever ends it.
package pgtest

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	owner    = "postgres" // its superuser, and who runs it where the tests run as root: Postgres refuses root
	startFor = 30 * time.Second
)

// Server is a Postgres. It may be stopped and started again, with what it holds, at the same port.
type Server struct {
	bin, dir string
	port     int
	settings []string // name=value, beside those of all
	leash    *leash   // nil: it does not run
}

// Run makes and starts a server for a program, which removes it. settings are name=value, and win.
func Run(settings ...string) (*Server, error) {
	s, err := newServer()
	if err != nil {
		return nil, err
	}
	s.settings = settings
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, s.Remove())
	}
	return s, nil
}

// newServer makes a database cluster that is not started. It does not sync: tests of durability end processes, not power.
func newServer() (*Server, error) {
	bin, err := findBin()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/tmp", "tollgate-postgres-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir}
	if err := s.initialise(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return s, nil
}

// ErrMissing says that a program is not on this machine.
var ErrMissing = errors.New("not found on this machine")

// findBin is the newest Postgres's folder of programs.
func findBin() (string, error) {
	var candidates []string
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		candidates = append(candidates, strings.TrimSpace(string(out)))
	}
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.Sort(debian)
	slices.Reverse(debian)
	candidates = append(candidates, debian...)
	if path, err := exec.LookPath("initdb"); err == nil {
		candidates = append(candidates, filepath.Dir(path))
	}
	for _, dir := range candidates {
		_, noInit := os.Stat(filepath.Join(dir, "initdb"))
		_, noServer := os.Stat(filepath.Join(dir, "postgres"))
		if noInit == nil && noServer == nil {
			return dir, nil
		}
	}
	return "", fmt.Errorf("look for Postgres (initdb and postgres): %w: apt-get install postgresql-15, or put its folder of programs into PATH", ErrMissing)
}

func (s *Server) initialise() error {
	if err := give(s.dir); err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", owner, "--auth=trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
	cmd.Dir = s.dir
	disown(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	rules := filepath.Join(s.data(), "pg_hba.conf")
	trusting, err := os.ReadFile(rules)
	if err != nil {
		return err
	}
	return os.WriteFile(rules, append([]byte("host all "+Guarded+" 127.0.0.1/32 scram-sha-256\n"), trusting...), 0o600)
}

// Guarded is the one user that needs a password, once a test has made it; the superuser and all others need none.
const Guarded = "guarded"

func (s *Server) data() string { return filepath.Join(s.dir, "data") }
func (s *Server) log() string  { return filepath.Join(s.dir, logFile) }

// Start starts the server and waits until it takes connections.
func (s *Server) Start() error {
	var err error
	for range 3 { // another program may take the port that was free
		if s.port == 0 {
			if s.port, err = freePort(); err != nil {
				return err
			}
		}
		if err = s.start(); err == nil {
			return nil
		}
		s.port = 0
	}
	return err
}

func (s *Server) start() (err error) {
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port)}
	for _, setting := range append([]string{"listen_addresses=127.0.0.1", "unix_socket_directories=" + s.dir, "fsync=off", "max_connections=200"}, s.settings...) {
		args = append(args, "-c", setting)
	}
	if s.leash, err = tether(s.dir, filepath.Join(s.bin, "postgres"), args...); err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if s.answers() {
			return nil
		}
		if time.Since(began) > startFor || s.failed() {
			said, _ := os.ReadFile(s.log())
			return errors.Join(fmt.Errorf("postgres does not start:\n%s", said), s.Stop())
		}
	}
}

// answers says that the server has written that it is ready into its own file, and is this one.
func (s *Server) answers() bool {
	status, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	lines := strings.Split(string(status), "\n")
	return err == nil && len(lines) > 7 && strings.TrimSpace(lines[7]) == "ready" && lines[3] == strconv.Itoa(s.port)
}

func (s *Server) failed() bool {
	said, err := os.ReadFile(s.log())
	return err == nil && strings.Contains(string(said), "could not create any TCP/IP sockets")
}

// Stop stops the server, which cuts its connections, and keeps what it holds.
func (s *Server) Stop() error {
	if s.leash == nil {
		return nil
	}
	err := s.leash.cut(true)
	s.leash = nil
	return err
}

// Keep copies all that a stopped server holds, for Rewind.
func (s *Server) Keep() error { return s.copyData(s.data(), s.data()+".kept") }

// Rewind brings a stopped server back to what Keep copied.
func (s *Server) Rewind() error { return s.copyData(s.data()+".kept", s.data()) }

func (s *Server) copyData(from, to string) error {
	if s.leash != nil {
		return errors.New("copy of a database: it runs")
	}
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if out, err := exec.Command("cp", "-a", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copy of a database: %w: %s", err, out)
	}
	return nil
}

// Remove stops the server and removes its folder.
func (s *Server) Remove() error {
	if s.leash == nil {
		return os.RemoveAll(s.dir)
	}
	err := s.leash.cut(false)
	s.leash = nil
	return err
}

// URL is where the server is reached, as its superuser.
func (s *Server) URL() string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/postgres?sslmode=disable", owner, s.port)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}
