package cmd

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"certquay/cmd/out"
	"certquay/lifecycle/bundle"
	"certquay/ui/text"
)

// manCmd writes man pages made from the command tree (spec O3). It needs no store.
func manCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "man", Args: exactArg("arg.directory"), ValidArgsFunction: completeDirectory,
		RunE: func(cmd *cobra.Command, args []string) error {
			dir := args[0]
			if err := c.MkdirAll(dir, 0o755); err != nil {
				return out.Failed("failed.man", "cause", err)
			}
			setHelp(c.Words(), cmd.Root())
			written := []string{}
			for _, page := range manPages(c.Words(), cmd.Root()) {
				path := filepath.Join(dir, page.Name)
				if err := c.writeRaw(path, page); err != nil {
					return out.Failed("failed.man", "cause", err)
				}
				written = append(written, path)
				c.Print(text.Clean(path))
			}
			if c.JSON {
				return c.PrintJSON(written)
			}
			return nil
		},
	}
}

func completeDirectory(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveFilterDirs
}

// manPages returns the man page of a verb, whose help texts are set, and those of its
// subcommands.
func manPages(words *text.Catalogue, cmd *cobra.Command) []bundle.OutFile {
	pages := []bundle.OutFile{{Name: manName(cmd) + ".1", Data: []byte(manPage(words, cmd))}}
	for _, sub := range subcommands(cmd) {
		pages = append(pages, manPages(words, sub)...)
	}
	return pages
}

// subcommands returns the subcommands that have pages.
func subcommands(cmd *cobra.Command) []*cobra.Command {
	return slices.DeleteFunc(slices.Clone(cmd.Commands()), func(sub *cobra.Command) bool { return !sub.IsAvailableCommand() })
}

// manName returns the name of the page of a verb, such as certquay-watch-add.
func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns a page in the format man(7). It has no date, so that equal programs
// make equal pages.
func manPage(words *text.Catalogue, cmd *cobra.Command) string {
	var m manWriter
	m.line(".TH", strings.ToUpper(manName(cmd)), "1", "", "certquay "+Version, "certquay")
	m.section(words.T("help.man.name"))
	m.text(manName(cmd) + " - " + cmd.Short)
	m.section(words.T("help.man.synopsis"))
	if cmd.Runnable() {
		m.verbatim(useLine(words, cmd))
	}
	subs := subcommands(cmd)
	if len(subs) > 0 {
		m.verbatim(cmd.CommandPath() + " " + words.T("help.verb"))
	}
	m.section(words.T("help.man.description"))
	if cmd.Long != "" {
		m.verbatim(cmd.Long)
	} else {
		m.text(cmd.Short)
	}
	if len(subs) > 0 {
		m.section(words.T("help.man.verbs"))
		for _, sub := range subs {
			m.item(sub.Name(), sub.Short)
		}
	}
	m.flags(words, words.T("help.man.options"), cmd.LocalFlags())
	m.flags(words, words.T("help.man.global-options"), cmd.InheritedFlags())
	if cmd.HasExample() {
		m.section(words.T("help.man.examples"))
		m.verbatim(cmd.Example)
	}
	var others []string
	if cmd.HasParent() {
		others = append(others, manName(cmd.Parent())+"(1)")
	}
	for _, sub := range subs {
		others = append(others, manName(sub)+"(1)")
	}
	if len(others) > 0 {
		m.section(words.T("help.man.see-also"))
		m.text(strings.Join(others, ", "))
	}
	return m.String()
}

// manWriter writes roff with the macros of man(7).
type manWriter struct{ strings.Builder }

// escaper makes text literal inside a line of roff.
var escaper = strings.NewReplacer(`\`, `\e`, "-", `\-`)

// text writes a text that is filled into lines.
func (m *manWriter) text(s string) {
	for line := range strings.Lines(s) {
		line = escaper.Replace(strings.TrimRight(line, "\n"))
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") { // it would be a request
			line = `\&` + line
		}
		m.WriteString(line + "\n")
	}
}

// verbatim writes a text whose lines and spaces are kept.
func (m *manWriter) verbatim(s string) {
	m.WriteString(".nf\n")
	m.text(s)
	m.WriteString(".fi\n")
}

// line writes a request with quoted arguments.
func (m *manWriter) line(request string, args ...string) {
	m.WriteString(request)
	for _, a := range args {
		m.WriteString(` "` + strings.ReplaceAll(escaper.Replace(a), `"`, `\(dq`) + `"`)
	}
	m.WriteString("\n")
}

func (m *manWriter) section(title string) { m.line(".SH", title) }

// item writes a term with its description.
func (m *manWriter) item(term, text string) {
	m.WriteString(".TP\n\\fB" + escaper.Replace(term) + "\\fR\n")
	m.text(text)
}

func (m *manWriter) flags(words *text.Catalogue, title string, flags *pflag.FlagSet) {
	if !flags.HasAvailableFlags() {
		return
	}
	m.section(title)
	for _, r := range flagRows(words, flags) {
		m.item(strings.TrimSpace(r.name), r.text)
	}
}
