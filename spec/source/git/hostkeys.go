package git

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// hostConfig says which keys the server may have.
func (s *Source) hostConfig(addr string) (*ssh.ClientConfig, error) {
	files, err := s.knownHosts()
	if err != nil {
		return nil, err
	}
	known, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, fmt.Errorf("cannot read known hosts: %w", err)
	}
	var algorithms []string
	for _, a := range known.HostKeyAlgorithms(addr) {
		if a != ssh.KeyAlgoRSA && a != ssh.CertAlgoRSAv01 { // they sign with SHA-1
			algorithms = append(algorithms, a)
		}
	}
	if len(algorithms) == 0 {
		return nil, fmt.Errorf("the host is not in known hosts (%s); %s",
			strings.Join(files, ", "), keyscan(s.at))
	}
	return &ssh.ClientConfig{HostKeyCallback: known.HostKeyCallback(),
		HostKeyAlgorithms: algorithms}, nil
}

// knownHosts lists the files that say which keys hosts have.
func (s *Source) knownHosts() ([]string, error) {
	if file := s.o.Auth.KnownHostsFile; file != "" {
		return []string{file}, nil
	}
	var usual, files []string
	if home, err := os.UserHomeDir(); err == nil {
		usual = append(usual, filepath.Join(home, ".ssh", "known_hosts"))
	}
	usual = append(usual, "/etc/ssh/ssh_known_hosts")
	for _, file := range usual {
		if _, err := os.Stat(file); err == nil {
			files = append(files, file)
		} else if !os.IsNotExist(err) {
			return nil, fmt.Errorf("cannot read known hosts: %w", err)
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is no file of known hosts (%s); %s",
			strings.Join(usual, ", "), keyscan(s.at))
	}
	return files, nil
}

// sshAuth says how we prove who we are. done must be called after the handshake.
func sshAuth(ctx context.Context, secrets *secrets) (_ []ssh.AuthMethod, done func(), err error) {
	if len(secrets.sshKey) == 0 {
		return agentAuth(ctx)
	}
	signer, err := ssh.ParsePrivateKey(secrets.sshKey)
	if missing := (*ssh.PassphraseMissingError)(nil); errors.As(err, &missing) {
		if len(secrets.passphrase) == 0 {
			return nil, nil, errors.New("the ssh key is encrypted and no passphrase file is given")
		}
		signer, err = ssh.ParsePrivateKeyWithPassphrase(secrets.sshKey, secrets.passphrase)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("cannot use the ssh key: %w", err)
	}
	return []ssh.AuthMethod{ssh.PublicKeys(signer)}, func() {}, nil
}

func agentAuth(ctx context.Context) ([]ssh.AuthMethod, func(), error) {
	socket := os.Getenv("SSH_AUTH_SOCK")
	if socket == "" {
		return nil, nil, errors.New("no ssh key file is given and no agent runs (SSH_AUTH_SOCK)")
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot ask the ssh agent: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	return []ssh.AuthMethod{ssh.PublicKeysCallback(agent.NewClient(conn).Signers)}, func() {
		stop()
		_ = conn.Close()
	}, nil
}
