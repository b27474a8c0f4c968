package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/go-git/go-git/v5/plumbing/format/pktline"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/transport"
	"golang.org/x/crypto/ssh"
)

// sshSession is a conversation over ssh. go-git has one too, which waits for ever for a server
// that accepts and then says nothing.
type sshSession struct {
	client *ssh.Client
	remote *ssh.Session
	in     io.WriteCloser
	out    io.Reader
	said   *excuses
	stop   func() bool
	adv    *packp.AdvRefs
}

// openSSH connects, and runs git-upload-pack there. The end of ctx closes the connection.
func (s *Source) openSSH(ctx context.Context, secrets *secrets) (_ *sshSession, err error) {
	addr := net.JoinHostPort(s.at.host, strconv.Itoa(cmp.Or(s.at.port, 22)))
	config, err := s.hostConfig(addr)
	if err != nil {
		return nil, err
	}
	auth, done, err := sshAuth(ctx, secrets)
	if err != nil {
		return nil, err
	}
	defer done()
	config.User, config.Auth = cmp.Or(s.user(), "git"), auth
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	x := &sshSession{said: &excuses{}}
	x.stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if err != nil {
			x.stop()
			_ = conn.Close()
		}
	}()
	c, channels, requests, err := ssh.NewClientConn(conn, addr, config)
	if err != nil {
		return nil, err
	}
	x.client = ssh.NewClient(c, channels, requests)
	return x, x.start(s.at.path)
}

func (x *sshSession) start(path string) (err error) {
	if x.remote, err = x.client.NewSession(); err != nil {
		return err
	}
	if x.in, err = x.remote.StdinPipe(); err != nil {
		return err
	}
	if x.out, err = x.remote.StdoutPipe(); err != nil {
		return err
	}
	x.remote.Stderr = x.said
	return x.remote.Start("git-upload-pack " + quoted(path))
}

// quoted is a text as one word of a shell.
func quoted(path string) string {
	return "'" + strings.NewReplacer("'", `'\''`, "!", `'\!'`).Replace(path) + "'"
}

// AdvertisedReferences implements transport.UploadPackSession.
func (x *sshSession) AdvertisedReferences() (*packp.AdvRefs, error) {
	return x.AdvertisedReferencesContext(context.Background())
}

// AdvertisedReferencesContext implements transport.UploadPackSession. The context is the one of
// openSSH, whatever is given here.
func (x *sshSession) AdvertisedReferencesContext(context.Context) (*packp.AdvRefs, error) {
	if x.adv != nil {
		return x.adv, nil
	}
	adv := packp.NewAdvRefs()
	err := adv.Decode(&capped{from: x.out, left: maxRefs, err: errRefs})
	switch {
	case errors.Is(err, packp.ErrEmptyAdvRefs), err == nil && adv.IsEmpty():
		return nil, transport.ErrEmptyRemoteRepository
	case err != nil:
		return nil, x.excuse(err)
	}
	transport.FilterUnsupportedCapabilities(adv.Capabilities)
	x.adv = adv
	return adv, nil
}

// excuse adds what the server wrote to its error output, which says more than a broken answer.
func (x *sshSession) excuse(err error) error {
	if errors.Is(err, packp.ErrEmptyInput) {
		_ = x.remote.Wait() // the output has ended, so the rest of what it says comes at once
	}
	text := x.said.String()
	if text == "" {
		return err
	}
	for _, known := range []string{"not found", "does not exist", "not appear to be a git repository",
		"no such repository", "could not be found", "ccess denied", "do not have access", "DENIED"} {
		if strings.Contains(text, known) {
			return fmt.Errorf("%w: %s", transport.ErrRepositoryNotFound, text)
		}
	}
	return fmt.Errorf("%w: %s", err, text)
}

// UploadPack implements transport.UploadPackSession.
func (x *sshSession) UploadPack(_ context.Context, req *packp.UploadPackRequest) (
	*packp.UploadPackResponse, error) {
	if err := req.Validate(); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := req.UploadRequest.Encode(&buf); err != nil {
		return nil, err
	}
	if err := req.UploadHaves.Encode(&buf, false); err != nil {
		return nil, err
	}
	if err := pktline.NewEncoder(&buf).EncodeString("done\n"); err != nil {
		return nil, err
	}
	if _, err := x.in.Write(buf.Bytes()); err != nil {
		return nil, x.excuse(err)
	}
	response := packp.NewUploadPackResponse(req)
	if err := response.Decode(io.NopCloser(x.out)); err != nil {
		return nil, x.excuse(err)
	}
	return response, nil
}

// Close implements transport.UploadPackSession.
func (x *sshSession) Close() error {
	x.stop()
	return x.client.Close()
}

// excuses keeps the first bytes that are written to it.
type excuses struct {
	mu   sync.Mutex
	data []byte
}

// Write implements io.Writer.
func (e *excuses) Write(p []byte) (int, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.data = append(e.data, p[:min(len(p), maxExcuse-len(e.data))]...)
	return len(p), nil
}

func (e *excuses) String() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return strings.TrimSpace(string(e.data))
}
