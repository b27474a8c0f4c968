package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// protect keeps browsers from being used against us: what is answered is not stored or guessed
// at, and a web site that lets its name point to this machine is refused.
func protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if overLoopback(r) && !isPlainHost(r.Host) {
			refuse(w, http.StatusForbidden,
				"on this address, the host of a request must be an IP address or localhost")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// overLoopback reports whether a request came over TCP from this machine. What is not known is
// taken for that.
func overLoopback(r *http.Request) bool {
	switch a := r.Context().Value(http.LocalAddrContextKey).(type) {
	case *net.UnixAddr:
		return false
	case *net.TCPAddr:
		return a.IP.IsLoopback()
	default:
		return true
	}
}

// isPlainHost reports whether a Host header needs no name server.
func isPlainHost(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	_, err := netip.ParseAddr(host)
	return err == nil || strings.EqualFold(host, "localhost")
}

// Exposed reports whether others than this machine can reach an address. There is neither TLS nor
// authentication on it.
func Exposed(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}
