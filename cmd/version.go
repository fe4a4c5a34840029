package cmd

import (
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"certquay/cmd/out"
)

// Version is the version of certquay. Processes attach to each other only if their
// major and minor versions are equal.
var Version = version()

func version() string {
	const base = "0.1.0"
	if commit, _ := commit(); len(commit) >= 12 {
		return base + "+" + commit[:12]
	}
	return base
}

// commit returns the commit that this program was built from, and whether its files had
// been modified. The commit is "" if the build does not tell.
func commit() (id string, modified bool) {
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return "", false
	}
	return commitOf(build.Settings)
}

func commitOf(settings []debug.BuildSetting) (id string, modified bool) {
	for _, s := range settings {
		switch s.Key {
		case "vcs.revision":
			id = s.Value
		case "vcs.modified":
			modified = s.Value == "true"
		}
	}
	return id, modified
}

// versionJSON is the version of the program and what it was built from and with.
type versionJSON struct {
	Version  string  `json:"version"`
	Commit   *string `json:"commit"`
	Modified bool    `json:"modified"`
	Go       string  `json:"go"`
	Platform string  `json:"platform"`
}

func versionCmd(c *invocation) *cobra.Command {
	return &cobra.Command{
		Use: "version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return c.printVersion() },
	}
}

func (c *invocation) printVersion() error {
	id, modified := commit()
	platform := runtime.GOOS + "/" + runtime.GOARCH
	if c.JSON {
		return c.PrintJSON(versionJSON{Version, out.OrNil(id), modified, runtime.Version(), platform})
	}
	c.Print("certquay " + Version)
	switch {
	case modified:
		c.Say("verb.version.modified", "commit", id)
	case id != "":
		c.Say("verb.version.commit", "commit", id)
	}
	c.Print(runtime.Version() + " " + platform)
	return nil
}
