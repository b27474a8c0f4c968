package reconcile

import (
	"context"
	"fmt"

	"github.com/go-crypt/crypt/algorithm/shacrypt"

	"reconciler/reconcile/execute"
	"reconciler/reconcile/plan"
	"reconciler/spec"
	"reconciler/state"
)

// Rounds of SHA-512 crypt(5). Stretching makes guessing dearer; a password as long as the generated
// ones, which have 191 bits, is not guessed, and a hundred containers are to be made in a second.
const (
	rounds     = shacrypt.IterationsDefaultOmitted
	roundsLong = shacrypt.IterationsMin
	long       = 32
)

// passwords gives steps the hash of their container's password. The clear text stays in here.
type passwords struct {
	journal *journal
	keys    *state.Sealer
	sealed  map[string]spec.Secret // by uid; those that were sealed in this pass
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
	clear, ok := p.sealed[s.UID]
	if !ok {
		var err error
		if clear, err = p.keys.Open(r.UID, r.Password); err != nil {
			return execute.Secrets{}, fmt.Errorf("cannot open the sealed password: %w", err)
		}
	}
	return hash(clear)
}

func hash(clear spec.Secret) (execute.Secrets, error) {
	n := rounds
	if len(clear.Reveal()) >= long {
		n = roundsLong
	}
	hasher, err := shacrypt.New(shacrypt.WithSHA512(), shacrypt.WithIterations(n))
	if err != nil {
		return execute.Secrets{}, fmt.Errorf("cannot set up password hashing: %w", err)
	}
	digest, err := hasher.Hash(clear.Reveal())
	if err != nil {
		return execute.Secrets{}, fmt.Errorf("cannot hash the password: %w", err)
	}
	return execute.Secrets{PasswordHash: digest.Encode()}, nil
}
