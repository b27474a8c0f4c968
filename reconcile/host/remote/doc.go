// Package remote is the driver for a host that is reached through ssh: Reach is the side that asks,
// Serve the side that answers on the host, in the same program ("reconciler agent").
//
// It promises that what a driver on the host does is what the caller sees: steps, observations and
// errors arrive as they were sent. All steps of a pass are sent as one batch, which the agent
// carries out by the rules of package execute; it reports progress without waiting for an answer.
// The system's ssh is run as a child, so its configuration, agent and known hosts count; a host key
// that is not known is refused. The agent dies with its connection: running steps are finished
// within their limits, no other one begins, and the lock is given back. Either side ends the
// connection when its peer has been silent for too long. It takes nothing from its peer but the few
// known messages, each of a limited size, and whatever else arrives is answered with an error or
// ends the connection. On a host without LXC, where the agent cannot run, it asks a shell for
// facts, and has the shell install LXC if the caller asks for that. It never puts a secret into an
// argument list, the environment or a log, and never passes a text to a shell that it has not
// quoted.
package remote

import "time"

const (
	// patience is how long a peer may be silent; it sends something every beat.
	patience = 30 * time.Second
	beat     = patience / 6

	// grace is how long a peer may take to answer a call that was cancelled.
	grace = 15 * time.Second

	// idle is how long an agent may take, with a batch, to begin a step while none runs: to receive
	// the batch, and to be told that what the step needs is recorded.
	idle = 10 * time.Minute

	// freshFor is how long the observation that came with a lock counts as made just now.
	freshFor = time.Second

	// maxParallel is how many containers an agent works on at once, maxCalls how many calls it
	// answers at once.
	maxParallel = 32
	maxCalls    = 80

	maxRequest = 1 << 20  // bytes of a message to the agent
	maxUpload  = 32 << 20 // bytes of steps that wait for the call of their batch
	maxAnswer  = 64 << 20 // bytes of a message of the agent
	maxText    = 1 << 20  // bytes of what a step says, or of its error
)
