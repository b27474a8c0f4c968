package apt

import (
	"fmt"
	"strings"
	"testing"
)

const offline = `Ign:1 http://mirror.example.org/debian bookworm InRelease
Err:1 http://mirror.example.org/debian bookworm InRelease
  Temporary failure resolving 'mirror.example.org'
Reading package lists...
W: Failed to fetch http://mirror.example.org/debian/InRelease  Temporary failure
W: Some index files failed to download. They have been ignored, or old ones used instead.
W: Some index files failed to download. They have been ignored, or old ones used instead.
Reading package lists...
Building dependency tree...
E: Unable to locate package lxc
`

func TestTellingLines(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ said, want string }{
		"nothing": {"", ""},
		"all is well": {"Get:1 http://mirror.example.org/debian lxc\nSetting up lxc ...\n" +
			"Processing triggers\n  indented\n", ""},
		"offline": {offline, `Err:1 http://mirror.example.org/debian bookworm InRelease
  Temporary failure resolving 'mirror.example.org'
W: Failed to fetch http://mirror.example.org/debian/InRelease  Temporary failure
W: Some index files failed to download. They have been ignored, or old ones used instead.
E: Unable to locate package lxc`},
		"a script of a package": {"Setting up a (1) ...\nSetting up b (1) ...\nno such user\n" +
			"dpkg: error processing package b (--configure):\n" +
			" installed b package post-installation script returned error exit status 1\n" +
			"Processing triggers for libc-bin ...\nErrors were encountered while processing:\n b\n" +
			"E: Sub-process /usr/bin/dpkg returned an error code (1)\n",
			"Setting up a (1) ...\nSetting up b (1) ...\nno such user\n" +
				"dpkg: error processing package b (--configure):\n" +
				" installed b package post-installation script returned error exit status 1\n" +
				"Errors were encountered while processing:\n b\n" +
				"E: Sub-process /usr/bin/dpkg returned an error code (1)"},
		"dependencies": {"Reading state information...\n" +
			"The following packages have unmet dependencies:\n" +
			" lxc : Depends: x but it is not installable\nE: Unable to correct problems\n",
			"The following packages have unmet dependencies:\n" +
				" lxc : Depends: x but it is not installable\nE: Unable to correct problems"},
		"a progress bar": {"0%\r50%\rE: broken\r\n", "E: broken"},
	} {
		if got := Telling(c.said); got != c.want {
			t.Errorf("%s: people read\n%s\nwant\n%s", name, got, c.want)
		}
	}
}

// Of very much the cause, which comes first, and the verdict at the end are both shown.
func TestTellingLinesAreFew(t *testing.T) {
	t.Parallel()
	var said strings.Builder
	said.WriteString("Err:0 first\n  the cause\n")
	for i := range 500 {
		fmt.Fprintf(&said, "W: %d\n", i)
	}
	said.WriteString("E: the verdict\n")
	got := Telling(said.String())
	if !strings.HasPrefix(got, "Err:0 first\n  the cause\nW: 0\n") ||
		!strings.HasSuffix(got, "\nW: 499\nE: the verdict") ||
		!strings.Contains(got, "\n… 491 lines more\n") || strings.Count(got, "\n") != mostLines {
		t.Errorf("people read\n%s", got)
	}
}

// FuzzTelling: what is said is made of what was said, whatever that is.
func FuzzTelling(f *testing.F) {
	f.Add(offline)
	f.Add("\r\n E: \x1b\x00")
	f.Fuzz(func(t *testing.T, said string) {
		for line := range strings.SplitSeq(Telling(said), "\n") {
			if !strings.Contains(said, line) && !strings.HasPrefix(line, "… ") {
				t.Errorf("nobody said %q in %q", line, said)
			}
		}
	})
}
