package dialect

import (
	"slices"
	"strings"
	"testing"
)

// A model that is allowed doesn't let another one in with it.
func TestOtherModelsOfARequestAreTold(t *testing.T) {
	for body, want := range map[string][]string{
		`{"model":"a","models":["b","c"]}`:                     {"b", "c"},
		`{"model":"a","models":"b"}`:                           {"b"},
		`{"models":["b",null,3,{"x":"y"}]}`:                    {"b"},
		`{"fallbacks":["b",{"model":"c"}]}`:                    {"b", "c"},
		`{"tools":[{"type":"x","model":"b"},{"type":"y"}]}`:    {"b"},
		`{"model":"a","models":[],"fallbacks":null}`:           nil,
		`{"messages":[{"models":["b"]}],"x":{"models":["b"]}}`: nil,
		`{"\u006dodels":["\u0062"]}`:                           {"b"},
	} {
		for _, api := range []*API{Chat, ChatOfMaxTokens, Completions, Responses, Messages, Embeddings} {
			got, err := api.ReadRequest(Head{}, []byte(body))
			if err != nil || !slices.Equal(got.Others, want) {
				t.Errorf("%s of %s: %q, %v, want %q", api.Name, body, got.Others, err, want)
			}
			if want != nil && got.Unbounded == "" {
				t.Errorf("%s of %s is bounded", api.Name, body)
			}
		}
	}
	const groq = `{"model":"groq/compound","compound_custom":{"models":{"answering_model":"b","reasoning_model":"c"}}}`
	if got, err := Chat.ReadRequest(Head{}, []byte(groq)); err != nil || !slices.Equal(got.Others, []string{"b", "c"}) {
		t.Errorf("%s: %q, %v", groq, got.Others, err)
	}
	for _, body := range []string{`{"generationConfig":{"routingConfig":{"manualMode":{"modelName":"b"}}}}`, `{"generation_config":{"routing_config":{"manual_mode":{"model_name":"b"}}}}`} {
		if got, err := GenerateContent.ReadRequest(Head{Model: "a"}, []byte(body)); err != nil || !slices.Equal(got.Others, []string{"b"}) {
			t.Errorf("%s: %q, %v", body, got.Others, err)
		}
	}
	for _, body := range []string{
		`{"models":["b"],"models":["c"]}`, `{"Models":["b"]}`,
		`{"models":[` + strings.Repeat(`"b",`, maxOthers) + `"b"]}`,
	} {
		if got, err := Chat.ReadRequest(Head{}, []byte(body)); err == nil {
			t.Errorf("%s is read, with %q", body, got.Others)
		}
	}
}

// Names of models go into events, and not every database takes every text.
func TestNamesOfModelsAreText(t *testing.T) {
	for _, name := range []string{`a\u0000b`, `a\nb`, `\u007f`, `\u0085`} {
		if got, err := Chat.ReadRequest(Head{}, []byte(`{"model":"`+name+`"}`)); err == nil {
			t.Errorf("%s is read as %q", name, got.Model)
		}
		contentType, body := form("model", strings.NewReplacer(`\u0000`, "\x00", `\n`, "\n", `\u007f`, "\x7f", `\u0085`, "\u0085").Replace(name))
		if got, err := Transcriptions.ReadRequest(Head{ContentType: contentType}, body); err == nil {
			t.Errorf("%s in a form is read as %q", name, got.Model)
		}
	}
	for name, want := range map[string]string{
		"org/model:free@1": "org/model:free@1", `mod\u00e8le`: "modèle", `a\u0000b`: "", "a\xffb": "", "a\x00b": "", `a\nb`: "", "\xc0\xaf": "",
	} {
		got := meter(Chat, Response{Status: 200, ContentType: "application/json"}, []byte(`{"model":"`+name+`"}`), 0)
		if got.model != want {
			t.Errorf("an answer's model %q: %q, want %q", name, got.model, want)
		}
	}
}

// The scanner remembers which of 64 members came: more of them would come twice unseen.
func TestNoTreeReadsMoreMembersThanAreRemembered(t *testing.T) {
	for _, api := range append(allAPIs, Images, ImageEdits, Transcriptions, OCR, Rerank) {
		var walk func(n *node)
		walk = func(n *node) {
			for at, kid := range n.kids {
				if n.exact && kid.id != 0 && at >= 64 {
					t.Errorf("%s: %s is the member %d", api.Name, kid.key, at)
				}
				walk(kid)
			}
			if n.elem != nil {
				walk(n.elem)
			}
		}
		walk(api.format.request)
	}
}
