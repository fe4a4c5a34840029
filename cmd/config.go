package cmd

import (
	"errors"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"certquay/cmd/app"
	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/model"
	"certquay/ui"
)

func configCmd(c *invocation) *cobra.Command {
	cmd := &cobra.Command{
		Use: "config", Args: unknownVerb,
		RunE: func(*cobra.Command, []string) error {
			return c.printConfig()
		},
	}
	cmd.AddCommand(
		&cobra.Command{Use: "check", Args: maxOneArg,
			RunE: func(cmd *cobra.Command, args []string) error { return c.checkConfig(cmd, args) }},
		&cobra.Command{Use: "diff", Args: exactArg("arg.file"),
			RunE: func(cmd *cobra.Command, args []string) error { return c.diffConfig(cmd, args[0]) }},
	)
	return cmd
}

// printConfig prints the configuration in force, with the file that it comes from.
func (c *invocation) printConfig() error {
	cfg, err := c.configInForce()
	if err != nil {
		return err
	}
	w, err := c.places()
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(map[string]any{"file": w.config, "values": cfg.Values()})
	}
	code := "verb.config.of"
	if _, err := os.Stat(w.config); errors.Is(err, fs.ErrNotExist) {
		code = "verb.config.none"
	}
	c.Note(code, "file", w.config) // apart from the configuration, which can be used as a file
	_, err = c.Out.Write(cfg.Marshal(c.Words()))
	return err
}

// configInForce returns the configuration of the owner, or without one that of the
// file that an owner would read.
func (c *invocation) configInForce() (*config.Config, error) {
	if c.app != nil {
		return c.app.Config, nil
	}
	w, err := c.places()
	if err != nil {
		return nil, err
	}
	return app.LoadConfig(w.config)
}

// problemJSON is a mistake in a configuration file. Line and column are null where the
// file as a whole is wrong.
type problemJSON struct {
	Line    *int    `json:"line"`
	Column  *int    `json:"column"`
	Field   *string `json:"field"`
	Problem string  `json:"problem"`
	Hint    *string `json:"hint"`
}

// checkConfig prints what is wrong in a configuration file, by default the one in use
// (spec O6).
func (c *invocation) checkConfig(cmd *cobra.Command, args []string) error {
	var file string
	var read *config.Config
	var err error
	if len(args) == 1 {
		file = args[0]
		read, err = c.parseConfig(cmd, file)
	} else {
		w, werr := c.places()
		if werr != nil {
			return werr
		}
		file = w.config
		read, err = config.Load(file)
	}
	problems := config.Problems(err)
	if err != nil && len(problems) == 0 {
		return err
	}
	items := []problemJSON{}
	for _, p := range problems {
		items = append(items, problemJSON{
			intOrNil(p.Line), intOrNil(p.Column), out.OrNil(p.Field), out.English(p.Problem), out.OrNil(out.English(p.Hint)),
		})
		c.Print(c.Words().Text(p.AsText()))
	}
	if c.JSON {
		if err := c.PrintJSON(items); err != nil {
			return err
		}
	}
	_, missing := os.Stat(file)
	switch {
	case len(args) == 0 && errors.Is(missing, fs.ErrNotExist):
		c.Say("verb.config.none", "file", file)
		return nil
	case len(problems) == 0:
		c.Say("verb.config.right", "file", file)
		for _, k := range ui.KeysTaken(read.UI.Keymap()) {
			c.Note("verb.config.key-taken", "action", k.Action, "key", k.Key, "by", k.By)
		}
		return nil
	case len(problems) >= config.MaxErrors:
		c.Note("verb.config.more", "n", config.MaxErrors)
	}
	return &out.ExitError{Code: out.ExitUsage}
}

// parseConfig reads a configuration file of the caller's.
func (c *invocation) parseConfig(cmd *cobra.Command, file string) (*config.Config, error) {
	text, err := c.read(cmd.Context(), file)
	if err != nil {
		return nil, err
	}
	return config.Parse(file, text)
}

// changeJSON is a setting that another configuration would change.
type changeJSON struct {
	Setting string `json:"setting"`
	Now     any    `json:"now"`
	Then    any    `json:"then"`
}

// diffConfig prints what a configuration file would change (spec O6).
func (c *invocation) diffConfig(cmd *cobra.Command, file string) error {
	now, err := c.configInForce()
	if err != nil {
		return err
	}
	then, err := c.parseConfig(cmd, file)
	if len(config.Problems(err)) > 0 {
		return &out.UsageError{What: model.TextOf(err), Hint: model.Say("usage.config", "file", file)}
	}
	if err != nil {
		return err
	}
	items, rows := []changeJSON{}, [][]string(nil)
	for _, d := range config.Diff(now, then) {
		items = append(items, changeJSON{d.Setting, config.Plain(d.Now), config.Plain(d.Then)})
		rows = append(rows, []string{d.Setting, valueOrDash(d.Now), valueOrDash(d.Then)})
	}
	switch {
	case c.JSON:
		return c.PrintJSON(items)
	case len(rows) == 0:
		c.Say("verb.config.same", "file", file)
	default:
		c.Table(c.Heads("setting", "now", "then"), rows)
	}
	return nil
}

func valueOrDash(v any) string {
	if v == nil {
		return "-"
	}
	return config.Value(v)
}

func intOrNil(n int) *int {
	if n == 0 {
		return nil
	}
	return &n
}
