// Package environ says what the programs that a host driver starts get to know of our environment.
//
// It promises that they get a fixed PATH and HOME, the way to a proxy, and nothing else: our own
// environment may hold secrets, and a PATH of whoever started us decides on no program that root
// runs. It never changes our environment.
package environ

import "os"

// Clean returns the environment of a program that is started, as exec.Cmd.Env has it. The locale is
// one setting, such as LC_ALL=C for a program whose output is read. It may be called from several
// goroutines.
func Clean(locale string) []string {
	env := []string{
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", locale,
	}
	for _, name := range []string{
		"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
	} {
		if value, found := os.LookupEnv(name); found {
			env = append(env, name+"="+value)
		}
	}
	return env
}
