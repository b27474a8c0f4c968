package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reconciler/reconcile"
)

// Exit codes, design §5. Where several apply: failed before unreachable before blocked.
const (
	exitDone   = 0
	exitFailed = 1
)

// exitText is part of the help of every command that reconciles.
const exitText = `Exit codes:
  0  done, or nothing to do
  1  failed: bad usage, bad tree, unreadable source, a host could not be prepared,
     a step failed or cannot be done
  2  only with "plan --detailed-exitcode": the plan is not empty
  3  converged as far as allowed, but a guard blocked something or a rollout is not through
  4  some hosts were unreachable, or in use by another run; the others converged
Where several apply, the first of 1, 2, 4, 3 counts.`

// streams are where a command reads and writes: reports to out, logs and progress to err.
type streams struct {
	in  io.Reader
	out io.Writer
	err io.Writer
}

// app is one command line: its streams and the common flags.
type app struct {
	streams

	state       string
	stateKey    string
	hosts       []string
	noHost      bool // --host was given, and empty
	only        []string
	output      string
	sshConfig   string
	config      string
	logFormat   string
	logLevel    string
	lockTimeout time.Duration

	parallel      int
	parallelHosts int

	sourceFlags
	runFlags
	decryptionKeys []string
	settings       string // all flags and their values, to see whether they have changed

	args    []string // of the command line
	writes  bool     // the command is going to write to the state
	command string   // as others are told who hold up at our locks
}

// exitCode carries the exit code of a command that has already reported everything.
type exitCode int

// Error implements error.
func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// hinted is an error with a sentence on what to do about it.
type hinted struct {
	error
	hint string
}

// Unwrap gives the error without its hint.
func (h hinted) Unwrap() error { return h.error }

// run executes one command line and returns its exit code.
func run(args []string, s streams) int {
	ctx, stop := interruptible(s.err)
	defer stop()
	root := newRoot(&app{streams: s, args: args})
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	err := root.ExecuteContext(ctx)
	var code exitCode
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	}
	fmt.Fprintf(s.err, "reconciler: %v\n", err)
	if hint := hintOf(err); hint != "" {
		fmt.Fprintf(s.err, "hint: %s\n", hint)
	}
	return exitFailed
}

// hintOf returns the sentence on what to do about an error, empty if there is none.
func hintOf(err error) string {
	var h hinted
	var unknown *reconcile.UnknownTargetError
	switch {
	case errors.As(err, &h):
		return h.hint
	case errors.As(err, &unknown):
		return didYouMean(unknown.Nearest, statusKnows)
	}
	return ""
}

// interruptible returns a context that ends with the first SIGINT or SIGTERM. A second one ends
// the process at once, as the user then means it.
func interruptible(stderr io.Writer) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	done := make(chan struct{})
	go func() {
		select {
		case <-done:
			return
		case <-signals:
		}
		fmt.Fprintln(stderr, "interrupted: waiting for the running steps to end "+
			"(interrupt again to stop at once)")
		cancel()
		// From here on the default action of the signals ends the process.
		signal.Stop(signals)
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(done)
		cancel()
	}
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "reconciler",
		Short: "GitOps for LXC containers",
		Long: `reconciler makes the LXC containers of hosts what a tree of YAML files says,
keeps it so, and shows beforehand what it would do.

Each flag can also stand in the environment (RECONCILER_LOG_LEVEL for --log-level) or, by its name,
in the configuration file. The command line counts first, then the environment, then the file.`,
		Example: `  reconciler validate --source tree      # check the files, touch nothing
  reconciler plan --source tree          # show what would be done
  reconciler run --once --source tree    # do it
  reconciler status                      # show how the containers are`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return a.prepare(cmd)
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	flags := root.PersistentFlags()
	a.sourceFlags.add(flags)
	flags.StringVar(&a.state, "state", "sqlite:///var/lib/reconciler/state.db",
		"where the state is kept: sqlite:///path/to/file, or a path")
	flags.StringVar(&a.stateKey, "state-key", "",
		"file of the key that seals passwords (default: state.key beside the state)")
	flags.StringSliceVar(&a.decryptionKeys, "decryption-key", nil,
		"file with age or SSH keys that open the secrets of the tree (repeatable)")
	flags.StringSliceVar(&a.hosts, "host", nil,
		"plan, run, apply, status, diff, host: only this host (repeatable)")
	flags.StringSliceVar(&a.only, "only", nil,
		"plan, run, apply, status, diff: only this HOST/CONTAINER (repeatable)")
	flags.StringVar(&a.sshConfig, "ssh-config", "",
		"file with the configuration of ssh for the hosts (default: that of the user)")
	flags.StringVarP(&a.output, "output", "o", "text", "text or json; plan: markdown too")
	flags.StringVar(&a.config, "config", defaultConfig,
		"configuration file: flags and their values, as YAML")
	flags.StringVar(&a.logFormat, "log-format", "text", "text or json")
	flags.StringVar(&a.logLevel, "log-level", "warn",
		"debug, info, warn or error (daemon: info unless it is given)")
	flags.IntVar(&a.parallel, "parallel", 2*runtime.NumCPU(),
		"containers worked on at once, here and on each host behind ssh")
	flags.IntVar(&a.parallelHosts, "parallel-hosts", 32, "hosts looked at at once")
	flags.DurationVar(&a.lockTimeout, "lock-timeout", 30*time.Second,
		"how long to wait for another run on the same state or host")
	root.AddCommand(
		newValidate(a), newPlan(a), newRun(a), newShow(a), newExplain(a), newSecret(a),
		newStatus(a), newState(a), newSchema(a), newVersion(a), newLaunch(a), newAgent(a),
		newApply(a), newDiff(a), newSuspend(a), newResume(a), newTrigger(a), newHistory(a), newHost(a),
	)
	explainUsage(root)
	return root
}

// prepare completes the flags of a command and checks them.
func (a *app) prepare(cmd *cobra.Command) error {
	a.command = cmd.CommandPath()
	if err := checkFilterFlags(cmd); err != nil {
		return err
	}
	if err := complete(cmd, os.LookupEnv); err != nil {
		return err
	}
	if name := misspeltState(cmd, os.Environ()); name != "" {
		fmt.Fprintf(a.err, "%s means nothing, the state is %q: did you mean %sSTATE?\n",
			name, a.state, envPrefix)
	}
	var settings strings.Builder
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Name != "help" { // cobra adds it late
			fmt.Fprintf(&settings, "%s=%s\n", f.Name, f.Value)
		}
	})
	a.settings = settings.String()
	a.noHost = cmd.Flags().Changed("host") && len(a.hosts) == 0 || slices.Contains(a.hosts, "")
	if cmd.Name() == "run" && !a.once && !cmd.Flags().Changed("log-level") {
		a.logLevel = "info" // nobody watches a daemon: what it did is in its log
	}
	return errors.Join(a.check(), a.runFlags.check())
}

// again reads the settings of the same command line once more, in a changed environment perhaps
// and from a changed file.
func (a *app) again() (*app, error) {
	next := &app{streams: a.streams, args: a.args}
	cmd, rest, err := newRoot(next).Find(a.args)
	if err != nil {
		return nil, err
	}
	if err := cmd.ParseFlags(rest); err != nil {
		return nil, err
	}
	return next, next.prepare(cmd)
}

// check refuses values of the common flags that no command can use.
func (a *app) check() error {
	if a.output == "markdown" && a.command != "reconciler plan" {
		return hinted{fmt.Errorf("cannot use --output markdown with %q", a.command),
			"only plans are written as markdown; say text or json"}
	}
	if !slices.Contains([]string{"text", "json", "markdown"}, a.output) {
		return fmt.Errorf("cannot use --output %q: say text, json, or for plan markdown", a.output)
	}
	if a.noHost {
		return errNoHost()
	}
	if a.parallel < 1 {
		return fmt.Errorf("cannot use --parallel %d: at least 1", a.parallel)
	}
	if a.parallelHosts < 1 {
		return fmt.Errorf("cannot use --parallel-hosts %d: at least 1", a.parallelHosts)
	}
	return nil
}

// oneContainer is the cobra.PositionalArgs of commands about one container.
func oneContainer(cmd *cobra.Command, args []string) error {
	if len(args) != 2 {
		say := "HOST CONTAINER"
		if len(args) == 1 && strings.Count(args[0], "/") == 1 {
			say = strings.Replace(args[0], "/", " ", 1)
		}
		return hinted{fmt.Errorf("cannot tell which container is meant by %q", strings.Join(args, " ")),
			"say " + cmd.CommandPath() + " " + say}
	}
	return nil
}
