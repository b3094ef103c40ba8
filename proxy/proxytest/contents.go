package proxytest

import (
	"encoding/json"
	"strings"
	"time"
)

// The members of these types stand in the order in which Google sends them; what is zero stays away, as in its answers.

type generated struct {
	Candidates    []candidate     `json:"candidates,omitempty"`
	UsageMetadata json.RawMessage `json:"usageMetadata,omitempty"`
	ModelVersion  string          `json:"modelVersion"`
	CreateTime    string          `json:"createTime,omitempty"` // Vertex's
	ResponseID    string          `json:"responseId"`
}

type candidate struct {
	Content      content `json:"content"`
	FinishReason string  `json:"finishReason,omitempty"`
	Index        int64   `json:"index"`
}

type content struct {
	Parts []contentPart `json:"parts"`
	Role  string        `json:"role"`
}

type contentPart struct {
	Text string `json:"text"`
}

// usageMetadata has the cache inside PromptTokenCount and the thoughts outside CandidatesTokenCount.
type usageMetadata struct {
	PromptTokenCount        int64            `json:"promptTokenCount,omitempty"`
	CandidatesTokenCount    int64            `json:"candidatesTokenCount,omitempty"`
	TotalTokenCount         int64            `json:"totalTokenCount,omitempty"`
	CachedContentTokenCount int64            `json:"cachedContentTokenCount,omitempty"`
	TrafficType             string           `json:"trafficType,omitempty"` // Vertex's
	PromptTokensDetails     []modalityTokens `json:"promptTokensDetails,omitempty"`
	CandidatesTokensDetails []modalityTokens `json:"candidatesTokensDetails,omitempty"`
	ThoughtsTokenCount      int64            `json:"thoughtsTokenCount,omitempty"`
}

type modalityTokens struct {
	Modality   string `json:"modality"`
	TokenCount int64  `json:"tokenCount"`
}

func ofText(tokens int64) []modalityTokens {
	if tokens == 0 {
		return nil
	}
	return []modalityTokens{{"TEXT", tokens}}
}

// usageMetadata is the usage after that many of the candidates' tokens.
func (q *request) usageMetadata(candidates int64) json.RawMessage {
	u := usageMetadata{
		PromptTokenCount: q.usage.input, CandidatesTokenCount: candidates, TotalTokenCount: q.usage.input + candidates + q.usage.reasoning,
		CachedContentTokenCount: q.usage.cached, PromptTokensDetails: ofText(q.usage.input), ThoughtsTokenCount: q.usage.reasoning,
	}
	if q.onVertex() {
		u.TrafficType, u.CandidatesTokensDetails = trafficType, ofText(candidates)
	}
	return q.rawUsage(u)
}

const trafficType = "ON_DEMAND"

// generated is one answer, or one chunk of it: each candidate says the same.
func (q *request) generated(text, finish string, u json.RawMessage) generated {
	g := generated{UsageMetadata: u, ModelVersion: q.Model, ResponseID: q.id}
	if q.onVertex() {
		g.CreateTime = time.Unix(q.created, 0).UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	for i := range q.N {
		g.Candidates = append(g.Candidates, candidate{content{[]contentPart{{text}}, "model"}, finish, i})
	}
	return g
}

// candidates are the tokens of the output that are not thoughts.
func (q *request) candidates() int64 { return max(0, q.usage.output-q.usage.reasoning) }

func (q *request) googleFinish() string {
	if q.cut {
		return "MAX_TOKENS"
	}
	return "STOP"
}

func generateContent(q *request) *answer {
	q.usage.cacheWrite = 0 // not told
	candidates := q.candidates()
	a := document(q, q.id, q.Model, func(text string) any { return q.generated(text, q.googleFinish(), q.usageMetadata(candidates)) })
	a.contentType = googleJSON
	return a
}

// streamGenerateContent says a word in each chunk, and the usage so far: on Vertex only that there is some, until the end.
func streamGenerateContent(q *request) *answer {
	q.usage.cacheWrite = 0 // not told
	candidates := q.candidates()
	var chunks []generated
	for i, word := range q.words {
		sofar := q.usageMetadata(min(candidates, int64(i+1)*q.N))
		if q.onVertex() {
			sofar = q.rawUsage(usageMetadata{TrafficType: trafficType})
		}
		chunks = append(chunks, q.generated(word, "", sofar))
	}
	chunks = append(chunks, q.generated("", q.googleFinish(), q.usageMetadata(candidates)))
	if q.alt == "sse" {
		return contentEvents(q, chunks)
	}
	return contentArray(q, chunks)
}

func contentEvents(q *request, chunks []generated) *answer {
	q.Proxytest.CRLF = true // as all of Google's
	parts := make([][]byte, len(chunks))
	for i, c := range chunks {
		parts[i] = event("", c)
	}
	a := stream(q, q.id, q.Model, parts, len(parts)-1)
	a.contentType = "text/event-stream"
	return a
}

// contentArray is the other framing: one JSON array, sent element by element.
func contentArray(q *request, chunks []generated) *answer {
	var parts [][]byte
	for i, c := range chunks {
		opening := ",\r\n"
		if i == 0 {
			opening = "["
		}
		parts = append(parts, append([]byte(opening), marshalIndent(c)...))
	}
	a := stream(q, q.id, q.Model, append(parts, []byte("\n]\n")), len(parts)-1)
	a.contentType = googleJSON
	a.failure = arrayFault(q.Proxytest)
	return a
}

// arrayFault ends an array with an error for its last element.
func arrayFault(s Script) []byte {
	opening := ",\r\n"
	if s.ErrorAfter != nil && *s.ErrorAfter == 0 {
		opening = "["
	}
	said := strings.TrimSpace(strings.TrimPrefix(string(geminiFault()), "data: "))
	return []byte(opening + said + "\n]\n")
}

func countContents(q *request) *answer {
	counted := struct {
		TotalTokens             int64            `json:"totalTokens"`
		TotalBillableCharacters int64            `json:"totalBillableCharacters,omitempty"`
		PromptTokensDetails     []modalityTokens `json:"promptTokensDetails"`
	}{q.usage.input, 0, ofText(q.usage.input)}
	if q.onVertex() {
		counted.TotalBillableCharacters = 5 * q.usage.input
	}
	return googleFree(q, counted)
}
