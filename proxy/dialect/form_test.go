package dialect

import (
	"runtime"
	"strings"
	"testing"
)

const formType = "multipart/form-data; boundary=B"

// rawForm is a form of parts that are written out, each with its headers.
func rawForm(parts ...string) string {
	return "--B\r\n" + strings.Join(parts, "\r\n--B\r\n") + "\r\n--B--\r\n"
}

func fieldPart(params, text string) string {
	return "Content-Disposition: form-data; " + params + "\r\n\r\n" + text
}

// Clients write forms in more ways than one, and all servers agree on what these say.
func TestFormsOfManyClientsAreRead(t *testing.T) {
	const file = "\x00\r\n--Bike\xff"
	for name, c := range map[string]struct{ contentType, body string }{
		"Go":             {formType, rawForm(fieldPart(`name="model"`, "cheap"), "Content-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\nContent-Type: application/octet-stream\r\n\r\nRIFF")},
		"quoted":         {`multipart/form-data; boundary="B"`, rawForm(fieldPart(`name="model"`, "cheap"))},
		"capitals":       {"Multipart/Form-Data; Boundary=B", rawForm("CONTENT-DISPOSITION: FORM-DATA; NAME=\"model\"\r\n\r\ncheap")},
		"bare names":     {formType, rawForm(fieldPart(`name=model`, "cheap"), fieldPart(`name=file; filename=a.wav; filename*=utf-8''a.wav`, "RIFF"))},
		"Java":           {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\nContent-Length: 5\r\n\r\ncheap")},
		"charset":        {"multipart/form-data; charset=UTF-8; boundary=B", rawForm(fieldPart(`name="model"`, "cheap"))},
		"odd names":      {formType, rawForm(fieldPart(`name="timestamp_granularities[]"`, "word"), fieldPart(`name="model"`, "cheap"), fieldPart(`name="file"; filename="a; name=x.wav"`, "RIFF"))},
		"no last break":  {formType, strings.TrimSuffix(rawForm(fieldPart(`name="model"`, "cheap")), "\r\n")},
		"blank lines":    {formType, rawForm(fieldPart(`name="model"`, "cheap")) + "\r\n"},
		"empty file":     {formType, rawForm(fieldPart(`name="file"; filename=""`, ""), fieldPart(`name="model"`, "cheap"))},
		"boundary alike": {formType, rawForm(fieldPart(`name="file"; filename="a"`, strings.ReplaceAll(file, "--Bike", "-- B")), fieldPart(`name="model"`, "cheap"))},
	} {
		got, err := Transcriptions.ReadRequest(Head{ContentType: c.contentType}, []byte(c.body))
		if err != nil || got.Model != "cheap" {
			t.Errorf("%s: model %q, %v", name, got.Model, err)
		}
	}
}

// formTricks are forms of which one reader takes "cheap" for the model and another "dear".
var formTricks = map[string]struct{ contentType, body string }{
	"two boundaries":              {"multipart/form-data; boundary=A; boundary=B", rawForm(fieldPart(`name="model"`, "cheap"))},
	"two boundaries by extension": {"multipart/form-data; boundary=A; boundary*=utf-8''B", rawForm(fieldPart(`name="model"`, "cheap"))},
	"boundary in pieces":          {"multipart/form-data; boundary*0=B", rawForm(fieldPart(`name="model"`, "cheap"))},
	"escaped boundary":            {`multipart/form-data; boundary="\B"`, rawForm(fieldPart(`name="model"`, "cheap"))},
	"empty boundary":              {`multipart/form-data; boundary=""`, "--\r\n" + fieldPart(`name="model"`, "cheap") + "\r\n----\r\n"},
	"boundary of 71 letters":      {"multipart/form-data; boundary=" + strings.Repeat("B", 71), strings.ReplaceAll(rawForm(fieldPart(`name="model"`, "cheap")), "B", strings.Repeat("B", 71))},

	"preamble":             {formType, fieldPart(`name="model"`, "dear") + "\r\n" + rawForm(fieldPart(`name="model"`, "cheap"))},
	"epilogue":             {formType, rawForm(fieldPart(`name="model"`, "cheap")) + rawForm(fieldPart(`name="model"`, "dear"))},
	"no last boundary":     {formType, strings.TrimSuffix(rawForm(fieldPart(`name="model"`, "cheap")), "\r\n--B--\r\n")},
	"last boundary cut":    {formType, strings.TrimSuffix(rawForm(fieldPart(`name="model"`, "cheap")), "-\r\n")},
	"line feeds":           {formType, strings.ReplaceAll(rawForm(fieldPart(`name="model"`, "cheap")), "\r\n", "\n")},
	"line feeds inside":    {formType, rawForm("Content-Disposition: form-data; name=\"x\"\n\ncheap", fieldPart(`name="model"`, "cheap"))},
	"space behind":         {formType, strings.Replace(rawForm(fieldPart(`name="x"`, "y"), fieldPart(`name="model"`, "cheap")), "--B\r\n", "--B \r\n", 1)},
	"boundary and more":    {formType, rawForm(fieldPart(`name="model"`, "cheap\r\n--Bx\r\n"+fieldPart(`name="model"`, "dear")))},
	"nested form":          {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: multipart/mixed; boundary=C\r\nContent-Transfer-Encoding: base64\r\n\r\nY2hlYXA=")},
	"quoted-printable":     {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nche=61p")},
	"another encoding":     {formType, rawForm("Content-Disposition: form-data; name=\"x\"\r\nContent-Transfer-Encoding: base64\r\n\r\nY2hlYXA=", fieldPart(`name="model"`, "cheap"))},
	"another charset":      {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-16\r\n\r\ncheap")},
	"charset of the whole": {"multipart/form-data; boundary=B; charset=utf-7", rawForm(fieldPart(`name="model"`, "cheap"))},
	"two charsets":         {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\nContent-Type: text/plain; charset=utf-7\r\nContent-Type: text/plain\r\n\r\ncheap")},
	"folded header":        {formType, rawForm("Content-Disposition: form-data;\r\n name=\"model\"\r\n\r\ncheap")},
	"folded to a file":     {formType, rawForm("Content-Disposition: form-data; name=\"model\"\r\n\t; filename=\"f\"\r\n\r\ndear", fieldPart(`name="model"`, "cheap"))},
	"space before a colon": {formType, rawForm("Content-Disposition : form-data; name=\"model\"\r\n\r\ncheap")},
	"no header":            {formType, rawForm("\r\ncheap")},
	"no headers' end":      {formType, rawForm(`Content-Disposition: form-data; name="model"`)},

	"twice":            {formType, rawForm(fieldPart(`name="model"`, "cheap"), fieldPart(`name="model"`, "dear"))},
	"as a file":        {formType, rawForm(fieldPart(`name="model"; filename="a"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"as a file last":   {formType, rawForm(fieldPart(`name="model"`, "cheap"), fieldPart(`name="model"; filename="a"`, "dear"))},
	"as an empty file": {formType, rawForm(fieldPart(`name="model"; filename=""`, "dear"))},
	"as a file by extension": {formType, rawForm(fieldPart(`name="model"; filename*=utf-8''a`, "dear"),
		fieldPart(`name="model"`, "cheap"))},
	"name by extension":    {formType, rawForm(fieldPart(`name="model"; name*=utf-8''x`, "dear"), fieldPart(`name="x"; name*=utf-8''model`, "cheap"))},
	"name in pieces":       {formType, rawForm(fieldPart(`name*0="mod"; name*1="el"`, "cheap"))},
	"two names":            {formType, rawForm(fieldPart(`name="x"; name="model"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"two dispositions":     {formType, rawForm("Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndear")},
	"a nameless one first": {formType, rawForm("Content-Disposition: form-data\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ndear")},
	"escaped name":         {formType, rawForm(fieldPart(`name="mod\el"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"escaped quote":        {formType, rawForm(fieldPart(`name="x\"; name="model"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"name in capitals":     {formType, rawForm(fieldPart(`name="Model"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"name with a space":    {formType, rawForm(fieldPart(`name="model "`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"name of a list":       {formType, rawForm(fieldPart(`name="model[]"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"name in percents":     {formType, rawForm(fieldPart(`name="%6dodel"`, "dear"), fieldPart(`name="model"`, "cheap"))},
	"text behind the name": {formType, rawForm(fieldPart(`name="x"model; filename="a"`, "dear"))},
	"another disposition":  {formType, rawForm("Content-Disposition: attachment; name=\"model\"\r\n\r\ndear", fieldPart(`name="model"`, "cheap"))},
	"another parameter":    {formType, rawForm(fieldPart(`name="model"; size=5`, "cheap"))},
	"stream twice":         {formType, rawForm(fieldPart(`name="stream"`, "false"), fieldPart(`name="stream"`, "true"))},
}

func TestFormsThatReadersDisagreeOnAreRefused(t *testing.T) {
	for name, trick := range formTricks {
		got, err := Transcriptions.ReadRequest(Head{ContentType: trick.contentType}, []byte(trick.body))
		if err == nil {
			t.Errorf("%s: read, with the model %q", name, got.Model)
		}
	}
}

// In UTF-7, +ACI- is a quote: a server that decodes what the header says reads another request.
func TestJSONInAnotherCharacterSetIsRefused(t *testing.T) {
	const body = `{"model":"cheap","x":"+ACI-,+ACI-model+ACI-:+ACI-dear"}`
	for contentType, ok := range map[string]bool{
		"": true, "application/json": true, "application/json; charset=utf-8": true, `application/json;charset="UTF-8"`: true, "text/plain; charset = us-ascii": true,
		"application/json; charset=utf-7": false, `application/json; charset="utf-16"`: false, "application/json; Charset=IBM037": false,
		"application/json; charset=utf-8; charset=utf-7": false, "application/json; charset*=utf-7": false, "application/json; charset*0=ut; charset*1=f-7": false,
		"application/json; charset='utf-7'": false, "application/json; charset=": false,
	} {
		if got, err := Chat.ReadRequest(Head{ContentType: contentType}, []byte(body)); (err == nil) != ok {
			t.Errorf("%q: model %q, %v", contentType, got.Model, err)
		}
	}
}

func TestFormWithTooManyParts(t *testing.T) {
	parts := make([]string, maxParts)
	for i := range parts {
		parts[i] = fieldPart(`name="x"`, "y")
	}
	if _, err := Transcriptions.ReadRequest(Head{ContentType: formType}, []byte(rawForm(parts...))); err != nil {
		t.Errorf("%d parts: %v", maxParts, err)
	}
	if _, err := Transcriptions.ReadRequest(Head{ContentType: formType}, []byte(rawForm(append(parts, parts[0])...))); err == nil {
		t.Errorf("%d parts are read", maxParts+1)
	}
}

// A file is not copied.
func TestReadFormKeepsNoFile(t *testing.T) {
	contentType, body := form("@file", strings.Repeat("x", 8<<20), "model", "whisper-1")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := Transcriptions.ReadRequest(Head{ContentType: contentType}, body); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	n := after.TotalAlloc - before.TotalAlloc
	if n > 64<<10 {
		t.Errorf("%d bytes allocated for a form of 8 MiB", n)
	}
}
