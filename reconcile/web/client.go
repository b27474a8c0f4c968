package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// ErrNotRunning is wrapped when nobody listens on the socket.
var ErrNotRunning = errors.New("the daemon is not running")

// Client asks a running daemon. Its methods may be called from several goroutines.
type Client struct {
	socket string
	http   http.Client
}

// NewClient returns a client for the path of a socket. It does not connect yet.
func NewClient(socket string) *Client {
	var d net.Dialer
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "unix", socket)
	}
	return &Client{socket, http.Client{
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// Status returns what the daemon knows of itself. The error wraps ErrNotRunning if there is none.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var s Status
	err := c.ask(ctx, http.MethodGet, "/api/v1/status", &s)
	return s, err
}

// Trigger asks for a pass. With wait it returns what became of the first pass that began after
// that, when it has ended; without, nil at once. The error wraps ErrNotRunning if there is no
// daemon.
func (c *Client) Trigger(ctx context.Context, wait bool) (*Pass, error) {
	path := "/api/v1/trigger"
	if wait {
		path += "?wait=1"
	}
	var a TriggerAnswer
	err := c.ask(ctx, http.MethodPost, path, &a)
	return a.Pass, err
}

func (c *Client) ask(ctx context.Context, method, path string, into any) error {
	if err := c.exchange(ctx, method, path, into); err != nil {
		return fmt.Errorf("cannot ask the daemon at %q: %w", c.socket, err)
	}
	return nil
}

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

func (c *Client) exchange(ctx context.Context, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, nil)
	if err != nil {
		return err
	}
	response, err := c.http.Do(request)
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return ErrNotRunning
	case err != nil:
		return cause(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return err
	}
	return decode(response.StatusCode, text, into)
}

func decode(code int, text []byte, into any) error {
	if code >= http.StatusMultipleChoices {
		var e Error
		if json.Unmarshal(text, &e) == nil && e.Text != "" {
			return errors.New(e.Text)
		}
		return fmt.Errorf("it answers %d %s", code, http.StatusText(code))
	}
	var of struct {
		Format string `json:"format_version"`
	}
	if err := json.Unmarshal(text, &of); err != nil {
		return fmt.Errorf("its answer is no JSON: %w", err)
	}
	major, _, _ := strings.Cut(formatVersion, ".")
	if theirs, _, _ := strings.Cut(of.Format, "."); theirs != major {
		return fmt.Errorf("it speaks version %q, this program speaks %q", of.Format, formatVersion)
	}
	return json.Unmarshal(text, into)
}
