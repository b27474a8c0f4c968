package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
)

// Program is an executable file that is delivered to hosts as their agent. It may be used from
// several goroutines.
type Program struct {
	path string
	once sync.Once
	hash string
	size int64
	err  error
}

// Self returns this very program, also after another version took its place on the disk.
func Self() *Program {
	if runtime.GOOS == "linux" {
		return &Program{path: "/proc/self/exe"}
	}
	path, err := os.Executable()
	return &Program{path: path, err: err}
}

// Hash returns the SHA-256 of the program, in hex. It is computed once.
func (p *Program) Hash() (string, error) {
	p.read()
	return p.hash, p.err
}

func (p *Program) read() {
	p.once.Do(func() {
		if p.err != nil {
			return
		}
		f, err := os.Open(p.path)
		if err != nil {
			p.err = err
			return
		}
		// It was only read.
		defer func() { _ = f.Close() }()
		sum := sha256.New()
		p.size, p.err = io.Copy(sum, f)
		p.hash = hex.EncodeToString(sum.Sum(nil))
	})
}

// copyTo writes the whole program.
func (p *Program) copyTo(w io.Writer) error {
	f, err := os.Open(p.path)
	if err != nil {
		return err
	}
	// It was only read.
	defer func() { _ = f.Close() }()
	_, err = io.Copy(w, f)
	return err
}

// runsOn returns an error if this build does not run on a machine, as uname(1) describes it.
func runsOn(system, machine string) error {
	if runtime.GOOS == "linux" && system == "Linux" && machineOf(runtime.GOARCH) == machine {
		return nil
	}
	return fmt.Errorf("the host is %s on %s, this program is built for %s on %s: install a build "+
		"for it there, and name its path in agent",
		clean(system), clean(machine), runtime.GOOS, runtime.GOARCH)
}

// machineOf is what uname -m says where a program of an architecture of Go runs.
func machineOf(arch string) string {
	switch arch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	case "386":
		return "i686"
	case "arm":
		return "armv7l"
	default: // riscv64, ppc64le, s390x and others have one name
		return arch
	}
}
