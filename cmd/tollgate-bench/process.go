package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// process is one of the driver's children.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
	// url is where it listens; "" for the load client.
	url string
}

// start runs this program again as one of its parts. listens: its first line is its address.
func start(ctx context.Context, listens bool, args ...string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &process{cmd: exec.CommandContext(ctx, self, args...)}
	p.cmd.Stderr = os.Stderr
	p.cmd.WaitDelay = 5 * time.Second
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", args[0], err)
	}
	if listens {
		line, err := p.out.ReadString('\n')
		if err != nil {
			p.stop()
			return nil, fmt.Errorf("start %s: %w", args[0], err)
		}
		p.url = strings.TrimSpace(line)
	}
	return p, nil
}

// stop ends the process and waits for it: by its standard input if it reads it, else by SIGTERM, after 10 s by SIGKILL.
func (p *process) stop() {
	if p.in != nil {
		_ = p.in.Close()
	} else {
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
	}
	kill := time.AfterFunc(10*time.Second, func() { _ = p.cmd.Process.Kill() })
	defer kill.Stop()
	_ = p.cmd.Wait() // how it ends is no measurement
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// order has the load client do one thing; what was cut or refused is a result, not an error.
func (p *process) order(o order) (result, error) {
	var r result
	if err := json.NewEncoder(p.in).Encode(o); err != nil {
		return r, fmt.Errorf("send order to the load client: %w", err)
	}
	line, err := p.out.ReadBytes('\n')
	if err != nil {
		return r, fmt.Errorf("read result of the load client: %w", err)
	}
	return r, json.Unmarshal(line, &r)
}
