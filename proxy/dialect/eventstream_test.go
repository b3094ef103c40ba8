package dialect

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"pgregory.net/rapid"
)

// awsFrame is a frame as AWS's own encoder writes it; headers are names and values in turn.
func awsFrame(payload string, headers ...string) []byte {
	m := eventstream.Message{Payload: []byte(payload)}
	for i := 0; i < len(headers); i += 2 {
		m.Headers.Set(headers[i], eventstream.StringValue(headers[i+1]))
	}
	return encoded(m)
}

func encoded(m eventstream.Message) []byte {
	var b bytes.Buffer
	if err := eventstream.NewEncoder().Encode(&b, m); err != nil {
		panic("BUG: " + err.Error())
	}
	return b.Bytes()
}

func eventFrame(kind, payload string) []byte {
	return awsFrame(payload, ":event-type", kind, ":content-type", "application/json", ":message-type", "event")
}

func exceptionFrame(kind string) []byte {
	return awsFrame(`{"message":"no"}`, ":exception-type", kind, ":content-type", "application/json", ":message-type", "exception")
}

// rawFrame is a frame with whatever stands in headers, payload and lengths, and checksums that fit.
func rawFrame(headers, payload string, total, headersLength uint32) []byte {
	f := binary.BigEndian.AppendUint32(nil, total)
	f = binary.BigEndian.AppendUint32(f, headersLength)
	f = binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
	f = append(append(f, headers...), payload...)
	return binary.BigEndian.AppendUint32(f, crc32.ChecksumIEEE(f))
}

var (
	hello      = eventFrame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"Hello"},"p":"abc"}`)
	stopped    = eventFrame("messageStop", `{"p":"abcd","stopReason":"end_turn"}`)
	metered125 = eventFrame("metadata", `{"metrics":{"latencyMs":613},"p":"ab","usage":{"inputTokens":12,"outputTokens":5,"totalTokens":17}}`)
)

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var framesAnswer = Response{Status: 200, ContentType: "application/vnd.amazon.eventstream", Request: Request{Stream: true}}

// passes checks that a body passes unchanged and is read the same however it is cut.
func passes(t *testing.T, api *API, r Response, body []byte, name string) metered {
	t.Helper()
	whole := meter(api, r, body, 0)
	for _, size := range cuts {
		got := meter(api, r, body, size)
		if all := append(bytes.Clone(got.early), got.late...); !bytes.Equal(all, body) {
			t.Errorf("%s, in pieces of %d: the client gets other bytes", name, size)
		}
		got.readyEarly = whole.readyEarly
		if fmt.Sprint(got) != fmt.Sprint(whole) {
			t.Errorf("%s, in pieces of %d: %+v, whole %+v", name, size, got, whole)
		}
	}
	return whole
}

func TestAStreamOfFramesIsHeldAtTheLastByteOfItsEnd(t *testing.T) {
	tests := []struct {
		name    string
		body    []byte
		late    int // bytes withheld until the settlement
		usage   Usage
		failure string
		ready   bool // before the body's end
	}{
		{"usage behind the end", concat(hello, hello, stopped, metered125), 1 + len(metered125), twelveFive, "", true},
		{"usage before the end", concat(metered125, stopped), 1 + len(stopped), twelveFive, "", true},
		{"frames behind usage", concat(hello, stopped, metered125, hello), 1 + len(metered125) + len(hello), twelveFive, "", true},
		{"frames between", concat(stopped, hello, metered125), 1 + len(hello) + len(metered125), twelveFive, "", true},
		{"no stop", concat(hello, metered125), 1, twelveFive, "", true},
		{"no usage", concat(hello, stopped), 1, Usage{}, "", false},
		{"no end", concat(hello, hello), 0, Usage{}, "", false},
		{"an exception", concat(hello, exceptionFrame("modelStreamErrorException")), 1, Usage{}, "modelStreamErrorException", true},
		{"an exception and more", concat(exceptionFrame("throttlingException"), hello, metered125), 1 + len(hello) + len(metered125), Usage{}, "throttlingException", true},
		{"an exception behind the end", concat(stopped, exceptionFrame("internalServerException")), 1 + len(exceptionFrame("internalServerException")), Usage{}, "internalServerException", true},
		{"an error", concat(hello, awsFrame("", ":message-type", "error", ":error-code", "InternalError", ":error-message", "so sorry")), 1, Usage{}, "InternalError", true},
		{"an exception whose type is no label", awsFrame("{}", ":message-type", "exception", ":exception-type", "so sorry"), 1, Usage{}, "exception", true},
		{"an exception without a type", awsFrame("{}", ":message-type", "exception"), 1, Usage{}, "exception", true},
		{"a type alone is no exception", concat(awsFrame("{}", ":message-type", "event", ":exception-type", "x"), stopped, metered125), 1 + len(metered125), twelveFive, "", true},
		{"frames without headers and payload", concat(awsFrame(""), awsFrame("{}"), stopped, awsFrame(""), metered125), 1 + len(awsFrame("")) + len(metered125), twelveFive, "", true},
		{"nothing", nil, 0, Usage{}, "", false},
		{"an answer in JSON under this type", []byte(`{"usage":{"inputTokens":12,"outputTokens":5}}`), 1, twelveFive, "", true},
	}
	for _, test := range tests {
		got := passes(t, ConverseStream, framesAnswer, test.body, test.name)
		if len(got.late) != test.late || got.usage != test.usage || got.failure != test.failure || got.readyEarly != test.ready {
			t.Errorf("%s: %d withheld, want %d; usage %+v, want %+v; failure %q, want %q; ready %v, want %v",
				test.name, len(got.late), test.late, got.usage, test.usage, got.failure, test.failure, got.readyEarly, test.ready)
		}
	}
}

// damages are ways in which a frame can be broken; what it says must not count.
var damages = []struct {
	name  string
	frame func(sound []byte) []byte
}{
	{"the length", flipped(3)},
	{"the headers' length", flipped(7)},
	{"the prelude's checksum", flipped(8)},
	{"a header's name", flipped(14)},
	{"the payload", flipped(-20)},
	{"the checksum", flipped(-1)},
	{"the prelude's checksum, where the other one fits", func(sound []byte) []byte {
		b := bytes.Clone(sound[:len(sound)-4])
		b[8] ^= 1
		return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	}},
	{"a zero length", func([]byte) []byte { return rawFrame("", "", 0, 0) }},
	{"shorter than a frame", func([]byte) []byte { return rawFrame("", "", 15, 0) }},
	{"longer than any frame", func([]byte) []byte { return rawFrame("", "", maxFrame+1, 0) }},
	{"as long as can be said", func([]byte) []byte { return rawFrame("", "", 1<<32-1, 0) }},
	{"headers longer than the frame", func([]byte) []byte { return rawFrame("", "", 100, 85) }},
	{"headers longer than any", func([]byte) []byte { return rawFrame("", "", 1<<20, maxHeaders+1) }},
	{"a header's name cut off", badHeaders("\x05:mess")},
	{"a header without a type", badHeaders("\x01a")},
	{"a header of no type", badHeaders("\x01a\x0a")},
	{"a header's number cut off", badHeaders("\x01a\x05\x00\x00\x00")},
	{"a header's length cut off", badHeaders("\x01a\x07\x00")},
	{"a header's text cut off", badHeaders("\x01a\x07\x00\x05abcd")},
	{"a header's bytes cut off", badHeaders("\x01a\x06\xff\xff")},
}

// flipped changes one bit; a negative place counts from the end.
func flipped(at int) func([]byte) []byte {
	return func(sound []byte) []byte {
		b := bytes.Clone(sound)
		if at < 0 {
			b[len(b)+at] ^= 1
		} else {
			b[at] ^= 1
		}
		return b
	}
}

func badHeaders(headers string) func([]byte) []byte {
	return func([]byte) []byte {
		return rawFrame(headers, "{}", uint32(16+2+len(headers)), uint32(len(headers)))
	}
}

// A damaged frame ends the reading, never the forwarding: the response then ends with the HTTP message, and what came
// before the damage counts.
func TestBehindADamagedFrameNothingIsRead(t *testing.T) {
	for _, damage := range damages {
		body := concat(hello, damage.frame(metered125), hello, stopped, metered125)
		got := passes(t, ConverseStream, framesAnswer, body, damage.name)
		if got.usage != (Usage{}) || len(got.late) != 1 || !got.ended || got.readyEarly || got.failure != "" {
			t.Errorf("%s: usage %+v, %d withheld, ended %v, ready early %v, failure %q", damage.name, got.usage, len(got.late), got.ended, got.readyEarly, got.failure)
		}

		body = concat(hello, stopped, damage.frame(metered125), metered125)
		got = passes(t, ConverseStream, framesAnswer, body, damage.name+" behind the end")
		if late := len(body) - len(hello) - len(stopped) + 1; got.usage != (Usage{}) || len(got.late) != late || !got.readyEarly {
			t.Errorf("%s behind the end: usage %+v, %d withheld, want %d, ready early %v", damage.name, got.usage, len(got.late), late, got.readyEarly)
		}

		body = concat(stopped, metered125, damage.frame(metered125))
		if got = passes(t, ConverseStream, framesAnswer, body, damage.name+" behind usage"); got.usage != twelveFive {
			t.Errorf("%s behind usage: usage %+v", damage.name, got.usage)
		}

		start := chunkFrame(`{"type":"message_start","message":{"usage":{"input_tokens":12,"output_tokens":1}}}`)
		body = concat(start, damage.frame(metrics125))
		if got = passes(t, InvokeStream, framesAnswer, body, damage.name+" behind the input"); got.usage != (Usage{Input: 12, InputKnown: true}) {
			t.Errorf("%s behind the input: usage %+v", damage.name, got.usage)
		}
	}
}

func TestAStreamThatBreaksOffInAFrameTellsOnlyOfWholeFrames(t *testing.T) {
	body := concat(hello, stopped, metered125)
	for n := 1; n < len(body); n++ {
		got := passes(t, ConverseStream, framesAnswer, body[:n], fmt.Sprintf("%d bytes", n))
		if got.usage != (Usage{}) {
			t.Errorf("%d of %d bytes: usage %+v", n, len(body), got.usage)
		}
		if ended := n >= len(hello)+len(stopped); got.ended != ended {
			t.Errorf("%d of %d bytes: ended %v, want %v", n, len(body), got.ended, ended)
		}
	}
}

// However long a frame is, little of it is kept.
func TestAnEnormousFrameIsReadInConstantMemory(t *testing.T) {
	text := strings.Repeat("x", 1<<20)
	long := map[*API][]byte{
		ConverseStream: concat(
			eventFrame("contentBlockDelta", `{"delta":{"text":"`+text+`"}}`),
			eventFrame("metadata", `{"trace":{"guardrail":{"text":"`+text+`"}},"usage":{"inputTokens":12,"outputTokens":5}}`)),
		InvokeStream: concat(
			chunkFrame(`{"text":"`+text+`"}`),
			chunkFrame(`{"response":{"text":"`+text+`"},"amazon-bedrock-invocationMetrics":{"inputTokenCount":12,"outputTokenCount":5}}`)),
	}
	for api, body := range long {
		m := api.NewMeter(framesAnswer)
		kept, out := 0, 0
		var dst []byte
		for at := 0; at < len(body); at += 4 << 10 {
			dst = m.Feed(dst[:0], body[at:min(at+4<<10, len(body))])
			out += len(dst)
			size := cap(m.frames.text) + cap(m.scan.text) + cap(m.withheld)
			if i, ok := m.read.(*invokeReader); ok {
				size += cap(i.inside.scan.text)
			}
			kept = max(kept, size)
		}
		if kept > 16<<10 {
			t.Errorf("%s: %d bytes kept", api.Name, kept)
		}
		if out += len(m.Release(nil)); out != len(body) {
			t.Errorf("%s: %d bytes passed, want %d", api.Name, out, len(body))
		}
		if _, seen := m.Seen(); m.Usage() != twelveFive || seen != int64(len(text)) {
			t.Errorf("%s: usage %+v, %d bytes of text", api.Name, m.Usage(), seen)
		}
	}
}

func TestFramesOfAStreamCostNoAllocation(t *testing.T) {
	for api, frame := range map[*API][]byte{
		ConverseStream: hello,
		InvokeStream:   chunkFrame(`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Okay"}}`),
	} {
		m := api.NewMeter(framesAnswer)
		dst := make([]byte, 0, 4<<10)
		if n := testing.AllocsPerRun(100, func() { dst = m.Feed(dst[:0], frame) }); n > 0 {
			t.Errorf("%s: %v allocations a frame", api.Name, n)
		}
	}
}

func TestFramesThatComeCompressedAreReadFromACopy(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(concat(hello, stopped, metered125)); err != nil || z.Close() != nil {
		t.Fatal(err)
	}
	r := framesAnswer
	r.ContentEncoding = "gzip"
	if got := passes(t, ConverseStream, r, b.Bytes(), "gzip"); got.usage != twelveFive || len(got.late) != 1 {
		t.Errorf("usage %+v, %d withheld", got.usage, len(got.late))
	}
}

// Other APIs' answers under this type pass as they are.
func TestFramesOfAnotherAPIPass(t *testing.T) {
	body := concat(eventFrame("choices", `{"usage":{"prompt_tokens":12,"completion_tokens":5}}`), exceptionFrame("throttlingException"))
	if got := passes(t, Chat, framesAnswer, body, "chat"); got.usage != (Usage{}) || got.failure != "throttlingException" {
		t.Errorf("usage %+v, failure %q", got.usage, got.failure)
	}
}

// Frames as AWS's encoder writes them, with headers of all types, are read as its decoder reads them.
func TestFramesAreReadAsAWSReadsThem(t *testing.T) {
	kinds := []string{"messageStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "initial-response", ""}
	payloads := []string{
		``, `{}`, `{"usage":{"inputTokens":3,"outputTokens":4}}`, ` { "p" : "x" , "usage" : { "outputTokens" : 7 , "inputTokens" : 6 , "totalTokens":99 } } `,
		`{"usage":null}`, `{"trace":{"usage":{"inputTokens":9,"outputTokens":9}}}`, `{"stopReason":"end_turn"}`, `{"usage":{"inputTokens":1,"outputTokens":2`, "\x00\xff",
	}
	rapid.Check(t, func(t *rapid.T) {
		var body []byte
		for range rapid.IntRange(1, 6).Draw(t, "frames") {
			m := eventstream.Message{Payload: []byte(rapid.SampledFrom(payloads).Draw(t, "payload"))}
			m.Headers = rapid.SliceOfN(rapid.Custom(anyHeader), 0, 4).Draw(t, "headers")
			m.Headers.Set(":event-type", eventstream.StringValue(rapid.SampledFrom(kinds).Draw(t, "event")))
			body = append(body, encoded(m)...)
		}
		want, ended := asAWSReads(t, body)
		size := rapid.IntRange(1, 40).Draw(t, "piece")
		got := meter(ConverseStream, framesAnswer, body, size)
		if got.usage != want || got.ended != ended {
			t.Errorf("usage %+v, want %+v; ended %v, want %v", got.usage, want, got.ended, ended)
		}
		if all := append(got.early, got.late...); !bytes.Equal(all, body) {
			t.Errorf("the client gets other bytes")
		}
	})
}

func anyHeader(t *rapid.T) eventstream.Header {
	var v eventstream.Value
	switch rapid.IntRange(0, 8).Draw(t, "type") {
	case 0:
		v = eventstream.BoolValue(rapid.Bool().Draw(t, "bool"))
	case 1:
		v = eventstream.Int8Value(rapid.Int8().Draw(t, "byte"))
	case 2:
		v = eventstream.Int16Value(rapid.Int16().Draw(t, "short"))
	case 3:
		v = eventstream.Int32Value(rapid.Int32().Draw(t, "integer"))
	case 4:
		v = eventstream.Int64Value(rapid.Int64().Draw(t, "long"))
	case 5:
		v = eventstream.BytesValue(rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "bytes"))
	case 6:
		v = eventstream.StringValue(rapid.StringN(0, 50, 300).Draw(t, "string"))
	case 7:
		v = eventstream.TimestampValue(time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "timestamp")))
	case 8:
		v = eventstream.UUIDValue(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "uuid"))
	}
	return eventstream.Header{Name: rapid.StringMatching(`[a-z-]{1,20}`).Draw(t, "name"), Value: v}
}

// asAWSReads is the usage of the first metadata frame, behind which nothing comes, and whether a frame ends the response.
func asAWSReads(t *rapid.T, body []byte) (u Usage, ended bool) {
	d := eventstream.NewDecoder()
	for r := bytes.NewReader(body); r.Len() > 0; {
		m, err := d.Decode(r, nil)
		if err != nil {
			t.Fatalf("AWS's decoder: %v", err)
		}
		var payload struct {
			Usage *struct{ InputTokens, OutputTokens int64 }
		}
		kind := m.Headers.Get(":event-type").String()
		if json.Unmarshal(m.Payload, &payload) != nil {
			continue
		}
		ended = ended || kind == "metadata" || kind == "messageStop"
		if kind == "metadata" && payload.Usage != nil {
			return Usage{Input: payload.Usage.InputTokens, Output: payload.Usage.OutputTokens, InputKnown: true, OutputKnown: true}, true
		}
		if kind == "metadata" {
			break
		}
	}
	return u, ended
}

func FuzzFrames(f *testing.F) {
	for i, seed := range [][]byte{
		concat(hello, stopped, metered125), concat(hello, exceptionFrame("throttlingException")), metrics125,
		chunkFrame(`{"type":"message_start","message":{"usage":{"input_tokens":12}}}`), rawFrame("", "", 1<<31, 0), flipped(-1)(metered125), {0}, []byte("\n{}"),
	} {
		f.Add(seed, uint64(i))
	}
	f.Fuzz(func(t *testing.T, body []byte, seed uint64) {
		for _, api := range []*API{ConverseStream, InvokeStream, Chat} {
			samePassage(t, api, body, seed)
		}
	})
}

// FuzzFramePayload makes sound frames of what is in them.
func FuzzFramePayload(f *testing.F) {
	f.Add("metadata", []byte(`{"usage":{"inputTokens":12,"outputTokens":5}}`), uint64(1))
	f.Add("messageStop", []byte(`{"stopReason":"x"}`), uint64(2))
	f.Add("chunk", []byte(`{"b\u0079tes":"e30\u003d","p":"a"}`), uint64(3))
	f.Add("chunk", []byte(`{"bytes":"eyJhbWF6b24tYmVkcm9jay1pbnZvY2F0aW9uTWV0cmljcyI6eyJpbnB1dFRva2VuQ291bnQiOjF9fQ==","bytes":{}}`), uint64(4))
	f.Fuzz(func(t *testing.T, kind string, payload []byte, seed uint64) {
		frame := awsFrame(string(payload), ":message-type", "event", ":event-type", kind[:min(len(kind), 1<<15)])
		for _, api := range []*API{ConverseStream, InvokeStream} {
			samePassage(t, api, concat(frame, hello, frame), seed)
		}
	})
}

// samePassage checks what holds of any body: it passes, and where it is cut doesn't matter.
func samePassage(t *testing.T, api *API, body []byte, seed uint64) {
	t.Helper()
	whole := passed(api, framesAnswer, body)
	parts := passed(api, framesAnswer, split(body, seed)...)
	if fmt.Sprint(whole) != fmt.Sprint(parts) {
		t.Errorf("%s\nwhole %+v\nsplit %+v", api.Name, whole, parts)
	}
	if whole.early+whole.late != string(body) {
		t.Errorf("%s: %q became %q", api.Name, body, whole.early+whole.late)
	}
	if u := whole.usage; u.Input < 0 || u.Output < 0 || u.CachedInput+u.CacheWriteInput > u.Input || u.ReasoningOutput > u.Output {
		t.Errorf("%s: usage %+v", api.Name, u)
	}
}
