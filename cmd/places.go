package cmd

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"certquay/cmd/config"
	"certquay/cmd/out"
	"certquay/cmd/session"
)

// places are the paths of data, configuration and master key.
type places struct{ data, config, key string }

// placesOf returns the paths given by flags, or else the default ones.
func placesOf(g *globalFlags) (w places, err error) {
	paths := config.DefaultPaths()
	w.data, w.config = paths.Data, paths.ConfigFile()
	for _, p := range []struct {
		flag     string
		from, to *string
	}{{"--data", &g.data, &w.data}, {"--config", &g.config, &w.config}} {
		switch {
		case *p.from != "":
			if *p.to, err = filepath.Abs(*p.from); err != nil {
				return w, out.Usage("usage.path", "cause", err)
			}
		case *p.to == "":
			return w, out.Usage("usage.no-home", "flag", p.flag)
		}
	}
	w.key = config.KeyFile(w.config)
	return w, nil
}

// places returns the paths of this invocation: those of the owner, if it has one.
func (c *invocation) places() (places, error) {
	if c.app != nil {
		return places{c.app.Dir, c.app.ConfigFile, config.KeyFile(c.app.ConfigFile)}, nil
	}
	return placesOf(c.g)
}

// checkPlaces checks the flags for paths: over SSH they are refused, and an attached
// process uses those of the owner.
func (c *invocation) checkPlaces() error {
	switch c.Kind {
	case session.Network:
		for flag, given := range map[string]bool{"--data": c.g.data != "", "--config": c.g.config != "", "--sandbox": c.g.sandbox} {
			if given {
				return out.Usage("usage.place", "flag", flag)
			}
		}
	case session.Socket:
		if c.g.config != "" && c.app != nil && c.Abs(c.g.config) != c.app.ConfigFile {
			c.Note("verb.config-unused", "file", c.app.ConfigFile, "pid", os.Getpid())
		}
	}
	return nil
}

// checkConfigFile refuses a configuration that was named and does not exist: the
// defaults and another master key would be used instead of it.
func checkConfigFile(g *globalFlags) error {
	if g.config == "" {
		return nil
	}
	if _, err := os.Stat(g.config); errors.Is(err, fs.ErrNotExist) {
		return out.Usage("usage.no-config", "file", g.config)
	}
	return nil
}
