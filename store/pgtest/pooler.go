package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Pooler puts PgBouncer before a server, in transaction mode with few connections, and says where the server's database
// is reached through it. Without PgBouncer the test fails in CI and is skipped elsewhere.
func Pooler(t testing.TB, s *Server) string {
	t.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // where Debian puts it, which need not be in PATH
	}
	if _, err := os.Stat(program); err != nil {
		need(t, fmt.Errorf("look for PgBouncer: %w: apt-get install pgbouncer", ErrMissing))
	}
	dir, err := os.MkdirTemp("/tmp", "tollgate-pgbouncer-")
	need(t, err)
	need(t, give(dir))
	port, err := freePort()
	need(t, err)
	settings := fmt.Sprintf(`[databases]
* = host=127.0.0.1 port=%d user=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %d
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
`, s.port, owner, port)
	file := filepath.Join(dir, "pgbouncer.ini")
	need(t, os.WriteFile(file, []byte(settings), 0o644))
	l, err := tether(dir, program, file)
	need(t, err)
	t.Cleanup(func() {
		if err := l.cut(false); err != nil {
			t.Errorf("pgbouncer: %v", err)
		}
	})
	address := fmt.Sprintf("127.0.0.1:%d", port)
	for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return fmt.Sprintf("postgres://%s@%s/postgres?sslmode=disable", owner, address)
		}
		if time.Since(began) > startFor {
			said, _ := os.ReadFile(filepath.Join(dir, logFile))
			t.Fatalf("pgbouncer does not start:\n%s", said)
		}
	}
}
