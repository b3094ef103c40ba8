package provider

import (
	"net/http"
	"slices"
	"strings"
)

// Auth is how a provider wants its key.
type Auth uint8

const (
	Bearer      Auth = iota // Authorization: Bearer
	OptionalKey             // bearer where there is a key; a server of the operator's own mostly wants none
	XAPIKey                 // x-api-key
	XGoogKey                // x-goog-api-key
	APIKey                  // api-key
	AWS                     // bearer, or a signature
	GoogleAuth              // a service account's token, or x-goog-api-key
	IBMAuth                 // a token that the key is exchanged for
)

// credential proves to a provider who asks. It comes last: what a signature covers must not change after it.
type credential interface {
	// authorize completes a request whose body is body. An error means that the request must not be sent.
	authorize(out *http.Request, body []byte) error
}

// keyHeader is a key in the header that the provider reads.
type keyHeader struct{ name, value string }

func (k keyHeader) authorize(out *http.Request, _ []byte) error {
	out.Header[k.name] = []string{k.value}
	return nil
}

func bearer(key string) keyHeader { return keyHeader{"Authorization", "Bearer " + key} }

// newCredential chooses among the settings; nil: there are none. A key with base_url goes to that address alone, as
// it is: no other host is asked to exchange it.
func newCredential(s Settings, row *Row) (credential, error) {
	elsewhere := s.BaseURL != ""
	switch {
	case row.Auth == AWS && s.AWSKeyID != "":
		return newSignature(s, row.Name)
	case row.Auth == GoogleAuth && s.CredentialsFile != "":
		return newServiceAccount(s, credentialSetting(s, row))
	case s.Key == "":
		return nil, nil
	case row.Auth == XAPIKey:
		return keyHeader{"X-Api-Key", s.Key}, nil
	case row.Auth == XGoogKey, row.Auth == GoogleAuth && !elsewhere:
		return keyHeader{"X-Goog-Api-Key", s.Key}, nil
	case row.Auth == APIKey:
		return keyHeader{"Api-Key", s.Key}, nil
	case row.Auth == IBMAuth && !elsewhere:
		return newTokens(ibmKey{ibmTokens, s.Key}, credentialSetting(s, row), s.Log), nil
	}
	return bearer(s.Key), nil
}

// credentialSetting is what of the file holds the credential, or would have to.
func credentialSetting(s Settings, row *Row) string {
	name := "api_key"
	switch {
	case row.Auth == AWS && s.AWSKeyID != "":
		name = "aws_access_key_id"
	case row.Auth == GoogleAuth && (s.CredentialsFile != "" || s.Key == ""):
		name = "credentials_file"
	}
	return "providers." + s.Name + "." + name
}

// Inherit takes over the token that an earlier provider holds for the same credentials, so that new settings make no
// request wait for one.
func (p *Provider) Inherit(earlier *Provider) {
	mine, _ := p.credential.(*tokens)
	theirs, _ := earlier.credential.(*tokens)
	if mine != nil && theirs != nil && mine.exchange == theirs.exchange {
		p.credential = theirs
	}
}

// awsRefusals are the errors with which AWS answers 403 where others answer 401:
// docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html, 2026-11.
var awsRefusals = []string{
	"UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "SignatureDoesNotMatch",
	"IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
	"ExpiredToken", "ExpiredTokenException", "RequestExpired", "NotAuthorized",
}

// RejectsCredentials says whether an answer means that the operator's credentials were refused.
func (p *Provider) RejectsCredentials(res *http.Response) bool {
	if p.Auth == AWS && res.StatusCode == http.StatusForbidden {
		kind, _, _ := strings.Cut(res.Header.Get("X-Amzn-Errortype"), ":")
		return slices.Contains(awsRefusals, kind)
	}
	return res.StatusCode == http.StatusUnauthorized
}
