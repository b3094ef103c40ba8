package main

import "fmt"

type checkCmd struct {
	Config string `help:"The file to read; gateway.yaml of this folder if there is one, else defaults." placeholder:"FILE"`
}

func (c checkCmd) Run(out *streams) error {
	if _, err := load(c.Config); err != nil {
		return report(out.stdout, err)
	}
	fmt.Fprintln(out.stdout, "ok")
	return nil
}
