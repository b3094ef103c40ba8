package proxytest

import (
	"encoding/json"
	"io"
	"net/http"
	"sync"
)

// Answer is what the witness knows of one request.
type Answer struct {
	// ID is the answer's id, in the header in which the provider names its requests (OpenAI: X-Request-Id, behind req_) and,
	// where the provider has one there, in its body.
	ID     string `json:"id"`
	API    string `json:"api"`   // "" for a path that does not exist
	Model  string `json:"model"` // as the answer names it; "" where it names none
	Input  int64  `json:"input"` // as reported; both 0 when no usage was
	Output int64  `json:"output"`
	// Cached and CacheWrite stand inside Input, Reasoning inside Output.
	Cached     int64 `json:"cached,omitempty"`
	CacheWrite int64 `json:"cache_write,omitempty"`
	Reasoning  int64 `json:"reasoning,omitempty"`
	Units
	Stream bool   `json:"stream"`
	Method string `json:"method"`
	Path   string `json:"path"` // with the query
	Status int    `json:"status"`
	// Whole says that the last byte was written without an error. It turns true just after that byte went out, maybe later
	// than the other side read it: stop the server before reading it.
	Whole      bool        `json:"whole"`
	Header     http.Header `json:"header"`
	Body       []byte      `json:"body,omitempty"` // only with Options.KeepBodies
	BodySHA256 string      `json:"body_sha256"`
}

// witness keeps the newest answers.
type witness struct {
	lock sync.Mutex
	keep int
	kept []*Answer // in order; at most 2·keep
	log  io.Writer
}

func newWitness(keep int, log io.Writer) *witness { return &witness{keep: keep, log: log} }

func (w *witness) begin(a Answer) *Answer {
	w.lock.Lock()
	defer w.lock.Unlock()
	if len(w.kept) >= 2*w.keep {
		w.kept = append([]*Answer(nil), w.kept[len(w.kept)-w.keep:]...)
	}
	w.kept = append(w.kept, &a)
	return &a
}

// end writes the log's line; a log that can't be written is a broken test.
func (w *witness) end(a *Answer, whole bool) {
	w.lock.Lock()
	defer w.lock.Unlock()
	a.Whole = whole
	if w.log == nil {
		return
	}
	line, err := json.Marshal(a)
	if err == nil {
		_, err = w.log.Write(append(line, '\n'))
	}
	if err != nil {
		panic("write log of answers: " + err.Error())
	}
}

func (w *witness) answers() []Answer {
	w.lock.Lock()
	defer w.lock.Unlock()
	newest := w.kept[max(0, len(w.kept)-w.keep):]
	all := make([]Answer, len(newest))
	for i, a := range newest {
		all[i] = *a
	}
	return all
}
