package provider

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestIBMKeyIsExchanged(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	s := &tokenServer{life: time.Hour, ends: map[string]time.Time{}}
	server := httptest.NewServer(s)
	defer server.Close()
	use := func(key string) error {
		p := newProvider(t, Settings{Name: "watsonx", Region: "eu-de", Key: key}, &Row{Name: "watsonx", Auth: IBMAuth, Origin: "https://{region}.ml.cloud.ibm.com"})
		held := p.credential.(*tokens)
		if held.exchange != (ibmKey{ibmTokens, key}) {
			t.Errorf("exchanged by %+v", held.exchange)
		}
		held.exchange = ibmKey{server.URL, key}
		_, err := request(p, s, 0)
		return err
	}
	if err := use("ibm-key"); err != nil {
		t.Error(err)
	}
	if err := use("other"); err == nil || !strings.Contains(err.Error(), `providers.watsonx.api_key: no token: `+server.URL+` answered 400: "invalid_grant key`) {
		t.Errorf("got %v", err)
	}
}

func TestWhatATokenServerMaySay(t *testing.T) {
	for answer, want := range map[string]string{
		"400 " + `{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}`: `answered 400: "BXNIM0415E Provided API key could not be found."`,
		"502 " + `<html>bad gateway</html>`:                      `answered 502: ""`,
		"307 " + `moved`:                                         `answered 307: ""`,
		"400 " + `{"error":"` + strings.Repeat("x ", 500) + `"}`: `answered 400: "` + strings.Repeat("x ", 100) + `"`,
		// What repeats the key, as a page of errors may, is no reason.
		"401 " + `{"errorMessage":"no such key: ` + strings.Repeat("k", 44) + ` at all"}`: `answered 401: "no such key: … at all"`,
		"200 " + `{"access_token":"t","expires_in":0}`:                                    "no access_token, or no expires_in",
		"200 " + `{"access_token":"","expires_in":60}`:                                    "no access_token, or no expires_in",
		"200 " + `{"access_token":"t"`:                                                    "unexpected",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			status, body := 0, ""
			fmt.Sscanf(answer, "%d", &status)
			_, body, _ = strings.Cut(answer, " ")
			w.Header().Set("Location", "http://elsewhere.test")
			w.WriteHeader(status)
			w.Write([]byte(body))
		}))
		for _, e := range []exchange{ibmKey{server.URL, "ibm-key"}, serviceAccount{readFile(t, keyFile(t, server.URL, nil))}} {
			_, err := newTokens(e, "providers.x.api_key", nil).token(context.Background())
			if err == nil || !strings.Contains(err.Error(), want) || len(err.Error()) > 400 {
				t.Errorf("%T, %s: got %v", e, answer, err)
			}
		}
		server.Close()
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestKeyFilesThatAreNone(t *testing.T) {
	write := func(content string) string {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, file := range map[string]string{
		"missing":       "testdata/none.json",
		"a folder":      t.TempDir(),
		"empty":         write(""),
		"not JSON":      write("-----BEGIN PRIVATE KEY-----"),
		"a user's":      keyFile(t, "http://t", map[string]string{"type": "authorized_user"}),
		"another kind":  keyFile(t, "http://t", map[string]string{"type": "external_account"}),
		"without a key": keyFile(t, "http://t", map[string]string{"private_key": ""}),
		"a broken key":  keyFile(t, "http://t", map[string]string{"private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}),
	} {
		_, err := vertexRow.with(Settings{Name: "v", Region: "r", CredentialsFile: file})
		if err == nil || !strings.HasPrefix(err.Error(), "providers.v.credentials_file: ") || strings.Contains(err.Error(), "PRIVATE KEY") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestProjectIsPinned(t *testing.T) {
	file := keyFile(t, "http://t", nil)
	for want, s := range map[string]Settings{
		"acme-prod": {CredentialsFile: file},
		"other":     {CredentialsFile: file, Project: "other"},
		"mine":      {Key: "k", Project: "mine"},
		"":          {Key: "k"},
	} {
		s.Name, s.Region = "vertex", "r"
		if got := newProvider(t, s, vertexRow).table.project; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
