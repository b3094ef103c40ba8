package accounting

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// filled sets every field to a value of its own, so that a field which the record forgets shows.
func filled(v reflect.Value, n *int64) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			*n++
			v.Set(reflect.ValueOf(time.Date(2026, 11, 24, 23, 59, 59, int(*n), time.UTC)))
			return
		}
		for i := range v.NumField() {
			filled(v.Field(i), n)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(v.Elem(), n)
	case reflect.String:
		*n++
		v.SetString(strings.Repeat(string(rune('a'+*n%26)), int(*n)))
	case reflect.Int, reflect.Int64:
		*n++
		v.SetInt(*n << 40)
	case reflect.Bool:
		v.SetBool(true)
	default:
		panic("BUG: no value for " + v.Type().String())
	}
}

func TestRecordKeepsEveryField(t *testing.T) {
	var full Settlement
	filled(reflect.ValueOf(&full).Elem(), new(int64))
	negative := Settlement{Event: Event{Tokens: Tokens{Input: -1}, Charged: Charged{Total: -1 << 63}, FirstTokenMS: new(int64)}}
	for name, want := range map[string]Settlement{"full": full, "empty": {}, "negative": negative} {
		got, err := decodeRecord(encodeRecord(&want))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// A journal outlives an upgrade: these bytes were written by version 1 and must stay readable.
func TestRecordOfVersion1IsRead(t *testing.T) {
	const version1 = "014830313939663063312d376133622d376330302d383030302d3030303030303030303030310861636d650a6b65795f31086368617406626f7406752d370c6f70656e616920636861742e636f6d706c6574696f6e73226770742d346f2d323032342d30382d30360c6770742d346f12636f6d706c657465641070726f76696465724034626639326633353737623334646136613363653932396430653065343733364830313939663063312d303030302d373030302d383030302d303030303030303030303030e012b205801000800192189218000000ce49900302aab4b29ebbd8fcea318080d0bccfafe1e33102a803521e8d0d"
	b, err := hex.DecodeString(version1)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decodeRecord(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(example(), got); d != "" {
		t.Error(d)
	}
	if e := example(); !bytes.Equal(encodeRecord(&e), b) {
		t.Errorf("it is written differently now, which takes a new version: %x", encodeRecord(&e))
	}
}

func example() Settlement {
	first := int64(212)
	return Settlement{
		Event: Event{
			ID: "0199f0c1-7a3b-7c00-8000-000000000001", Account: "acme", Key: "key_1", Activity: "chat", Chatbot: "bot", User: "u-7",
			Provider: "openai", API: "chat.completions", Model: "gpt-4o-2024-08-06", RequestedModel: "gpt-4o", Stream: true,
			Status: 200, Outcome: Completed, Measured: ByProvider,
			Tokens:  Tokens{Input: 1200, Output: 345, CachedInput: 1024, ReasoningOutput: 64, Total: 1545},
			Charged: Charged{Total: 1545}, StartedAt: time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.UTC), FirstTokenMS: &first,
			DurationMS: 4711, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
		},
		PeriodStart: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Epoch: "0199f0c1-0000-7000-8000-000000000000",
	}
}

func TestDamagedRecordIsRefused(t *testing.T) {
	s := example()
	whole := encodeRecord(&s)
	for n := range len(whole) {
		if _, err := decodeRecord(whole[:n]); err == nil {
			t.Errorf("read from its first %d bytes", n)
		}
		for bit := range 8 {
			damaged := bytes.Clone(whole)
			damaged[n] ^= 1 << bit
			if _, err := decodeRecord(damaged); err == nil {
				t.Errorf("read with bit %d of byte %d flipped", bit, n)
			}
		}
	}
}

// What can be read is written back the same, whatever the bytes.
func FuzzRecord(f *testing.F) {
	s := example()
	whole := encodeRecord(&s)
	f.Add(whole[1 : len(whole)-4])
	f.Add([]byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40))
	f.Fuzz(func(t *testing.T, fields []byte) {
		r := record{bytes: fields, text: string(fields), reading: true}
		var s Settlement
		if r.settlement(&s); r.failed {
			return
		}
		again, err := decodeRecord(encodeRecord(&s))
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		if !reflect.DeepEqual(again, s) {
			t.Errorf("%+v came back as %+v", s, again)
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	s := example()
	whole := encodeRecord(&s)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeRecord(&s)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodeRecord(whole)
		}
	})
}
