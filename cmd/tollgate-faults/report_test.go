package main

import (
	"strings"
	"testing"
)

// whole is a report in which every name of the table has a line.
func whole() *report {
	r := &report{}
	for _, f := range faults {
		for _, name := range f.lines {
			r.take("FAULT " + strings.ReplaceAll(name, "*", "x") + " lost=0 dup=0 RESULT ok")
		}
	}
	return r
}

func TestAReportIsWellOrSaysWhatIsNot(t *testing.T) {
	for text, want := range map[string]string{
		"": "",
		"    damage_test.go:93: FAULT damaged-journal found=1 RESULT FAIL":         "damaged-journal: FAIL",
		"    --- FAIL: TestStampede/hold (1.2s)":                                   "failed: TestStampede/hold",
		"FAULT elsewhere figures=1 RESULT ok":                                      "",
		"MODEL ledger store=sqlite steps=5 failures=1 seed=7 RESULT FAIL":          "ledger: FAIL",
		"{\"msg\":\"a log line of a gateway\"}":                                    "",
		"CLUSTER to-the-last-token load=even used=20000 of=20000 held=0 RESULT ok": "",
	} {
		r := whole()
		r.take(text)
		got := ""
		if err := r.verdict(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("after %q: %q, want %q", text, got, want)
		}
	}
}

func TestANameWithoutALineIsMissed(t *testing.T) {
	r := whole()
	r.lines = r.lines[1:]
	if err := r.verdict(); err == nil || err.Error() != "no line of "+faults[0].lines[0] {
		t.Errorf("got %v", err)
	}
}

func TestTheTableHasEveryLine(t *testing.T) {
	r := whole()
	r.take(`FAULT outcome case="a | b" charged=7 RESULT ok`)
	r.take("FAULT unheard-of figures=1 RESULT FAIL")
	var b strings.Builder
	if err := r.write(&b, "2 cores"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"on 2 cores.", `| outcome | case="a \| b" charged=7 | ok |`, "| unheard-of | figures=1 | **FAIL** |", "- unheard-of: FAIL"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in:\n%s", want, b.String())
		}
	}
}
