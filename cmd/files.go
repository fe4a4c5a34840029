package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"certquay/cmd/out"
	"certquay/cmd/session"
	"certquay/lifecycle/bundle"
	"certquay/model"
)

// fileUsageError returns a usage error for a file that cannot be read, with advice.
func fileUsageError(path string, err error) error {
	var other *session.NotRegularError
	switch {
	case errors.As(err, &other):
		return out.Usage("usage.not-regular", "cause", other)
	case errors.Is(err, fs.ErrNotExist):
		return out.Usage("usage.no-file", "file", path)
	case errors.Is(err, fs.ErrPermission):
		return out.Usage("usage.not-readable", "file", path)
	case errors.Is(err, syscall.EISDIR):
		return out.Usage("usage.directory", "file", path)
	}
	return out.Usage("usage.unread", "file", path, "cause", err)
}

// password reads a password from the first line of a file of the caller's.
func (c *invocation) password(ctx context.Context, path string) (model.Secret, error) {
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

// read reads one file of the caller's, or standard input for "-", until ctx ends. It
// reads at most one byte more than an upload may have, so that the caller can detect
// excess.
func (c *invocation) read(ctx context.Context, path string) ([]byte, error) {
	data, err := c.readFile(ctx, path)
	if err != nil && !errors.Is(err, context.Canceled) {
		return nil, fileUsageError(path, err)
	}
	return data, err
}

// readFile is read without conversion of errors, for the dashboard.
func (c *invocation) readFile(ctx context.Context, path string) ([]byte, error) {
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
	case <-ctx.Done(): // closing the file ends the reading goroutine
		return nil, errors.Join(context.Canceled, f.Close())
	}
}

const (
	modePublic os.FileMode = 0o644
	modeSecret os.FileMode = 0o600
)

// write writes a file atomically.
func (c *invocation) write(path string, f bundle.OutFile) error {
	if err := c.writeRaw(path, f); err != nil {
		return out.Failed("failed.write", "file", path, "cause", err)
	}
	return nil
}

// writeRaw is write without conversion of errors, for the dashboard.
func (c *invocation) writeRaw(path string, f bundle.OutFile) error {
	mode := modePublic
	if f.Secret {
		mode = modeSecret
	}
	to, err := c.Create(path, mode)
	if err == nil {
		if _, err = to.Write(f.Data); err != nil {
			_ = to.Abort()
		} else {
			err = to.Close()
		}
	}
	return err
}

// saveFile writes one downloaded file and returns its absolute path.
func (c *invocation) saveFile(path string, data []byte, secret bool) (string, error) {
	if err := c.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	return c.Abs(path), c.writeRaw(path, bundle.OutFile{Name: path, Data: data, Secret: secret})
}
