package pgtest

import (
	"errors"
	"io"
	"os/exec"
)

// leash holds a server process. A shell watches over it and ends it when the test binary does, whatever ends that.
type leash struct {
	shell *exec.Cmd
	hold  io.WriteCloser
}

// watch runs a server until its standard input ends. The word "keep" before that leaves its folder.
const watch = `"$0" "$@" >>` + logFile + ` 2>&1 & server=$!
read -r word
kill -INT $server; wait $server; ended=$?
[ "$word" = keep ] || rm -rf "$PWD"
exit $ended`

// logFile is where a server's words go, in its folder.
const logFile = "log"

// tether starts a server in its folder.
func tether(dir, program string, args ...string) (*leash, error) {
	l := &leash{shell: exec.Command("sh", append([]string{"-c", watch, program}, args...)...)}
	l.shell.Dir = dir
	disown(l.shell)
	var err error
	if l.hold, err = l.shell.StdinPipe(); err != nil {
		return nil, err
	}
	return l, l.shell.Start()
}

// cut ends the server and waits for its end.
func (l *leash) cut(keep bool) (err error) {
	if keep {
		_, err = io.WriteString(l.hold, "keep\n")
	}
	return errors.Join(err, l.hold.Close(), l.shell.Wait())
}
