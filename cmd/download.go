package cmd

import (
	"archive/tar"
	"bytes"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// downloadFlags are the flags of download.
type downloadFlags struct {
	selection
	format, dir string
	force       bool
}

func downloadCmd(c *invocation) *cobra.Command {
	d := downloadFlags{}
	cmd := &cobra.Command{
		Use:  "download",
		Long: out.Join(bundle.Formats()),
		Example: "  certquay download shop.example.com --format nginx --out /etc/nginx/tls\n" +
			"  certquay download --where 'on:*.example.com' --format pem --out backup\n" +
			"  ssh HOST download shop.example.com --format nginx --out - > bundle.tar",
		Args: d.args("arg.id", 0),
		RunE: func(cmd *cobra.Command, args []string) error {
			several := d.several(args)
			switch {
			case d.dir == "":
				return out.Usage("usage.download-out")
			case d.dir == "-" && several:
				return out.Usage("usage.download-one")
			case d.dir == "-" && c.Terminal && !slices.Contains(bundle.PublicFormats(), d.format):
				return out.Usage("usage.download-terminal")
			}
			return actOn(cmd.Context(), c, &d.selection, args, c.findInstances(), effect[model.Instance]{
				action: rules.Download, title: counted("many.download", "format", d.format, "dir", d.dir), harmless: true,
				plan: unasked[model.Instance],
				begin: func(ctx context.Context, i *model.Instance) (begun, error) {
					dir := d.dir
					if several {
						dir = filepath.Join(dir, directoryName(i))
					}
					o, err := c.download(ctx, i, &d, dir, several)
					return begun{end: func([]lifecycle.Progress) outcome { return o }}, err
				},
			})
		},
	}
	cmd.Flags().StringVar(&d.format, "format", "nginx", out.Join(bundle.Formats()))
	cmd.Flags().StringVar(&d.dir, "out", "", "")
	cmd.Flags().BoolVar(&d.force, "force", false, "")
	d.flags(cmd)
	return cmd
}

// directoryName returns the name of the directory for one of several certificates: its
// name with anything but letters, digits, dots and hyphens replaced, and its ID.
func directoryName(i *model.Instance) string {
	name := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || r < unicode.MaxASCII && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
			return r
		}
		return '_'
	}, i.Name)
	return strings.TrimLeft(name, ".") + "-" + i.ID.Short()
}

// download writes the files of a certificate into a directory, or to standard output for
// "-".
func (c *invocation) download(ctx context.Context, i *model.Instance, d *downloadFlags, dir string, several bool) (o outcome, err error) {
	files, err := c.engine().Download(ctx, i.ID, d.format)
	if err != nil {
		return o, err
	}
	for n := range files {
		if t := files[n].Text; t != "" {
			files[n].Data = c.Words().Page(t)
		}
	}
	if dir == "-" {
		return o, c.writeToStdout(files)
	}
	if err := c.confirmReplacing(ctx, files, dir, d.force, several); err != nil {
		return o, err
	}
	if err := c.MkdirAll(dir, 0o755); err != nil {
		return o, out.Failed("failed.directory", "cause", err, "flag", "--out")
	}
	written := []string{}
	for _, f := range files {
		path := filepath.Join(dir, f.Name)
		if err := c.write(path, f); err != nil {
			return o, err
		}
		written = append(written, path)
		o.lines = append(o.lines, model.Say("verb.note", "what", path))
	}
	o.result = map[string]any{"id": i.ID, "format": d.format, "files": written}
	return o, nil
}

// confirmReplacing asks before files are replaced, which may be the only copy of a key.
// Without a terminal, or for one of several certificates, it refuses; --yes does not
// suffice.
func (c *invocation) confirmReplacing(ctx context.Context, files []bundle.OutFile, dir string, force, several bool) error {
	var there []string
	for _, f := range files {
		if path := filepath.Join(dir, f.Name); c.Exists(path) {
			there = append(there, path)
		}
	}
	switch {
	case force || len(there) == 0:
		return nil
	case several || c.Yes || !c.Interactive:
		return out.Usage("usage.download-exists", "files", there)
	}
	return c.Confirm(ctx, c.Text("verb.download.replaces", "files", there), "")
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
