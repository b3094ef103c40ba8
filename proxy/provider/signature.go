package provider

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signature signs requests for AWS (SigV4).
type signature struct {
	signer          *v4.Signer
	credentials     aws.Credentials
	service, region string
}

// newSignature signs for a row of AWS's; the service that it signs for is called like the row, bedrock or
// bedrock-mantle. The region is a part of the signature: the file's, else the one in base_url.
func newSignature(s Settings, service string) (*signature, error) {
	region := cmp.Or(s.Region, regionOf(s.BaseURL))
	if region == "" {
		return nil, &Unusable{s.Name, "region", errors.New("is needed to sign requests, as base_url names none")}
	}
	return &signature{
		signer:      v4.NewSigner(),
		credentials: aws.Credentials{AccessKeyID: s.AWSKeyID, SecretAccessKey: s.AWSSecret, SessionToken: s.AWSSession},
		service:     service, region: region,
	}, nil
}

var awsRegion = regexp.MustCompile(`^[a-z]{2,3}(-[a-z]+)+-[0-9]+$`)

// regionOf finds the region among the labels of a host like bedrock-runtime.eu-central-1.amazonaws.com, which stands
// elsewhere in those of private endpoints; "" where there is none.
func regionOf(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return ""
	}
	for label := range strings.SplitSeq(u.Hostname(), ".") {
		if awsRegion.MatchString(label) {
			return label
		}
	}
	return ""
}

// authorize signs what no proxy on the way changes: method, path, query, host, AWS's own headers, and the body with its
// length and type.
func (s *signature) authorize(out *http.Request, body []byte) error {
	u := *out.URL
	signed := &http.Request{Method: out.Method, URL: &u, Host: out.Host, Header: http.Header{}, ContentLength: int64(len(body))}
	for name, values := range out.Header {
		switch {
		case ofClientSignature(name):
			delete(out.Header, name)
		case name == "Content-Type", strings.HasPrefix(name, "X-Amz-"):
			signed.Header[name] = values
		}
	}
	sum := sha256.Sum256(body)
	err := s.signer.SignHTTP(out.Context(), s.credentials, signed, hex.EncodeToString(sum[:]), s.service, s.region, time.Now())
	if err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	for name, values := range signed.Header {
		out.Header[name] = values
	}
	out.Host = signed.Host // without a port that goes without saying
	return nil
}

// ofClientSignature says whether a header belongs to a client's own signature or its retries.
func ofClientSignature(name string) bool {
	switch name {
	case "Authorization", "X-Amz-Date", "X-Amz-Security-Token", "X-Amz-Content-Sha256":
		return true
	}
	return strings.HasPrefix(name, "Amz-Sdk-")
}
