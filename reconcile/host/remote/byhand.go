package remote

import (
	"regexp"
	"strconv"
	"strings"
)

// route is where ssh goes, over which machine, and with which configuration.
type route struct {
	to      address
	gateway *Gateway // nil: none
	config  string   // empty: that of the user
}

func (d *dialer) route() route { return route{d.address, d.Gateway, d.SSHConfig} }

// user is who logs in to the host.
func (r route) user() string {
	if r.to.user == "" {
		return "USER"
	}
	return r.to.user
}

// failing is the machine that a text of ssh is about: the command with which a person logs in there
// as we do, and its name in known_hosts. Before the host has answered, the text can only be from
// the gateway.
func (r route) failing(said string) (byHand, known string) {
	if r.gateway != nil && strings.Contains(said, "kex_exchange_identification") {
		a := r.gateway.address()
		return commandLine(append(r.toGateway(), a.words()...)), a.inKnownHosts()
	}
	return r.byHand(), r.to.inKnownHosts()
}

// byHand is the command with which a person logs in to the host.
func (r route) byHand() string {
	text := commandLine(r.ssh())
	if r.gateway != nil {
		text += " " + r.over()
	}
	return text + " " + commandLine(r.to.words())
}

func (r route) ssh() []string {
	if r.config == "" {
		return []string{"ssh"}
	}
	return []string{"ssh", "-F", r.config}
}

// toGateway is ssh with all that it is told of the gateway but its address.
func (r route) toGateway() []string {
	key := r.gateway.KeyFile
	switch {
	case key == "":
		return r.ssh()
	case strings.Contains(key, "%"): // of which -i makes nothing
		return append(r.ssh(), "-o", "IdentitiesOnly=yes", "-o", `IdentityFile="`+percent(key)+`"`)
	}
	return append(r.ssh(), "-o", "IdentitiesOnly=yes", "-i", key)
}

// over is the option that has ssh go over the gateway. ssh -J takes neither a key for the gateway
// nor a configuration whose name is not plain.
func (r route) over() string {
	g := r.gateway
	if g.KeyFile == "" && (r.config == "" || isPlainWord(r.config)) {
		return "-J " + g.jump()
	}
	var words []string
	for _, word := range append(r.toGateway(), "-W") {
		words = append(words, percent(word))
	}
	proxy := commandLine(append(append(words, "[%h]:%p"), g.address().words()...))
	return `-o "ProxyCommand=` +
		strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(proxy) + `"`
}

// jump is the gateway as ssh -J takes it.
func (g Gateway) jump() string {
	to := g.Host
	if strings.Contains(to, ":") {
		to = "[" + to + "]"
	}
	if g.User != "" {
		to = g.User + "@" + to
	}
	if g.Port != 0 {
		to += ":" + strconv.Itoa(g.Port)
	}
	return to
}

// words are the arguments with which a person names the address.
func (a address) words() []string {
	to := a.host
	if a.user != "" {
		to = a.user + "@" + to
	}
	if a.port == 0 {
		return []string{to}
	}
	return []string{"-p", strconv.Itoa(a.port), to}
}

// commandLine is what a person types to have a shell take these words.
func commandLine(words []string) string {
	typed := make([]string, len(words))
	for i, w := range words {
		if typed[i] = w; !isPlainWord(w) {
			typed[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(typed, " ")
}

var plainForm = regexp.MustCompile(`^[A-Za-z0-9_@+=:,./-]+$`)

// isPlainWord reports whether no shell takes a word for anything but itself.
func isPlainWord(s string) bool { return plainForm.MatchString(s) }
