//go:build unix

package pgtest

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// give lets the owner use a folder that root made.
func give(dir string) error {
	if os.Getuid() != 0 {
		return nil
	}
	uid, gid, err := ownerIDs()
	if err != nil {
		return err
	}
	return os.Chown(dir, uid, gid)
}

// disown lets a command run as the owner, where the tests run as root.
func disown(cmd *exec.Cmd) {
	if os.Getuid() != 0 {
		return
	}
	if uid, gid, err := ownerIDs(); err == nil { // else the command says that it can't run as root
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

func ownerIDs() (uid, gid int, err error) {
	u, err := user.Lookup(owner)
	if err != nil {
		return 0, 0, fmt.Errorf("postgres refuses root, and there is no user %s: %w", owner, err)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, err
	}
	gid, err = strconv.Atoi(u.Gid)
	return uid, gid, err
}
