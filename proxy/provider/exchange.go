package provider

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// googleScope lets a token call Vertex: docs.cloud.google.com/vertex-ai/docs/authentication, 2026-11.
const googleScope = "https://www.googleapis.com/auth/cloud-platform"

// serviceAccount is the content of a service account's key file.
type serviceAccount struct{ file string }

// newServiceAccount reads the key file.
func newServiceAccount(s Settings, setting string) (*tokens, error) {
	content, err := os.ReadFile(s.CredentialsFile)
	if err != nil {
		return nil, &Unusable{s.Name, "credentials_file", err}
	}
	// This reads the private key too, which JWTConfigFromJSON leaves for the first request.
	if _, err := google.JWTAccessTokenSourceWithScope(content, googleScope); err != nil {
		return nil, &Unusable{s.Name, "credentials_file", fmt.Errorf("is no service account's key: %s", strings.TrimPrefix(err.Error(), "google: "))}
	}
	return newTokens(serviceAccount{string(content)}, setting, s.Log), nil
}

// projectOf is the project that a service account belongs to; "" for any other credential.
func projectOf(c credential) string {
	t, _ := c.(*tokens)
	if t == nil {
		return ""
	}
	account, _ := t.exchange.(serviceAccount)
	var file struct {
		ProjectID string `json:"project_id"`
	}
	_ = json.Unmarshal([]byte(account.file), &file) // it was read as JSON before
	return file.ProjectID
}

func (a serviceAccount) fetch(client *http.Client) (*oauth2.Token, error) {
	c, err := google.JWTConfigFromJSON([]byte(a.file), googleScope)
	if err != nil {
		return nil, err
	}
	got, err := c.TokenSource(context.WithValue(context.Background(), oauth2.HTTPClient, client)).Token()
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		return nil, refusedExchange(c.TokenURL, refused.Response.StatusCode, refused.Body)
	}
	if err != nil {
		return nil, err
	}
	return lasting(got)
}

// ibmTokens exchanges IBM Cloud's keys: cloud.ibm.com/apidocs/iam-identity-token-api, 2026-11.
const ibmTokens = "https://iam.cloud.ibm.com/identity/token"

// ibmKey is a key of IBM Cloud, and where it is exchanged.
type ibmKey struct{ endpoint, key string }

func (k ibmKey) fetch(client *http.Client) (*oauth2.Token, error) {
	res, err := client.PostForm(k.endpoint, url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {k.key}})
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", k.endpoint, err)
	}
	if res.StatusCode != http.StatusOK {
		return nil, refusedExchange(k.endpoint, res.StatusCode, body)
	}
	var got oauth2.Token
	if err := json.Unmarshal(body, &got); err != nil {
		return nil, fmt.Errorf("read %s: %w", k.endpoint, err)
	}
	got.Expiry = time.Now().Add(time.Duration(got.ExpiresIn) * time.Second)
	return lasting(&got)
}

// lasting refuses an answer that is none.
func lasting(t *oauth2.Token) (*oauth2.Token, error) {
	if t.AccessToken == "" || time.Until(t.Expiry) <= 0 {
		return nil, errors.New("the token server's answer has no access_token, or no expires_in")
	}
	return t, nil
}

// longestWord is longer than any word that explains something, and shorter than any credential.
const longestWord = 32

// refusedExchange tells the reason in the words of the token server, Google's or IBM's, but for what may repeat a credential.
func refusedExchange(endpoint string, status int, body []byte) error {
	var said struct {
		Error        string
		Description  string `json:"error_description"`
		ErrorCode    string
		ErrorMessage string
	}
	_ = json.Unmarshal(body, &said) // a page instead of JSON gives no reason
	words := strings.Fields(cmp.Or(said.Error, said.ErrorCode) + " " + cmp.Or(said.Description, said.ErrorMessage))
	for i, word := range words {
		if len(word) > longestWord {
			words[i] = "…"
		}
	}
	reason := strings.Join(words, " ")
	return fmt.Errorf("%s answered %d: %.200q", endpoint, status, reason)
}
