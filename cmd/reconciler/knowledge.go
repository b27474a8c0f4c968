package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"reconciler/reconcile"
)

// knowledge says what a plan is compared with.
type knowledge struct {
	refresh  bool
	observed string // file
	against  string // revision
}

func (k *knowledge) add(flags *pflag.FlagSet) {
	flags.BoolVar(&k.refresh, "refresh", true,
		"look at the hosts; false: take what the last run recorded of them")
	flags.StringVar(&k.observed, "observed", "",
		`file that "state export --observed" wrote: take it in place of hosts and state`)
	flags.StringVar(&k.against, "against", "",
		"git revision: plan what the tree changes since it parted from there; no host, no state")
}

// check refuses flags that contradict each other.
func (k *knowledge) check(cmd *cobra.Command) error {
	asked := cmd.Flags().Changed("refresh")
	switch {
	case k.against != "" && k.observed != "":
		return errors.New("cannot use --against with --observed: " +
			"the one compares with a revision, the other with hosts")
	case k.against != "" && asked:
		return errors.New("cannot use --against with --refresh: it asks no hosts and no state")
	case k.observed != "" && asked && k.refresh:
		return errors.New("cannot use --observed with --refresh: the file stands for the hosts")
	}
	return nil
}

// pass makes a plan from what shall be known.
func (k *knowledge) pass(cmd *cobra.Command, a *app, allow []string) (reconcile.Pass, error) {
	if err := k.check(cmd); err != nil {
		return reconcile.Pass{}, err
	}
	switch {
	case k.against != "":
		return k.declared(cmd.Context(), a, allow)
	case k.observed != "":
		return k.exported(cmd.Context(), a, allow)
	case !k.refresh:
		return a.pass(cmd.Context(), allow, planRecorded)
	}
	return a.pass(cmd.Context(), allow, reconcile.Plan)
}

// planRecorded is reconcile.Plan without asking a host.
func planRecorded(
	ctx context.Context, d reconcile.Declaration, o reconcile.Options,
) (reconcile.Pass, error) {
	recorded, err := reconcile.ReadRecorded(ctx, o.Store)
	if err != nil {
		return reconcile.Pass{}, err
	}
	return reconcile.PlanRecorded(d, recorded, o)
}

// exported plans with a file in the place of hosts and state.
func (k *knowledge) exported(
	ctx context.Context, a *app, allow []string,
) (reconcile.Pass, error) {
	options, err := a.offline(allow)
	if err != nil {
		return reconcile.Pass{}, err
	}
	d, err := fetch(ctx, a)
	if err != nil {
		return reconcile.Pass{}, err
	}
	f, err := os.Open(k.observed)
	if err != nil {
		return reconcile.Pass{}, hinted{
			fmt.Errorf("cannot read what was observed from %q: %w", k.observed, fileError(err)),
			"state export --observed FILE writes it"}
	}
	defer f.Close()
	recorded, err := reconcile.ReadExport(f)
	if err != nil {
		return reconcile.Pass{}, fmt.Errorf("%s: %w", k.observed, err)
	}
	return reconcile.PlanRecorded(d, recorded, options)
}

// declared plans the change from the revision where the tree parted from another one.
func (k *knowledge) declared(
	ctx context.Context, a *app, allow []string,
) (reconcile.Pass, error) {
	options, err := a.offline(allow)
	if err != nil {
		return reconcile.Pass{}, err
	}
	past, err := openPast(a)
	if err != nil {
		return reconcile.Pass{}, err
	}
	now, err := past.now(ctx)
	if err != nil {
		return reconcile.Pass{}, err
	}
	commit, err := past.MergeBase(ctx, past.head, k.against)
	if err != nil {
		return reconcile.Pass{}, err
	}
	base, err := past.declaration(ctx, commit)
	if err != nil {
		return reconcile.Pass{}, err
	}
	return reconcile.PlanDeclared(base, now, options)
}

// offline translates the flags into the options of a pass that asks nobody.
func (a *app) offline(allow []string) (reconcile.Options, error) {
	only, err := parseOnly(a.only)
	if err != nil {
		return reconcile.Options{}, err
	}
	log, err := newLogger(a)
	if err != nil {
		return reconcile.Options{}, err
	}
	options := reconcile.Options{Hosts: a.hosts, Only: only, Log: log, Now: time.Now}
	options.Allow, err = parseAllow(allow)
	return options, err
}
