package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"reconciler/reconcile"
	"reconciler/reconcile/plan"
)

// hostPatience is how long a host may take to answer before a pass begins with the others.
const hostPatience = 10 * time.Second

// walk is reconcile.Plan or reconcile.Run.
type walk func(context.Context, reconcile.Declaration, reconcile.Options) (reconcile.Pass, error)

// pass reads the tree, opens the state and walks. The tree comes first: a bad one must not leave
// so much as an empty state behind.
func (a *app) pass(ctx context.Context, allow []string, w walk) (reconcile.Pass, error) {
	allowances, err := parseAllow(allow)
	if err != nil {
		return reconcile.Pass{}, err
	}
	if err := a.checkSSHConfig(); err != nil {
		return reconcile.Pass{}, err
	}
	declared, err := fetch(ctx, a)
	if err != nil {
		return reconcile.Pass{}, err
	}
	if err := a.checkHosts(declared.Tree); err != nil {
		return reconcile.Pass{}, err
	}
	if a.writes {
		if err := declared.Opened(); err != nil {
			return reconcile.Pass{}, hinted{err, "give the key with --decryption-key FILE"}
		}
		if err := a.mayChangeHosts(declared.Tree); err != nil {
			return reconcile.Pass{}, err
		}
	}
	session, err := openSession(ctx, a)
	if err != nil {
		return reconcile.Pass{}, err
	}
	defer session.close()
	options, err := session.reconcileOptions()
	if err != nil {
		return reconcile.Pass{}, err
	}
	options.Allow, options.Patience = allowances, hostPatience
	return w(ctx, declared, options)
}

func addAllow(flags *pflag.FlagSet, allow *[]string) {
	flags.StringSliceVar(allow, "allow-destroy", nil,
		"let destroys through the guard: HOST/CONTAINER, or how many on each host (repeatable)")
}

func parseAllow(values []string) ([]plan.Allowance, error) {
	allow := make([]plan.Allowance, 0, len(values))
	for _, v := range values {
		if n, err := strconv.Atoi(v); err == nil && n > 0 {
			allow = append(allow, plan.Allowance{Count: n})
			continue
		}
		host, container, ok := strings.Cut(v, "/")
		if !ok || host == "" || container == "" {
			return nil, fmt.Errorf(
				"cannot use --allow-destroy %q: it is neither HOST/CONTAINER nor a number above 0", v)
		}
		allow = append(allow, plan.Allowance{Host: host, Container: container})
	}
	return allow, nil
}
