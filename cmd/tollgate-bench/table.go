package main

import (
	"fmt"
	"io"
	"strings"
)

// table prints Markdown, row by row, as soon as a row is known.
type table struct{ out io.Writer }

func newTable(out io.Writer, columns ...string) table {
	t := table{out}
	fmt.Fprintln(out)
	t.row(columns...)
	t.row(strings.Split("---"+strings.Repeat(",---", len(columns)-1), ",")...)
	return t
}

func (t table) row(cells ...string) { fmt.Fprintln(t.out, "| "+strings.Join(cells, " | ")+" |") }

// sample is sorted.
type sample []float64

func (s sample) median() float64 {
	n := len(s)
	return (s[(n-1)/2] + s[n/2]) / 2
}

// at is the value below which that share of the sample lies.
func (s sample) at(part, of int) float64 { return s[min(len(s)*part/of, len(s)-1)] }
