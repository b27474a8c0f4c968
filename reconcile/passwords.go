package reconcile

import (
	"context"
	"fmt"
	"slices"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// Rounds of SHA-512 crypt(5). A generated password has 191 bits: stretching adds nothing but time.
const (
	roundsDeclared  = shacrypt.IterationsDefaultOmitted
	roundsGenerated = shacrypt.IterationsMin
)

// passwords gives steps the hash of their container's password. The clear text stays in here.
type passwords struct {
	journal *journal
	keys    *state.Sealer
}

// Secrets implements execute.SecretSource.
func (p passwords) Secrets(_ context.Context, s plan.Step) (execute.Secrets, error) {
	if s.Action != plan.Password {
		return execute.Secrets{}, nil
	}
	r, ok := p.journal.record(s.UID)
	if !ok || r.Password == nil {
		return execute.Secrets{}, fmt.Errorf("internal error: no password for %s/%s",
			s.Host, s.Container)
	}
	clear, err := p.keys.Open(r.UID, r.Password)
	if err != nil {
		return execute.Secrets{}, fmt.Errorf("cannot open the sealed password: %w", err)
	}
	rounds := roundsDeclared
	if slices.Contains(s.Want.Generated, "password") {
		rounds = roundsGenerated
	}
	return hash(clear, rounds)
}

func hash(clear spec.Secret, rounds int) (execute.Secrets, error) {
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(rounds))
	if err != nil {
		return execute.Secrets{}, fmt.Errorf("cannot set up password hashing: %w", err)
	}
	digest, err := hasher.Hash(clear.Reveal())
	if err != nil {
		return execute.Secrets{}, fmt.Errorf("cannot hash the password: %w", err)
	}
	return execute.Secrets{PasswordHash: digest.Encode()}, nil
}
