package clients

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
)

// authority holds a certificate for 127.0.0.1.
var authority = sync.OnceValue(func() *httptest.Server {
	s := httptest.NewTLSServer(nil)
	s.Close()
	return s
})

// trusting makes AWS's client accept that certificate.
func trusting(o *bedrockruntime.Options) {
	roots := x509.NewCertPool()
	roots.AddCert(authority().Certificate())
	o.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	})
}

// secure puts TLS before an http origin until the test ends, and HTTP/2 or HTTP/1.1 as the client likes.
func secure(t *testing.T, origin string) string {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: authority().TLS.Certificates, NextProtos: []string{"h2", "http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return // closed
			}
			go relay(c, strings.TrimPrefix(origin, "http://"))
		}
	}()
	return "https://" + l.Addr().String()
}

// relay carries bytes both ways until either side ends.
func relay(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client) // whichever ends first ends the other
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}
