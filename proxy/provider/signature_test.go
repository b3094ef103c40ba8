package provider

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// verify checks a request as it came over the wire by the description of SigV4 alone
// (docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html), as every service but S3 does:
// the path, encoded as it was sent, is encoded once more.
func verify(r *http.Request, body []byte, secret string) error {
	algorithm, rest, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	fields := map[string]string{}
	for f := range strings.SplitSeq(rest, ", ") {
		name, value, _ := strings.Cut(f, "=")
		fields[name] = value
	}
	_, scope, _ := strings.Cut(fields["Credential"], "/")
	parts := strings.Split(scope, "/")
	if algorithm != "AWS4-HMAC-SHA256" || len(parts) != 4 || parts[3] != "aws4_request" {
		return fmt.Errorf("no signature: %q", r.Header.Get("Authorization"))
	}
	names := strings.Split(fields["SignedHeaders"], ";")
	if !slices.IsSorted(names) || !slices.Contains(names, "host") {
		return fmt.Errorf("signed headers: %q", names)
	}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") && !slices.Contains(names, name) {
			return fmt.Errorf("%s is not signed", name)
		}
	}
	path, query, _ := strings.Cut(r.RequestURI, "?")
	var canonical strings.Builder
	fmt.Fprintf(&canonical, "%s\n%s\n%s\n", r.Method, encode(path, "/"), canonicalQuery(query))
	for _, name := range names {
		values := r.Header.Values(name)
		if name == "host" {
			values = []string{r.Host}
		}
		trimmed := make([]string, len(values))
		for i, v := range values {
			trimmed[i] = strings.Join(strings.Fields(v), " ")
		}
		fmt.Fprintf(&canonical, "%s:%s\n", name, strings.Join(trimmed, ","))
	}
	fmt.Fprintf(&canonical, "\n%s\n%x", fields["SignedHeaders"], sha256.Sum256(body))

	date := r.Header.Get("X-Amz-Date")
	if !strings.HasPrefix(date, parts[0]) {
		return fmt.Errorf("the scope %s is not of the day %s", scope, date)
	}
	key := []byte("AWS4" + secret)
	for _, part := range parts {
		key = mac(key, part)
	}
	text := fmt.Sprintf("AWS4-HMAC-SHA256\n%s\n%s\n%x", date, scope, sha256.Sum256([]byte(canonical.String())))
	if want := hex.EncodeToString(mac(key, text)); fields["Signature"] != want {
		return fmt.Errorf("signature %s, want %s for:\n%s", fields["Signature"], want, canonical.String())
	}
	return nil
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// encode is AWS's URI encoding: all but unreserved characters and those in keep.
func encode(s, keep string) string {
	const unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
	var b strings.Builder
	for _, c := range []byte(s) {
		if strings.IndexByte(unreserved+keep, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

// canonicalQuery sorts by name, then by value.
func canonicalQuery(raw string) string {
	var pairs [][]string
	for p := range strings.SplitSeq(raw, "&") {
		if p == "" {
			continue
		}
		name, value, _ := strings.Cut(p, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		pairs = append(pairs, []string{encode(name, ""), encode(value, "")})
	}
	slices.SortFunc(pairs, slices.Compare)
	joined := make([]string, len(pairs))
	for i, p := range pairs {
		joined[i] = p[0] + "=" + p[1]
	}
	return strings.Join(joined, "&")
}

// received is a request as a server reads it off the wire.
func received(t testing.TB, out *http.Request, body []byte) *http.Request {
	t.Helper()
	out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	var wire bytes.Buffer
	if err := out.Write(&wire); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(&wire))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestVerifierKnowsPublishedSignatures: what AWS's documentation and test suite (aws-sig-v4-test-suite) say.
func TestVerifierKnowsPublishedSignatures(t *testing.T) {
	for _, tc := range []struct{ request, scope, headers, signature string }{
		{"GET / HTTP/1.1\r\nHost: example.amazonaws.com\r\n", "service", "host;x-amz-date", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		{"POST / HTTP/1.1\r\nHost: example.amazonaws.com\r\n", "service", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"GET /?Param2=value2&Param1=value1 HTTP/1.1\r\nHost: example.amazonaws.com\r\n", "service", "host;x-amz-date", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		{"GET /?Action=ListUsers&Version=2010-05-08 HTTP/1.1\r\nHost: iam.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded; charset=utf-8\r\n", "iam", "content-type;host;x-amz-date", "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
	} {
		wire := tc.request + "X-Amz-Date: 20150830T123600Z\r\nAuthorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" +
			tc.scope + "/aws4_request, SignedHeaders=" + tc.headers + ", Signature=" + tc.signature + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wire)))
		if err != nil {
			t.Fatal(err)
		}
		const secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
		if err := verify(r, nil, secret); err != nil {
			t.Errorf("%s: %v", tc.request, err)
		}
		if verify(r, []byte("x"), secret) == nil {
			t.Errorf("%s: another body fits the signature", tc.request)
		}
	}
}

const awsSecret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

func newAWS(t testing.TB, s Settings, row string) *Provider {
	t.Helper()
	s.Name, s.AWSKeyID, s.AWSSecret = "bedrock", "AKIDEXAMPLE", awsSecret
	s.BaseURL = cmp.Or(s.BaseURL, "https://bedrock-runtime.eu-central-1.amazonaws.com")
	return newProvider(t, s, &Row{Name: row, Auth: AWS})
}

// newProvider is a provider of a row that is in no list.
func newProvider(t testing.TB, s Settings, row *Row) *Provider {
	t.Helper()
	p, err := row.with(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func outbound(t testing.TB, p *Provider, method, path, query string) *http.Request {
	t.Helper()
	out := (&http.Request{Method: method, URL: &url.URL{}, Header: http.Header{}}).WithContext(context.Background())
	p.Address(out, path)
	out.URL.RawQuery = query
	return out
}

var signedPaths = []string{
	"/model/anthropic.claude-3-5-sonnet-20241022-v2:0/converse",
	"/model/anthropic.claude-3-5-sonnet-20241022-v2%3A0/converse-stream",
	"/model/us.amazon.nova-lite-v1%3a0/invoke",
	"/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-3-haiku-20240307-v1%3A0/invoke-with-response-stream",
	"/model/a%20b(c)!*'$&+,=@/converse",
	"/model/%E6%A8%A1%E5%9E%8B/converse",
	"/openai/v1/responses",
	"/",
}

// TestSignedRequestsFit: verified as the service would, and equal to what AWS's SDK says for the request as it
// arrived.
func TestSignedRequestsFit(t *testing.T) {
	body := []byte(`{"messages":[],"inferenceConfig":{"maxTokens":4096}}`)
	for _, path := range signedPaths {
		for _, query := range []string{"", "b=2&a=1&a=0", "q=a%20b%2Fc"} {
			p := newAWS(t, Settings{AWSSession: "session/token=="}, "bedrock")
			out := outbound(t, p, "POST", path, query)
			out.Header.Set("Content-Type", "application/json")
			out.Header.Set("Accept-Encoding", "identity")
			out.Header.Set("User-Agent", "client/1")
			if err := p.Authorize(out, body); err != nil {
				t.Fatal(err)
			}
			r := received(t, out, body)
			if want := strings.TrimRight(path+"?"+query, "?"); r.RequestURI != want {
				t.Errorf("sent %s, want %s", r.RequestURI, want)
			}
			if r.Host != "bedrock-runtime.eu-central-1.amazonaws.com" {
				t.Errorf("sent to %s", r.Host)
			}
			if err := verify(r, body, awsSecret); err != nil {
				t.Errorf("%s: %v", path, err)
			}
			if verify(r, body[1:], awsSecret) == nil {
				t.Errorf("%s: another body fits the signature", path)
			}
			if got, want := r.Header.Get("Authorization"), bySDK(t, r, body); got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", path, got, want)
			}
		}
	}
}

// bySDK is the Authorization that AWS's SDK computes for what arrived, at the same instant over the same headers.
func bySDK(t *testing.T, r *http.Request, body []byte) string {
	t.Helper()
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := http.NewRequest(r.Method, "https://"+r.Host+r.RequestURI, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("Content-Type", r.Header.Get("Content-Type"))
	sum := sha256.Sum256(body)
	credentials := aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: awsSecret, SessionToken: "session/token=="}
	if err := v4.NewSigner().SignHTTP(context.Background(), credentials, again, hex.EncodeToString(sum[:]), "bedrock", "eu-central-1", at); err != nil {
		t.Fatal(err)
	}
	return again.Header.Get("Authorization")
}

func TestSignatureCoversWhatNoProxyChanges(t *testing.T) {
	p := newAWS(t, Settings{AWSSession: "token", Headers: map[string]string{"X-Amz-Tag": "a  b", "X-Other": "o"}}, "bedrock")
	out := outbound(t, p, "POST", "/model/m/converse", "")
	for name, value := range map[string]string{
		"Content-Type": "application/json", "Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "aws-sdk-js/3",
		"Authorization": "Bearer client", "X-Amz-Date": "20010101T000000Z", "X-Amz-Security-Token": "client", "X-Amz-Content-Sha256": "client",
		"Amz-Sdk-Request": "attempt=1", "Amz-Sdk-Invocation-Id": "client", "X-Amz-User-Agent": "aws-sdk-js/3", "X-Amzn-Bedrock-Trace": "ENABLED",
	} {
		out.Header.Set(name, value)
	}
	if err := p.Authorize(out, []byte("{}")); err != nil {
		t.Fatal(err)
	}
	r := received(t, out, []byte("{}"))
	if err := verify(r, []byte("{}"), awsSecret); err != nil {
		t.Error(err)
	}
	const signed = "SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;x-amz-tag;x-amz-user-agent,"
	if got := r.Header.Get("Authorization"); !strings.Contains(got, signed) {
		t.Errorf("got %s, want %s", got, signed)
	}
	for name, want := range map[string]string{
		"X-Amz-Security-Token": "token", "X-Amz-Content-Sha256": "", "Amz-Sdk-Request": "", "Amz-Sdk-Invocation-Id": "",
		"X-Amzn-Bedrock-Trace": "ENABLED", "X-Other": "o", "User-Agent": "aws-sdk-js/3",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if date := r.Header.Get("X-Amz-Date"); date < "20200101" {
		t.Errorf("signed at the client's time, %s", date)
	}
}

func TestClientsSessionIsNotSigned(t *testing.T) {
	p := newAWS(t, Settings{}, "bedrock")
	out := outbound(t, p, "POST", "/model/m/converse", "")
	out.Header.Set("X-Amz-Security-Token", "client")
	if err := p.Authorize(out, nil); err != nil || out.Header.Get("X-Amz-Security-Token") != "" {
		t.Errorf("%v: sent with %q", err, out.Header.Get("X-Amz-Security-Token"))
	}
}

func TestSignatureNamesServiceAndRegion(t *testing.T) {
	for _, tc := range []struct{ row, region, base, scope string }{
		{"bedrock", "us-west-2", "", "/us-west-2/bedrock/"},
		{"bedrock", "", "https://bedrock-runtime.ap-southeast-1.amazonaws.com", "/ap-southeast-1/bedrock/"},
		{"bedrock", "", "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "/us-gov-west-1/bedrock/"},
		{"bedrock", "", "https://vpce-0a1-b2.bedrock-runtime.eu-west-3.vpce.amazonaws.com:443", "/eu-west-3/bedrock/"},
		{"bedrock", "", "https://bedrock-runtime.cn-north-1.amazonaws.com.cn", "/cn-north-1/bedrock/"},
		{"bedrock", "us-east-1", "http://127.0.0.1:8088", "/us-east-1/bedrock/"},
		{"bedrock-mantle", "", "https://bedrock-mantle.eu-central-1.api.aws", "/eu-central-1/bedrock-mantle/"},
	} {
		p := newAWS(t, Settings{Region: tc.region, BaseURL: tc.base}, tc.row)
		out := outbound(t, p, "GET", "/v1/models", "")
		if err := p.Authorize(out, nil); err != nil {
			t.Fatal(err)
		}
		r := received(t, out, nil)
		if err := verify(r, nil, awsSecret); err != nil {
			t.Errorf("%s: %v", tc.base, err)
		}
		if got := r.Header.Get("Authorization"); !strings.Contains(got, tc.scope) {
			t.Errorf("%s: got %s, want %s", tc.base, got, tc.scope)
		}
	}
	_, err := newSignature(Settings{Name: "b", BaseURL: "http://127.0.0.1:8088", AWSKeyID: "a", AWSSecret: "b"}, "bedrock")
	if err == nil || !strings.Contains(err.Error(), "providers.b.region") {
		t.Errorf("no region anywhere: got %v", err)
	}
}

func TestSignatureOfAnyRequest(t *testing.T) {
	p := newAWS(t, Settings{}, "bedrock")
	rapid.Check(t, func(rt *rapid.T) {
		model := rapid.StringMatching(`([A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2}){1,40}`).Draw(rt, "model")
		query := rapid.StringMatching(`([a-zA-Z0-9._~-]|%[2-7][0-9A-F]){0,8}(=[a-z0-9]{0,4}(&[a-z]{1,3}=[a-z%2F]{0})?)?`).Draw(rt, "query")
		body := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(rt, "body")
		out := outbound(t, p, "POST", "/model/"+model+"/invoke", query)
		out.Header["Content-Type"] = []string{rapid.StringMatching(`[a-z/]{1,9}( {1,3}[a-z;=]{1,5}){0,2}`).Draw(rt, "content type")}
		if err := p.Authorize(out, body); err != nil {
			rt.Fatal(err)
		}
		if err := verify(received(t, out, body), body, awsSecret); err != nil {
			rt.Fatal(err)
		}
	})
}

func TestAWSRefusals(t *testing.T) {
	answer := func(status int, kind string) *http.Response {
		return &http.Response{StatusCode: status, Header: http.Header{"X-Amzn-Errortype": {kind}}}
	}
	p := newAWS(t, Settings{}, "bedrock")
	for _, tc := range []struct {
		status int
		kind   string
		want   bool
	}{
		{403, "UnrecognizedClientException", true},
		{403, "ExpiredTokenException:http://internal.amazon.com/coral/com.amazon.coral.service/", true},
		{403, "InvalidSignatureException", true},
		{403, "AccessDeniedException", false}, // a model that isn't enabled
		{403, "", false},
		{401, "", true},
		{400, "ValidationException", false},
		{200, "", false},
	} {
		if got := p.RejectsCredentials(answer(tc.status, tc.kind)); got != tc.want {
			t.Errorf("%d %s: got %v", tc.status, tc.kind, got)
		}
	}
	if newOpenAI(t, "").RejectsCredentials(answer(403, "UnrecognizedClientException")) {
		t.Error("OpenAI speaks like AWS")
	}
}

func BenchmarkSign(b *testing.B) {
	p := newAWS(b, Settings{}, "bedrock")
	body := bytes.Repeat([]byte("x"), 4<<10)
	out := outbound(b, p, "POST", signedPaths[1], "")
	b.ReportAllocs()
	var err error
	for b.Loop() {
		err = errors.Join(err, p.Authorize(out, body))
	}
	if err != nil {
		b.Fatal(err)
	}
}
