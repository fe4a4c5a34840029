package cmd

import (
	"archive/tar"
	"bytes"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/model"
	"certquay/ui/text"
)

// singleFileFormats are the formats that consist of a single file without a key.
var singleFileFormats = []string{"chain", "root"}

func downloadCmd(c *invocation) *cobra.Command {
	var format, dir string
	cmd := &cobra.Command{
		Use:  "download",
		Long: out.Join(bundle.Formats()),
		Example: "  certquay download shop.example.com --format nginx --out /etc/nginx/tls\n" +
			"  ssh HOST download shop.example.com --format nginx --out - > bundle.tar",
		Args: exactArg("arg.id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dir == "" {
				return out.Usage("usage.download-out")
			}
			if dir == "-" && c.Terminal && !slices.Contains(singleFileFormats, format) {
				return out.Usage("usage.download-terminal")
			}
			i, err := c.engine().Find(args[0])
			if err != nil {
				return err
			}
			files, err := c.engine().Download(cmd.Context(), i.ID, format)
			if err != nil {
				return err
			}
			for n := range files {
				if t := files[n].Text; t != "" {
					files[n].Data = c.Words().Page(t)
				}
			}
			if dir == "-" {
				return c.writeToStdout(files)
			}
			if err := c.MkdirAll(dir, 0o755); err != nil {
				return out.Failed("failed.directory", "cause", err, "flag", "--out")
			}
			var written []string
			for _, f := range files {
				path := filepath.Join(dir, f.Name)
				if err := c.write(path, f); err != nil {
					return err
				}
				written = append(written, path)
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"id": i.ID, "format": format, "files": written})
			}
			for _, path := range written {
				c.Print(text.Clean(path))
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&format, "format", "nginx", out.Join(bundle.Formats()))
	cmd.Flags().StringVar(&dir, "out", "", "")
	return cmd
}

// writeToStdout writes files to standard output: a single one without a key as it is,
// otherwise all as a tar archive (POSIX.1-2001 pax), in which files with a key have
// mode 0600.
func (c *invocation) writeToStdout(files []bundle.OutFile) error {
	if public, ok := onlyFile(files); ok {
		_, err := c.Out.Write(public)
		return err
	}
	var b bytes.Buffer
	archive := tar.NewWriter(&b)
	for _, f := range files {
		mode := modePublic
		if f.Secret {
			mode = modeSecret
		}
		h := &tar.Header{Name: f.Name, Mode: int64(mode), Size: int64(len(f.Data)), ModTime: c.engine().Now(), Format: tar.FormatPAX}
		if err := archive.WriteHeader(h); err != nil {
			return model.Fail("verb.archive-file", "file", f.Name, "cause", err)
		}
		if _, err := archive.Write(f.Data); err != nil {
			return model.Fail("verb.archive-file", "file", f.Name, "cause", err)
		}
	}
	if err := archive.Close(); err != nil {
		return model.Fail("verb.archive", "cause", err)
	}
	_, err := c.Out.Write(b.Bytes())
	return err
}

// onlyFile returns the only file of a format, apart from its install note; ok is false if
// there are several or it contains a key.
func onlyFile(files []bundle.OutFile) (data []byte, ok bool) {
	for _, f := range files {
		switch {
		case f.Secret, ok && !strings.HasSuffix(f.Name, ".txt"):
			return nil, false
		case !strings.HasSuffix(f.Name, ".txt"):
			data, ok = f.Data, true
		}
	}
	return data, ok
}
