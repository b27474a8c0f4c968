// Package remote is the driver for a host that is reached through ssh: Dial is the side that asks,
// Serve the side that answers on the host, in the same program ("reconciler agent").
//
// It promises that what a driver on the host does is what the caller sees: steps, observations and
// errors arrive as they were sent. The system's ssh is run as a child, so its configuration, agent
// and known hosts count; a host key that is not known is refused. The agent dies with its
// connection: running steps are finished within their limits, no other one begins, and the lock
// is given back. Either side gives up a peer that is silent. It takes nothing from its peer but the
// few known messages, each of a limited size, and whatever else arrives is answered with an error
// or ends the connection. It never puts a secret into an argument list, the environment or a log,
// and never passes a text to a shell that it has not quoted.
package remote

import "time"

const (
	// patience is how long a peer may be silent; it sends something every beat.
	patience = 30 * time.Second
	beat     = patience / 6

	// grace is how long a peer may take to answer a call that was cancelled.
	grace = 15 * time.Second

	// freshFor is how long the observation that came with a lock counts as made just now.
	freshFor = time.Second

	// maxSteps is how many calls a client has open at once; an agent refuses maxCalls.
	maxSteps = 32
	maxCalls = 2*maxSteps + 16

	maxRequest = 1 << 20  // bytes of a message to the agent
	maxAnswer  = 64 << 20 // bytes of a message of the agent
)
