//go:build profile

package main

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// A build with -tags profile writes its CPU profile to the file that TOLLGATE_CPUPROFILE names, from SIGUSR1 to
// SIGUSR2: `make pgo` makes default.pgo of it, so that the compiler knows the hot path.
func init() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go func() {
		for s := range signals {
			if s == syscall.SIGUSR2 {
				pprof.StopCPUProfile()
				continue
			}
			f, err := os.Create(os.Getenv("TOLLGATE_CPUPROFILE"))
			if err != nil {
				panic(err)
			}
			if err := pprof.StartCPUProfile(f); err != nil {
				panic(err)
			}
		}
	}()
}
