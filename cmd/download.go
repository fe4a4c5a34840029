package cmd

import (
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
)

func downloadCmd(c *call) *cobra.Command {
	var format, dir string
	cmd := &cobra.Command{
		Use:     "download ID --format nginx --out DIR",
		Short:   "Save the certificate as files for a server",
		Long:    "Save the certificate as files for a server. Formats: " + strings.Join(bundle.Formats(), ", ") + ".\nFiles that hold a key get the mode 0600.",
		Example: "  certquay download shop.example.com --format nginx --out /etc/nginx/tls",
		Args:    one("ID"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := c.changing(lifecycle.Download); err != nil {
				return err
			}
			if dir == "" {
				return &usageError{"download needs a directory", "--out DIR, or --out - for the chain on standard output"}
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			files, err := c.engine().Download(cmd.Context(), c.Actor, i.ID, format)
			if err != nil {
				return err
			}
			if dir == "-" {
				return c.toOutput(files)
			}
			if err := c.MkdirAll(dir, 0o755); err != nil {
				return &failedError{what: "the directory cannot be made: " + err.Error(), hint: "choose another with --out"}
			}
			var written []string
			for _, f := range files {
				path := filepath.Join(dir, f.Name)
				if err := c.write(path, f); err != nil {
					return err
				}
				written = append(written, path)
			}
			if c.g.json {
				return c.printJSON(map[string]any{"id": i.ID, "format": format, "files": written})
			}
			for _, path := range written {
				c.say("%s", path)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "nginx", "one of: "+strings.Join(bundle.Formats(), ", "))
	cmd.Flags().StringVar(&dir, "out", "", "directory to write to; - writes what holds no key to standard output")
	return cmd
}

// write puts one file in place whole or not at all.
func (c *call) write(path string, f bundle.OutFile) error {
	if err := c.put(path, f); err != nil {
		return &failedError{what: "cannot write " + path + ": " + err.Error(), hint: "nothing else is written; choose another directory with --out"}
	}
	return nil
}

// put is write for the dashboard, which puts errors into words itself.
func (c *call) put(path string, f bundle.OutFile) error {
	mode := modePublic
	if f.Secret {
		mode = modeSecret
	}
	out, err := c.Create(path, mode)
	if err == nil {
		if _, err = out.Write(f.Data); err != nil {
			_ = out.Abort()
		} else {
			err = out.Close()
		}
	}
	return err
}

// toOutput writes what holds no key to standard output; keys never go there,
// and what is part of another file only goes there once.
func (c *call) toOutput(files []bundle.OutFile) error {
	for _, f := range files {
		part := func(o bundle.OutFile) bool {
			return !o.Secret && len(o.Data) > len(f.Data) && bytes.Contains(o.Data, f.Data)
		}
		if f.Secret || strings.HasSuffix(f.Name, ".txt") || slices.ContainsFunc(files, part) {
			continue
		}
		if _, err := c.Out.Write(f.Data); err != nil {
			return err
		}
	}
	return nil
}
