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
	libraries string // patterns of files, where liblxc may be; empty: usualLibraries
	lxcNet    string // file with the settings of LXC's own bridge; empty: lxcNetFile
	timing    timing // zero: the usual one
}

// Dial is Reach for a host that has LXC. One without is an error.
func Dial(ctx context.Context, o Options) (*Host, error) {
	h, bare, err := Reach(ctx, o)
	if bare != nil {
		err = errors.Join(bare.lacking(), bare.Close())
	}
	return h, err
}

// Reach starts ssh, delivers the agent if it is missing on the host, and greets it. The user on the
// host is root, or may use sudo without a password. Errors are *ConnectError if ssh could be asked
// at all. The connection outlives ctx: Close ends it.
//
// On a host without LXC the agent cannot run: then Reach returns a Bare in place of a Host.
func Reach(ctx context.Context, o Options) (*Host, *Bare, error) {
	if o.SSH == "" {
		o.SSH = "ssh"
	}
	if o.directory == "" {
		o.directory = agentDir
	}
	if o.libraries == "" {
		o.libraries = usualLibraries
	}
	if o.lxcNet == "" {
		o.lxcNet = lxcNetFile
	}
	if o.timing == (timing{}) {
		o.timing = usual()
	}
	if o.Gateway != nil {
		if err := o.Gateway.checkKey(); err != nil {
			return nil, nil, &ConnectError{Host: o.Target.Host, Address: o.Address, Err: err,
				Advice: "put the key there, name another one in ssh_gateway_key, or remove that key of " +
					"the tree: ssh then uses those that it is configured with"}
		}
	}
	d := dialer{Options: o}
	args, err := d.args()
	if err != nil {
		return nil, nil, fmt.Errorf("cannot reach host %q: %w", o.Target.Host, err)
	}
	d.process, err = start(args, func(line string) {
		o.Log.Info("host says", "host", o.Target.Host, "line", line)
	})
	if err != nil {
		return nil, nil, fmt.Errorf("cannot reach host %q: %w", o.Target.Host, err)
	}
	h, bare, err := d.greet(ctx)
	if err != nil {
		err = d.explain(err)
		d.process.kill()
		return nil, nil, errors.Join(err, d.process.Close())
	}
	return h, bare, nil
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

// greet waits for the agent, delivers it if it is missing, and says hello if it can run.
func (d *dialer) greet(ctx context.Context) (*Host, *Bare, error) {
	said, err := d.await(ctx, connectLimit, nil)
	if err == nil && said != "" && !strings.HasPrefix(said, bareMark) {
		system, machine, _ := strings.Cut(said, " ")
		if err := runsOn(system, machine); err != nil {
			return nil, nil, err
		}
		d.Log.Info("delivering the agent", "host", d.Target.Host, "bytes", d.Program.size)
		said, err = d.await(ctx, deliverLimit, d.deliver)
	}
	if err != nil {
		return nil, nil, err
	}
	if facts, isBare := strings.CutPrefix(said, bareMark); isBare {
		bare, err := newBare(d, facts)
		return nil, bare, err
	}
	h, err := d.hello(ctx)
	return h, nil, err
}

// hello greets the agent, which runs.
func (d *dialer) hello(ctx context.Context) (*Host, error) {
	ctx, cancel := limited(ctx, connectLimit)
	defer cancel()
	g := greeting{Major: major, Minor: minor, Version: d.Version, Target: d.Target}
	h, err := connect(ctx, d.process, g, d.timing)
	if err != nil {
		return nil, err
	}
	if hash, _ := d.hash(); d.Command == "" && h.agent.Hash != hash {
		h.peer.giveUp(nil)
		return nil, fmt.Errorf("the agent there is damaged: remove %s/%s", d.directory, hash)
	}
	h.lost, h.close = d.explain, d.close
	d.Log.Debug("connected", "host", h.name, "hostname", h.agent.Hostname, "version", h.agent.Version)
	return h, nil
}

func (d *dialer) hash() (string, error) {
	if d.Program == nil {
		return "", nil
	}
	return d.Program.Hash()
}

var errLate = errors.New("timed out")

// limited is a context that says so when it ends by its limit.
func limited(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w after %s", errLate, limit))
}

// await does something and then waits until the agent is ready, or cannot run; see awaitLine.
func (d *dialer) await(
	ctx context.Context, limit time.Duration, first func() error,
) (said string, err error) {
	ctx, cancel := limited(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, d.process.kill)
	defer stop()
	if first != nil {
		err = first()
	}
	if err == nil {
		said, err = awaitLine(d.process.lines)
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return said, err
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

// awaitLine skips what a login shell writes. It returns an empty text if the agent is ready, the
// text behind asked if the agent is missing, and the text from bareMark on if LXC is missing.
func awaitLine(lines *bufio.Reader) (said string, err error) {
	noise := io.LimitReader(lines, maxNoise)
	var all []byte
	for start := 0; ; {
		var c [1]byte // not one more: what follows the line is for others
		if _, err := noise.Read(c[:]); errors.Is(err, io.EOF) && len(all) == maxNoise {
			return "", fmt.Errorf("what answers is no agent: it says %q", clean(string(all[:80])))
		} else if errors.Is(err, io.EOF) {
			return "", errEnded
		} else if err != nil {
			return "", err
		}
		all = append(all, c[0])
		if c[0] != '\n' {
			continue
		}
		line := string(all[start : len(all)-1])
		start = len(all)
		if strings.HasSuffix(line, Ready) {
			return "", nil
		}
		if _, machine, found := strings.Cut(line, asked); found {
			return machine, nil
		}
		if at := strings.Index(line, announced+bareMark); at >= 0 {
			return line[at+len(announced):], nil
		}
	}
}

// explain says why there is no connection.
func (d *dialer) explain(err error) error {
	d.process.ends(time.Second) // its last words come just before
	lines := linesOf(d.process.said.raw())
	telling := len(lines) - 1
	e := &ConnectError{Host: d.Target.Host, Address: d.Address, Err: err}
	if errors.Is(err, errEnded) {
		if len(lines) > 0 && err.Error() == errEnded.Error() {
			e.Err = nil // ssh says it better
		}
		e.Advice, telling = adviceFor(lines, d.process.exitCode(), d.route())
	} else if errors.Is(err, errLate) {
		e.Advice, _ = adviceFor([]string{err.Error()}, 0, d.route())
	}
	e.Said, e.Also = lastWords(lines, telling)
	return e
}

// close waits until ssh has ended.
func (d *dialer) close() error {
	d.process.ends(closeLimit + stopLimit)
	return nil
}
