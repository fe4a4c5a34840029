package cmd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
)

const serveName = "serve"

func serveCmd(c *invocation) *cobra.Command {
	var listen, keys string
	cmd := &cobra.Command{
		Use:     serveName,
		Example: "  certquay serve\n  certquay serve --listen 127.0.0.1:2222 --authorized-keys ~/.ssh/authorized_keys",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Kind != session.Local {
				return out.Usage("usage.served", "pid", os.Getpid())
			}
			return c.serve(cmd.Context(), listen, keys)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "")
	cmd.Flags().StringVar(&keys, "authorized-keys", "", "")
	return cmd
}

func (c *invocation) serve(ctx context.Context, listen, keysFile string) error {
	a := c.app
	ended := make(chan error, 1)
	if listen != "" {
		n, err := c.network(ctx, keysFile)
		if err != nil {
			return err
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
		if err != nil {
			return out.Usage("usage.listen", "cause", err)
		}
		if err := c.checkWhoLogsIn(n, l.Addr()); err != nil {
			return errors.Join(err, l.Close())
		}
		// People are served until the owner has left: it waits for what they do, and has
		// dashboards attach to the next one.
		go func() { ended <- a.Sessions.ServeNetwork(context.WithoutCancel(ctx), l, *n) }()
		c.Say("verb.serve.ssh", "address", l.Addr())
		if a.Shared() && !a.ReadOnly {
			c.admitReplicas(ctx, l.Addr(), n.HostKey.PublicKey())
		}
	}
	switch at, err := a.ServeMetrics(ctx); {
	case err != nil: // certificates are renewed all the same
		a.Log.Error("metrics are not served", "error", err)
		c.Note("verb.serve.no-metrics", "cause", err)
	case at != "":
		c.Say("verb.serve.metrics", "address", at)
	}
	c.Say("verb.serve.on", "products", c.servedBy())
	select {
	case <-ctx.Done():
		c.Say("verb.serve.stopping")
		return nil
	case err := <-ended:
		if err == nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		return out.Failed("failed.serve", "cause", err)
	}
}

// admitReplicas tells the other machines that share the store where they reach this one,
// and whether that can be seen from here.
func (c *invocation) admitReplicas(ctx context.Context, at net.Addr, hostKey ssh.PublicKey) {
	address := c.app.Config.Store.Advertise
	if tcp, ok := at.(*net.TCPAddr); address == "" && ok && !tcp.IP.IsUnspecified() {
		address = at.String()
	}
	if address == "" {
		c.Note("verb.serve.replicas-unset")
		return
	}
	c.app.Publish(ctx, address, hostKey)
	c.Say("verb.serve.replicas", "address", address)
	go func() {
		if err := c.app.Check(ctx, address, hostKey); err != nil && ctx.Err() == nil {
			c.app.Log.Warn("this owner cannot be reached where it says", "error", err)
			c.Note("verb.serve.replicas-away", "cause", err)
		}
	}()
}

// servedBy describes which products serve.
func (c *invocation) servedBy() string {
	var names []string
	for _, p := range c.engine().Products() {
		if p.Problem != "" {
			c.Note("verb.serve.problem", "product", p.Name, "problem", p.Problem)
			continue
		}
		names = append(names, p.Name)
	}
	return strings.Join(names, " ")
}

// network returns who may log in over SSH: the users of the store, the keys of an
// authorized_keys file, certificates of the configured CAs, and the other machines that
// share the store. A file that is named must be usable; without a name it may be absent.
func (c *invocation) network(ctx context.Context, keysFile string) (*sshd.Network, error) {
	a := c.app
	dir := filepath.Dir(a.ConfigFile)
	named := keysFile != "" || a.Config.SSH.AuthorizedKeys != ""
	n := &sshd.Network{Users: a.Engine}
	if a.Shared() {
		n.Replica = a.ReplicaKey
	}
	if keysFile == "" {
		keysFile = a.Config.SSH.AuthorizedKeysIn(dir)
	}
	var err error
	n.Keys, err = sshd.OpenKeys(keysFile)
	if err != nil && (named || !errors.Is(err, sshd.ErrNoKeysFile)) {
		return nil, out.Usage("usage.keys", "cause", err, "file", keysFile)
	}
	if file := a.Config.SSH.UserCAFileIn(dir); file != "" {
		if n.CAs, err = sshd.OpenUserCAs(file); err != nil {
			return nil, out.Usage("usage.user-cas", "cause", err, "file", file)
		}
	}
	if n.HostKey, err = a.HostKey(ctx, a.Config.SSH.HostKeyIn(dir)); err != nil {
		return nil, out.Failed("failed.host-key", "cause", err)
	}
	return n, nil
}

// checkWhoLogsIn says who may log in. Where others than this machine can connect, it
// refuses to start before there is anybody (spec G1).
func (c *invocation) checkWhoLogsIn(n *sshd.Network, at net.Addr) error {
	a := c.app
	users, err := c.engine().Users()
	if err != nil {
		return err
	}
	able := 0
	for _, u := range users {
		if u.Enabled() && (len(u.Keys) > 0 || n.CAs != nil && len(u.Principals) > 0) {
			able++
		}
	}
	for _, line := range n.Keys.Ignored() {
		c.Note("verb.warning", "what", line)
	}
	keys := n.Keys.Len()
	tcp, _ := at.(*net.TCPAddr)
	switch {
	case able+keys > 0:
		c.Say("verb.serve.who", "users", able, "keys", keys)
	case a.Config.Store.Advertise != "", tcp != nil && tcp.IP.IsLoopback() && a.Shared():
		c.Note("verb.serve.only-replicas")
	case tcp == nil || !tcp.IP.IsLoopback():
		return out.Usage("usage.no-user", "address", at)
	default:
		c.Note("verb.serve.nobody")
	}
	return nil
}
