package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

func uploadCmd(c *call) *cobra.Command {
	var key, passwordFile string
	r := lifecycle.UploadRequest{}
	cmd := &cobra.Command{
		Use: "upload",
		Example: "  certquay upload store.p12 --password-file pass.txt\n" +
			"  certquay upload fullchain.pem --key privkey.pem\n" +
			"  cat bundle.pem | certquay upload -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return misused(cmd, "usage.no-files")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.engine().Allow(cmd.Context(), rules.Upload, ""); err != nil {
				return err
			}
			if key != "" {
				args = append(args, key)
			}
			password, err := c.password(cmd.Context(), passwordFile)
			if err != nil {
				return err
			}
			for _, path := range args {
				data, err := c.read(cmd.Context(), path)
				if err != nil {
					return err
				}
				r.Files = append(r.Files, bundle.File{Name: path, Data: data, Password: password})
			}
			res, err := c.engine().Upload(cmd.Context(), r)
			if err != nil {
				return err
			}
			for _, w := range res.Warnings {
				c.Note("verb.warning", "what", w.Text)
			}
			return c.show(res.Instance.ID, model.Say("verb.uploaded", "id", res.Instance.ID))
		},
	}
	cmd.Flags().StringVar(&key, "key", "", "")
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	cmd.Flags().StringVar(&r.Name, "name", "", "")
	return cmd
}

// password reads a password from the first line of a file of the caller's.
func (c *call) password(ctx context.Context, path string) (model.Secret, error) {
	if path == "" {
		return model.Secret{}, nil
	}
	data, err := c.read(ctx, path)
	if err != nil {
		return model.Secret{}, err
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	return model.NewSecret(bytes.TrimSuffix(line, []byte("\r"))), nil
}

// read takes in one file of the caller's, or standard input for "-", until ctx
// ends. It stops one byte past what an upload may have, so that too large is
// noticed.
func (c *call) read(ctx context.Context, path string) ([]byte, error) {
	data, err := c.readFile(ctx, path)
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, unread(path, err)
	}
	return data, err
}

// readFile is read for the dashboard, which puts errors into words itself.
func (c *call) readFile(ctx context.Context, path string) ([]byte, error) {
	f, err := c.Open(path)
	if err != nil {
		return nil, err
	}
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		data, err := io.ReadAll(io.LimitReader(f, bundle.MaxBytes+1))
		done <- result{data, err}
	}()
	select {
	case r := <-done:
		return r.data, errors.Join(r.err, f.Close())
	case <-ctx.Done(): // the reading ends as its file is closed, or the input's person gone
		return nil, errors.Join(context.Canceled, f.Close())
	}
}

func uploadKeyCmd(c *call) *cobra.Command {
	var passwordFile string
	cmd := &cobra.Command{
		Use: "upload-key",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return misused(cmd, "usage.upload-key")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			if err := c.engine().Allow(cmd.Context(), rules.UploadKey, i.ID); err != nil {
				return err
			}
			data, err := c.read(cmd.Context(), args[1])
			if err != nil {
				return err
			}
			password, err := c.password(cmd.Context(), passwordFile)
			if err != nil {
				return err
			}
			key := bundle.File{Name: args[1], Data: data, Password: password}
			if err := c.engine().UploadKey(cmd.Context(), i.ID, key); err != nil {
				return err
			}
			return c.show(i.ID, model.Say("verb.key-added"))
		},
	}
	cmd.Flags().StringVar(&passwordFile, "password-file", "", "")
	return cmd
}
