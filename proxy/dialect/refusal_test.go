package dialect

import "testing"

func TestRefusalOpenAI(t *testing.T) {
	tests := []struct {
		refusal Refusal
		want    string
	}{
		{Refusal{Status: 404, Code: "unmetered_endpoint", Message: `no such path: "/v1/<files>"`},
			`{"error":{"message":"no such path: \"/v1/<files>\"","type":"unmetered_endpoint","param":null,"code":"unmetered_endpoint"}}`},
		{Refusal{Status: 402, Code: "insufficient_quota", Message: "both pools are empty", Quota: &Quota{Used: 10, Total: 10, Extra: 0, ResetAt: "2026-12-01T00:00:00Z"}},
			`{"error":{"message":"both pools are empty","type":"insufficient_quota","param":null,"code":"insufficient_quota","used":10,"total":10,"extra":0,"reset_at":"2026-12-01T00:00:00Z"}}`},
	}
	for _, test := range tests {
		if got, _ := OpenAIShape(test.refusal); string(got) != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
