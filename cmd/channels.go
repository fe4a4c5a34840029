package cmd

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
	"certquay/model"
)

// nextURL matches a comma that separates two URLs; URLs may contain commas.
var nextURL = regexp.MustCompile(`,([a-zA-Z][a-zA-Z0-9+.-]*:)`)

// channelFlags are the flags for channels. Their URLs contain tokens, and arguments are
// visible to other users of the machine, so URLs can also be read from files.
type channelFlags struct{ urls, files []string }

func (f *channelFlags) bind(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.urls, "channel", nil, "")
	cmd.Flags().StringArrayVar(&f.files, "channel-file", nil, "")
}

// read returns the URLs of all flags.
func (f *channelFlags) read(ctx context.Context, c *invocation) (all []string, err error) {
	add := func(line string) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, line)
		}
	}
	for _, u := range f.urls {
		for _, one := range strings.Split(nextURL.ReplaceAllString(u, "\n$1"), "\n") {
			add(one)
		}
	}
	for _, path := range f.files {
		if path == "-" && c.Interactive {
			line, err := c.AskSecret(ctx, c.Text("verb.ask.channel"))
			if err != nil && !errors.Is(err, io.EOF) {
				return nil, err
			}
			add(line)
			continue
		}
		data, err := c.read(ctx, path)
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(data)) {
			add(line)
		}
	}
	return all, nil
}

type channelTestJSON struct {
	Channel string  `json:"channel"`
	OK      bool    `json:"ok"`
	Unused  bool    `json:"unused"`
	Error   *string `json:"error"`
}

func contactTestCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "test", Args: exactArg("arg.name"),
		RunE: func(cmd *cobra.Command, args []string) error {
			tests, err := c.engine().TestContact(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			items, rows, failed := []channelTestJSON{}, [][]string(nil), len(tests) == 0
			for _, t := range tests {
				j := channelTestJSON{Channel: t.Channel, OK: t.Err == nil, Unused: t.Unused}
				result, why := "verb.channel.works", model.TextOf(t.Err)
				if t.Err != nil {
					j.Error, result = out.OrNil(out.English(why)), "verb.channel.fails"
				}
				if t.Unused {
					result = "verb.channel.unused"
				}
				failed = failed || t.Err != nil && !t.Unused
				items, rows = append(items, j), append(rows, []string{t.Channel, c.Text(result), c.Words().Text(why)})
			}
			if c.JSON {
				err = c.PrintJSON(items)
			} else {
				c.Table(c.Heads("channel", "result", "why"), rows)
			}
			if err == nil && failed {
				return &out.ExitError{Code: out.ExitFailed}
			}
			return err
		},
	}
}
