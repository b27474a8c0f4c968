package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

const (
	connectLimit = 20 * time.Second // until ssh has logged in and the agent greets
	deliverLimit = 10 * time.Minute // until the agent is delivered

	// maxNoise is how much a login shell may write before the agent does.
	maxNoise = 64 << 10
)

// Options say how to reach a host.
type Options struct {
	Address string // required: ssh://[user@]host[:port]
	Target  Target // required
	Version string // of this program

	// Program is delivered to the host when it is missing there and run as its agent; required
	// without Command. Command is an agent that is installed: a path, or a name in the PATH of the
	// user there.
	Program *Program
	Command string

	Gateway   *Gateway     // optional
	SSH       string       // optional: the program; "ssh"
	SSHConfig string       // optional: ssh's configuration in place of the user's
	Log       *slog.Logger // required

	directory string // of delivered agents of root; empty: agentDir
	timing    timing // zero: the usual one
}

// Dial starts ssh, delivers the agent if it is missing on the host, and greets it. The user on the
// host is root, or may use sudo without a password. Errors are *ConnectError if ssh could be asked
// at all. The connection outlives ctx: Close ends it.
func Dial(ctx context.Context, o Options) (*Host, error) {
	if o.SSH == "" {
		o.SSH = "ssh"
	}
	if o.directory == "" {
		o.directory = agentDir
	}
	if o.timing == (timing{}) {
		o.timing = usual()
	}
	if o.Gateway != nil {
		if err := o.Gateway.checkKey(); err != nil {
			return nil, &ConnectError{Host: o.Target.Host, Address: o.Address, Err: err,
				Advice: "put the key there, name another one in ssh_gateway_key, or remove that key of " +
					"the tree: ssh then uses those that it is configured with"}
		}
	}
	d := dialer{Options: o}
	args, err := d.args()
	if err != nil {
		return nil, fmt.Errorf("cannot reach host %q: %w", o.Target.Host, err)
	}
	d.process, err = start(args, func(line string) {
		o.Log.Info("host says", "host", o.Target.Host, "line", line)
	})
	if err != nil {
		return nil, fmt.Errorf("cannot reach host %q: %w", o.Target.Host, err)
	}
	h, err := d.greet(ctx)
	if err != nil {
		err = d.explain(err)
		d.process.kill()
		return nil, errors.Join(err, d.process.Close())
	}
	h.lost = d.explain
	h.close = d.close
	return h, nil
}

// dialer is a connection that is being made.
type dialer struct {
	Options
	address address
	process *process
}

// args checks the options and returns the command line of ssh.
func (d *dialer) args() ([]string, error) {
	if err := d.Target.check(); err != nil {
		return nil, err
	}
	var err error
	if d.address, err = parseAddress(d.Address); err != nil {
		return nil, err
	}
	command, err := remoteCommand(d.Options)
	if err != nil {
		return nil, err
	}
	return sshArgs(d.Options, d.address, command)
}

// greet waits for the agent, delivers it if it is missing, and says hello.
func (d *dialer) greet(ctx context.Context) (*Host, error) {
	machine, err := d.await(ctx, connectLimit, nil)
	if err == nil && machine != "" {
		system, machine, _ := strings.Cut(machine, " ")
		if err := runsOn(system, machine); err != nil {
			return nil, err
		}
		d.Log.Info("delivering the agent", "host", d.Target.Host, "bytes", d.Program.size)
		_, err = d.await(ctx, deliverLimit, d.deliver)
	}
	if err != nil {
		return nil, err
	}
	ctx, cancel := limited(ctx, connectLimit)
	defer cancel()
	g := greeting{Major: major, Minor: minor, Version: d.Version, Target: d.Target}
	h, err := connect(ctx, d.process, g, d.timing, d.Log)
	if err != nil {
		return nil, err
	}
	if hash, _ := d.hash(); d.Command == "" && h.agent.Hash != hash {
		h.peer.giveUp(nil)
		return nil, fmt.Errorf("the agent there is damaged: remove %s/%s", d.directory, hash)
	}
	return h, nil
}

func (d *dialer) hash() (string, error) {
	if d.Program == nil {
		return "", nil
	}
	return d.Program.Hash()
}

// limited is a context that says so when it ends by its limit.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("timed out after %s", limit))
}

// await does something and then waits until the agent is ready or missing. If it is missing, it
// returns what uname(1) says there.
func (d *dialer) await(
	ctx context.Context, limit time.Duration, first func() error,
) (machine string, err error) {
	ctx, cancel := limited(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, d.process.kill)
	defer stop()
	if first != nil {
		err = first()
	}
	if err == nil {
		machine, err = awaitLine(d.process.lines)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return machine, err
}

// deliver sends the program. If it fails, ssh or the script there says why.
func (d *dialer) deliver() error {
	if err := d.Program.copyTo(d.process); err != nil && d.process.ends(time.Second) {
		return errEnded
	} else if err != nil {
		return fmt.Errorf("cannot deliver the agent: %w", err)
	}
	return nil
}

// awaitLine skips what a login shell writes. It returns what follows asked, or nothing if the agent
// is ready.
func awaitLine(lines *bufio.Reader) (machine string, err error) {
	noise := io.LimitReader(lines, maxNoise)
	var said []byte
	for start := 0; ; {
		var c [1]byte // not one more: what follows the line is for others
		if _, err := noise.Read(c[:]); errors.Is(err, io.EOF) && len(said) == maxNoise {
			return "", fmt.Errorf("what answers is no agent: it says %q", clean(string(said[:80])))
		} else if errors.Is(err, io.EOF) {
			return "", errEnded
		} else if err != nil {
			return "", err
		}
		said = append(said, c[0])
		if c[0] != '\n' {
			continue
		}
		line := string(said[start : len(said)-1])
		start = len(said)
		if strings.HasSuffix(line, Ready) {
			return "", nil
		}
		if _, machine, found := strings.Cut(line, asked); found {
			return machine, nil
		}
	}
}

// explain says why there is no connection.
func (d *dialer) explain(err error) error {
	d.process.ends(time.Second) // its last words come just before
	e := &ConnectError{
		Host: d.Target.Host, Address: d.Address, Said: d.process.said.String(), Err: err,
	}
	if errors.Is(err, errEnded) {
		if e.Said != "" && err.Error() == errEnded.Error() {
			e.Err = nil // ssh says it better
		}
		e.Advice = adviceFor(e.Said, d.process.exitCode(), d.route())
	}
	return e
}

// close waits until ssh has ended.
func (d *dialer) close() error {
	d.process.ends(closeLimit + stopLimit)
	return nil
}
