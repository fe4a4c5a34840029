package cmd

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/cmd/sshd"
	"certquay/model"
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
		dir := filepath.Dir(a.ConfigFile)
		if keysFile == "" {
			keysFile = a.Config.SSH.AuthorizedKeysIn(dir)
		}
		keys, err := sshd.OpenKeys(keysFile)
		if err != nil {
			return out.Usage("usage.keys", "cause", err, "file", keysFile)
		}
		key, err := sshd.LoadHostKey(a.Config.SSH.HostKeyIn(dir))
		if err != nil {
			return out.Failed("failed.host-key", "cause", err)
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
		if err != nil {
			return out.Usage("usage.listen", "cause", err)
		}
		go func() {
			ended <- a.Sessions.ServeNetwork(ctx, l, sshd.Network{Keys: keys, HostKey: key, Authorize: authorizeOwner})
		}()
		c.Say("verb.serve.ssh", "address", l.Addr(), "file", keysFile)
		for _, line := range keys.Ignored() {
			c.Note("verb.warning", "what", line)
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

// authorizeOwner gives every listed key the role of an owner. There are no other roles yet, as
// the help says.
func authorizeOwner(_ context.Context, id sshd.Identity) (model.Actor, error) {
	name := id.Comment
	if name == "" {
		name = id.Fingerprint
	}
	return model.Actor{Name: name, Role: model.Owner, Via: "ssh", Key: id.Fingerprint}, nil
}
