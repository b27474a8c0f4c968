package gittest

import (
	"net"
	"sync"
	"testing"
)

// Cut is how a network fails.
type Cut int

const (
	// Refuse ends all connections and refuses new ones.
	Refuse Cut = iota
	// Hang keeps connections open and accepts new ones, but no byte passes.
	Hang
)

// Gate is the way to a server on loopback, which a test can cut. Its methods may be called from
// several goroutines at once.
type Gate struct {
	t       testing.TB
	backend string // host:port
	addr    string // host:port
	wg      sync.WaitGroup

	mu     sync.Mutex
	ln     net.Listener // nil while cut with Refuse, and in the end
	conns  map[net.Conn]bool
	open   chan struct{} // closed while bytes may pass
	closed bool
}

func newGate(t testing.TB, backend string) *Gate {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &Gate{t: t, backend: backend, addr: ln.Addr().String(), conns: map[net.Conn]bool{},
		open: make(chan struct{})}
	close(g.open)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.listenLocked(ln)
	return g
}

func (g *Gate) listenLocked(ln net.Listener) {
	g.ln = ln
	g.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			g.wg.Go(func() { g.serve(c) })
		}
	})
}

// Block cuts the network until Unblock.
func (g *Gate) Block(how Cut) {
	g.Unblock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if how == Hang {
		g.open = make(chan struct{})
		return
	}
	g.endLocked()
}

// Unblock mends the network: connections that hang go on, and new ones are accepted.
func (g *Gate) Unblock() {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.passLocked()
	if g.ln != nil || g.closed {
		return
	}
	ln, err := net.Listen("tcp", g.addr)
	if err != nil {
		g.t.Fatal(err)
	}
	g.listenLocked(ln)
}

func (g *Gate) close() {
	g.mu.Lock()
	g.closed = true
	g.endLocked()
	g.passLocked()
	g.mu.Unlock()
	g.wg.Wait()
}

func (g *Gate) endLocked() {
	if g.ln != nil {
		_ = g.ln.Close()
	}
	g.ln = nil
	for c := range g.conns {
		_ = c.Close()
	}
}

func (g *Gate) passLocked() {
	select {
	case <-g.open:
	default:
		close(g.open)
	}
}

// wait returns when bytes may pass.
func (g *Gate) wait() {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	<-open
}

// keep remembers a connection so that a cut ends it, and reports whether it came too late.
func (g *Gate) keep(c net.Conn) (late bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = true
	return g.ln == nil
}

func (g *Gate) drop(c net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	_ = c.Close()
}

func (g *Gate) serve(client net.Conn) {
	defer g.drop(client)
	if g.keep(client) {
		return
	}
	g.wait()
	server, err := net.Dial("tcp", g.backend)
	if err != nil {
		return
	}
	defer g.drop(server)
	if g.keep(server) {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { g.pass(client, server) })
	both.Go(func() { g.pass(server, client) })
	both.Wait()
}

// pass carries bytes in one direction until the source ends.
func (g *Gate) pass(to, from net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		g.wait()
		if _, failed := to.Write(buffer[:n]); failed != nil {
			_ = from.Close()
			return
		}
		if err != nil {
			_ = to.(*net.TCPConn).CloseWrite()
			return
		}
	}
}
