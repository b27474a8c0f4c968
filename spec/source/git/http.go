package git

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/transport"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
)

// maxExcuse is how many bytes of an error page are read.
const maxExcuse = 4 << 10

// openHTTP begins a conversation over https or http. go-git follows redirects of its first
// request only, never from https to http, and shows no credentials to another host.
func (s *Source) openHTTP(secrets *secrets) (transport.UploadPackSession, error) {
	config, err := tlsConfig(secrets)
	if err != nil {
		return nil, err
	}
	// The session is short: an idle connection would only wait to be closed.
	wire := &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: config,
		ForceAttemptHTTP2: true, DisableKeepAlives: true}
	client := githttp.NewClientWithOptions(&http.Client{Transport: bounded{wire}},
		&githttp.ClientOptions{RedirectPolicy: githttp.FollowInitialRedirects})
	host := s.at.host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	endpoint := &transport.Endpoint{Protocol: s.at.scheme, Host: host, Port: s.at.port,
		Path: (&url.URL{Path: s.at.path}).EscapedPath()}
	var auth transport.AuthMethod
	switch {
	case secrets.token != "":
		auth = &githttp.TokenAuth{Token: secrets.token}
	case secrets.password != "":
		auth = &githttp.BasicAuth{Username: s.user(), Password: secrets.password}
	}
	return client.NewUploadPackSession(endpoint, auth)
}

func tlsConfig(secrets *secrets) (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(secrets.ca) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(secrets.ca) {
			return nil, fmt.Errorf("the file of authorities has no certificate in it")
		}
		config.RootCAs = pool
	}
	if len(secrets.cert) > 0 {
		pair, err := tls.X509KeyPair(secrets.cert, secrets.key)
		if err != nil {
			return nil, fmt.Errorf("cannot use the client certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// bounded limits what a server can make us keep in memory.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b bounded) RoundTrip(req *http.Request) (*http.Response, error) {
	res, err := b.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body := struct {
		io.Reader
		io.Closer
	}{res.Body, res.Body}
	switch {
	case res.StatusCode >= http.StatusMultipleChoices:
		body.Reader = io.LimitReader(res.Body, maxExcuse)
	case req.Method == http.MethodGet:
		body.Reader = &capped{from: res.Body, left: maxRefs, err: errRefs}
	}
	res.Body = body
	return res, nil
}
