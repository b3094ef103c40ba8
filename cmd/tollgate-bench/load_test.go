package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/tollgate/tollgate/proxy/proxytest"
)

func TestLoadCountsWhatDidNotComeWhole(t *testing.T) {
	server := httptest.NewServer(proxytest.New(proxytest.Options{Lean: true}))
	defer server.Close()
	two, all := 2, 17
	for name, test := range map[string]struct {
		body         string
		cut, refused int64
	}{
		"stream":                 {request(true, proxytest.Script{Chunks: 16}), 0, 0},
		"stream, broken off":     {request(true, proxytest.Script{Chunks: 16, BreakAfter: &two}), 6, 0},
		"stream, end left out":   {request(true, proxytest.Script{Chunks: 16, ErrorAfter: &all}), 6, 0},
		"document":               {request(false, proxytest.Script{Chunks: 16}), 0, 0},
		"document, broken off":   {request(false, proxytest.Script{BreakAfter: new(1)}), 6, 0},
		"document, never begun":  {request(false, proxytest.Script{BreakAfter: new(0)}), 6, 0},
		"refused by the other":   {request(false, proxytest.Script{Status: 429}), 0, 6},
		"usage asked by clients": {askUsage(request(true, proxytest.Script{})), 0, 0},
	} {
		orders, err := json.Marshal(order{URL: server.URL + "/v1/chat/completions", Body: test.body, Connections: 3, Count: 6})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := load(bytes.NewReader(orders), &out); err != nil {
			t.Fatal(err)
		}
		var got result
		if err := json.Unmarshal(out.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		if got.Requests != 6 || got.Cut != test.cut || got.Refused != test.refused {
			t.Errorf("%s: got %+v, want 6 requests, %d cut, %d refused", name, got, test.cut, test.refused)
		}
		if (got.Fault != "") != (test.cut+test.refused > 0) {
			t.Errorf("%s: got fault %q", name, got.Fault)
		}
	}
}

func TestServeEndsWithItsInput(t *testing.T) {
	in, hangUp := io.Pipe()
	address, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serve(in, out, sink()) }()
	line := make([]byte, 64)
	if _, err := address.Read(line); err != nil || !bytes.HasPrefix(line, []byte("http://127.0.0.1:")) {
		t.Errorf("got %q, %v", line, err)
	}
	hangUp.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(10 * time.Second):
		t.Error("it goes on")
	}
}

func TestSampleTellsMedianAndQuartiles(t *testing.T) {
	for _, test := range []struct {
		sample             sample
		median, low, upper float64
	}{
		{sample{1}, 1, 1, 1},
		{sample{1, 2}, 1.5, 1, 2},
		{sample{1, 2, 3, 4, 9}, 3, 2, 4},
	} {
		if got := [3]float64{test.sample.median(), test.sample.at(1, 4), test.sample.at(3, 4)}; got != [3]float64{test.median, test.low, test.upper} {
			t.Errorf("%v: got %v", test.sample, got)
		}
	}
}
