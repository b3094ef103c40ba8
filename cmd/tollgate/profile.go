//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// A program built with the tag profile writes its CPU profile, from its first SIGUSR1 to its second one, into the file
// that TOLLGATE_PROFILE names; the file appears when it is whole. tollgate-bench -profile renews default.pgo with it.
func init() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1)
	go func() {
		<-signals
		if err := profile(os.Getenv("TOLLGATE_PROFILE"), signals); err != nil {
			panic(err)
		}
	}()
}

func profile(path string, stop <-chan os.Signal) error {
	f, err := os.Create(path + ".part")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	<-stop
	pprof.StopCPUProfile()
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
