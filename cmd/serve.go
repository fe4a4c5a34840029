package cmd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/host"
	"certquay/cmd/session"
	"certquay/model"
)

const serveName = "serve"

func serveCmd(c *call) *cobra.Command {
	var listen, keys string
	cmd := &cobra.Command{
		Use:   serveName,
		Short: "Run without a screen: scheduler, products, CRL and OCSP, and SSH with --listen",
		Long: `Run without a screen: scheduler, products, CRL and OCSP. With --listen the
same dashboard and verbs are offered over SSH, by public key only, to the keys
of an authorized_keys file. Each key listed there acts as an owner of the
store; there are no lesser roles yet. A path of a verb would be read on this
machine, so over SSH only - is taken. With --read-only nobody may change
anything, whichever way they come, while certquay goes on renewing and deploying
by itself.`,
		Example: "  certquay serve\n  certquay serve --listen 127.0.0.1:2222 --authorized-keys ~/.ssh/authorized_keys",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if c.Kind != session.Local {
				return &usageError{
					fmt.Sprintf("the store is served already, by process %d", os.Getpid()),
					"stop that process first, or give it --listen",
				}
			}
			return c.serve(cmd.Context(), listen, keys)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "", "offer SSH at this address, for example 127.0.0.1:2222")
	cmd.Flags().StringVar(&keys, "authorized-keys", "", "file of public keys (default: of the configuration)")
	return cmd
}

func (c *call) serve(ctx context.Context, listen, keysFile string) error {
	a := c.app
	a.serving = true
	a.examine(ctx)
	if err := a.keepBackups(); err != nil {
		return err
	}
	failed := make(chan error, 1)
	if listen != "" {
		dir := filepath.Dir(a.file)
		if keysFile == "" {
			keysFile = a.Config.SSH.AuthorizedKeysIn(dir)
		}
		keys, err := host.OpenKeys(keysFile)
		if err != nil {
			return &usageError{err.Error(), "put the public keys of those who may come into " + keysFile}
		}
		key, err := host.LoadHostKey(a.Config.SSH.HostKeyIn(dir))
		if err != nil {
			return &failedError{what: err.Error(), hint: "mend or remove the file; a new key is made then, and clients have to accept it"}
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
		if err != nil {
			return &usageError{"cannot listen: " + err.Error(), "choose another address with --listen"}
		}
		go func() {
			failed <- a.Host.ServeNetwork(ctx, l, host.Network{Keys: keys, HostKey: key, Authorize: asOwner})
		}()
		c.say("SSH at %s for the keys of %s", l.Addr(), keysFile)
		for _, line := range keys.Ignored() {
			c.note("warning: %s", line)
		}
	}
	c.say("serving; %s", c.where())
	select {
	case <-ctx.Done():
		c.say("stopping")
		return nil
	case err := <-failed:
		if err == nil || errors.Is(err, net.ErrClosed) {
			return nil
		}
		return &failedError{what: err.Error(), hint: "nothing is served any more"}
	}
}

// where tells which products serve.
func (c *call) where() string {
	var names []string
	for _, p := range c.engine().Products() {
		if !p.Problem.IsZero() {
			c.note("warning: %s: %s", p.Name, c.words().Text(p.Problem))
			continue
		}
		names = append(names, p.Name)
	}
	return "products " + strings.Join(names, " ")
}

// asOwner lets every listed key be an owner; roles come later, and the help
// says so.
func asOwner(_ context.Context, id host.Identity) (model.Actor, error) {
	name := id.Comment
	if name == "" {
		name = id.Fingerprint
	}
	return model.Actor{Name: name, Role: model.Owner, Via: "ssh", Key: id.Fingerprint}, nil
}
