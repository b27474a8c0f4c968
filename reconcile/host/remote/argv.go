package remote

import "fmt"

// commonArgs are the options of every ssh that we start. They win over the user's configuration
// where it would have ssh ask somebody, believe an unknown host key, or run something else.
func commonArgs() []string {
	return []string{
		"-T", "-a", "-x", "-e", "none",
		"-o", "BatchMode=yes",
		"-o", "StrictHostKeyChecking=yes",
		"-o", "UpdateHostKeys=no",
		"-o", "ClearAllForwardings=yes",
		"-o", "RemoteCommand=none",
		"-o", "PermitLocalCommand=no",
		"-o", "LogLevel=ERROR",
		"-o", fmt.Sprintf("ConnectTimeout=%d", int(connectLimit.Seconds())),
		"-o", "ServerAliveInterval=10",
		"-o", "ServerAliveCountMax=3",
	}
}

// sshArgs is the command line that runs a command on a host; the zeroth is the program.
func sshArgs(o Options, a address, command string) ([]string, error) {
	program := []string{o.SSH}
	if o.SSHConfig != "" {
		program = append(program, "-F", o.SSHConfig)
	}
	args := append(program[:len(program):len(program)], commonArgs()...)
	if o.Gateway != nil {
		proxy, err := o.Gateway.proxyCommand(program)
		if err != nil {
			return nil, err
		}
		args = append(args, "-o", "ProxyCommand="+proxy)
	}
	return append(append(args, a.args()...), command), nil
}
