package proxytest

import (
	"encoding/json"
	"strings"
)

type response struct {
	ID                 string          `json:"id"`
	Object             string          `json:"object"`
	CreatedAt          int64           `json:"created_at"`
	Status             string          `json:"status"`
	Background         bool            `json:"background"`
	Error              *struct{}       `json:"error"`
	IncompleteDetails  *incomplete     `json:"incomplete_details"`
	Instructions       json.RawMessage `json:"instructions"`
	MaxOutputTokens    *int64          `json:"max_output_tokens"`
	Model              string          `json:"model"`
	Output             []outputItem    `json:"output"`
	ParallelToolCalls  bool            `json:"parallel_tool_calls"`
	PreviousResponseID *string         `json:"previous_response_id"`
	ServiceTier        string          `json:"service_tier"`
	Store              bool            `json:"store"`
	Temperature        float64         `json:"temperature"`
	ToolChoice         string          `json:"tool_choice"`
	Tools              []struct{}      `json:"tools"`
	TopP               float64         `json:"top_p"`
	Truncation         string          `json:"truncation"`
	Usage              json.RawMessage `json:"usage,omitempty"`
	User               *string         `json:"user"`
	Metadata           struct{}        `json:"metadata"`
}

type incomplete struct {
	Reason string `json:"reason"`
}

type outputItem struct {
	ID      string       `json:"id"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Content []outputText `json:"content"`
	Role    string       `json:"role"`
}

type outputText struct {
	Type        string     `json:"type"`
	Annotations []struct{} `json:"annotations"`
	Logprobs    []struct{} `json:"logprobs"`
	Text        string     `json:"text"`
}

func text(s string) outputText {
	return outputText{Type: "output_text", Annotations: []struct{}{}, Logprobs: []struct{}{}, Text: s}
}

// begun is the response before it has any output.
func (q *request) begun() response {
	r := response{
		ID: "resp_" + q.id, Object: "response", CreatedAt: q.created, Status: "in_progress", Instructions: q.Instructions,
		Model: snapshot(q.Model), Output: []outputItem{}, ParallelToolCalls: true, ServiceTier: "default", Store: true, Temperature: 1,
		ToolChoice: "auto", Tools: []struct{}{}, TopP: 1, Truncation: "disabled", Usage: json.RawMessage("null"),
	}
	if r.Instructions == nil {
		r.Instructions = json.RawMessage("null")
	}
	if q.MaxOutputTokens > 0 {
		r.MaxOutputTokens = &q.MaxOutputTokens
	}
	return r
}

// ended is the response with its output and usage.
func (q *request) ended(said string) response {
	r := q.begun()
	r.Status, r.Usage = "completed", q.responsesUsage()
	if q.cut {
		r.Status, r.IncompleteDetails = "incomplete", &incomplete{"max_output_tokens"}
	}
	item := q.item(r.Status)
	item.Content = append(item.Content, text(said))
	r.Output = append(r.Output, item)
	return r
}

func (q *request) item(status string) outputItem {
	return outputItem{ID: "msg_" + q.id, Type: "message", Status: status, Content: []outputText{}, Role: "assistant"}
}

func responses(q *request) *answer {
	q.N = 1
	if q.Stream {
		return responseStream(q)
	}
	return document(q, "resp_"+q.id, snapshot(q.Model), func(text string) any { return q.ended(text) })
}

// responseStream numbers its events; the last one is response.completed, or response.incomplete at the output limit.
func responseStream(q *request) *answer {
	var parts [][]byte
	say := func(kind string, rest any) {
		body := marshal(rest)
		head := marshal(struct {
			Type           string `json:"type"`
			SequenceNumber int    `json:"sequence_number"`
		}{kind, len(parts)})
		parts = append(parts, event(kind, joined(head, body)))
	}
	type whole struct {
		Response response `json:"response"`
	}
	type inItem struct {
		OutputIndex int        `json:"output_index"`
		Item        outputItem `json:"item"`
	}
	type inPart struct {
		ItemID       string      `json:"item_id"`
		OutputIndex  int         `json:"output_index"`
		ContentIndex int         `json:"content_index"`
		Part         *outputText `json:"part,omitempty"`
		Delta        *string     `json:"delta,omitempty"`
		Text         *string     `json:"text,omitempty"`
		Logprobs     []struct{}  `json:"logprobs,omitempty"`
	}
	said := strings.Join(q.words, "")
	end := q.ended(said)
	place := inPart{ItemID: "msg_" + q.id}
	part := func(t string) inPart { p, o := place, text(t); p.Part = &o; return p }

	say("response.created", whole{q.begun()})
	say("response.in_progress", whole{q.begun()})
	say("response.output_item.added", inItem{Item: q.item("in_progress")})
	say("response.content_part.added", part(""))
	for _, word := range q.words {
		p := place
		p.Delta = &word
		say("response.output_text.delta", p)
	}
	done := place
	done.Text = &said
	say("response.output_text.done", done)
	say("response.content_part.done", part(said))
	say("response.output_item.done", inItem{Item: end.Output[0]})
	say("response."+end.Status, whole{end})
	return stream(q, end.ID, end.Model, parts, len(parts)-1)
}

func compact(q *request) *answer {
	q.N = 1
	type item struct {
		ID               string `json:"id"`
		Type             string `json:"type"`
		EncryptedContent string `json:"encrypted_content"`
	}
	id := "resp_" + q.id
	return document(q, id, "", func(text string) any {
		return struct {
			CreatedAt int64           `json:"created_at"`
			ID        string          `json:"id"`
			Object    string          `json:"object"`
			Output    []item          `json:"output"`
			Usage     json.RawMessage `json:"usage,omitempty"`
		}{q.created, id, "response.compaction", []item{{"cmp_" + q.id, "compaction", text}}, q.responsesUsage()}
	})
}
