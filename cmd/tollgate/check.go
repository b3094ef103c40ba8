package main

import "fmt"

type checkCmd struct {
	Config string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
}

// Run keeps warnings, which fail nothing, away from the answer that machines read.
func (c checkCmd) Run(out *streams) error {
	read, err := load(c.Config)
	if err != nil {
		return report(out.stdout, err)
	}
	for _, w := range read.Warnings {
		fmt.Fprintln(out.stderr, "warning:", w)
	}
	fmt.Fprintln(out.stdout, "ok")
	return nil
}
