package nginx

import (
	"bytes"
	"context"
	"path"
	"strings"

	"certquay/lifecycle/runner"
)

// ByConfiguration returns the settings for the server whose main configuration is a file;
// nil if it is none of nginx's. The commands say what the process that runs with this file was
// told, since what the file names relatively, as the file with the number of that process,
// depends on its prefix. Without such a process a file in a folder conf is taken to be in the
// place that nginx gives it by itself, PREFIX/conf/nginx.conf.
func ByConfiguration(ctx context.Context, host runner.Runner, file string) map[string]any {
	if path.Base(file) != "nginx.conf" {
		return nil
	}
	m, ok := running(ctx, host, file)
	if dir := path.Dir(file); !ok && path.Base(dir) == "conf" {
		m.prefix = path.Dir(dir)
	}
	argv := []string{m.program}
	if m.prefix != "" {
		argv = append(argv, "-p", m.prefix)
	}
	argv = append(argv, "-c", file)
	command := func(more ...string) []string { return append(append([]string{}, argv...), more...) }
	return map[string]any{"show": command("-T"), "test": command("-t"), "reload": command("-s", "reload")}
}

// master is a process of nginx's, or how one would be started.
type master struct {
	program       string
	prefix        string // -p; "" for that of the program
	configuration string // -c; "" for that of the program
}

// title begins what a master process makes of its command line, which follows.
const title = "nginx: master process "

// running returns the process that has a configuration. What cannot be asked runs none.
func running(ctx context.Context, host runner.Runner, file string) (master, bool) {
	none := master{program: "nginx"}
	out, err := host.Run(ctx, runner.Command{Argv: []string{"ps", "-eo", "args"}, Limit: maxDump})
	if err != nil {
		return none, false
	}
	for line := range strings.Lines(string(out.Stdout)) {
		if told, ok := strings.CutPrefix(strings.TrimSpace(line), title); ok {
			if m := parseMaster(told); m.reads(ctx, host, file) {
				return m, true
			}
		}
	}
	return none, false
}

// parseMaster reads a command line, in which words are no longer told from spaces.
func parseMaster(told string) master {
	m := master{program: "nginx"}
	words := strings.Fields(told)
	if len(words) > 0 && path.IsAbs(words[0]) {
		m.program = words[0]
	}
	for n, w := range words {
		for option, value := range map[string]*string{"-p": &m.prefix, "-c": &m.configuration} {
			if rest, ok := strings.CutPrefix(w, option); ok && rest != "" {
				*value = rest
			} else if ok && n+1 < len(words) {
				*value = words[n+1]
			}
		}
	}
	return m
}

// reads reports whether a file is the main configuration of a process. One that was given a
// relative prefix is not known, since it is relative to where it was started.
func (m master) reads(ctx context.Context, host runner.Runner, file string) bool {
	prefix, configuration := m.prefix, m.configuration
	if prefix == "" || configuration == "" {
		built := m.built(ctx, host)
		if prefix == "" {
			prefix = built.prefix
		}
		if configuration == "" {
			configuration = built.configuration
		}
	}
	if !path.IsAbs(configuration) {
		configuration = path.Join(prefix, configuration)
	}
	return path.IsAbs(configuration) && path.Clean(configuration) == file
}

// built is what a program was configured with when it was built, as -V tells, or else what
// nginx is then.
func (m master) built(ctx context.Context, host runner.Runner) master {
	b := master{prefix: "/usr/local/nginx", configuration: "conf/nginx.conf"}
	out, err := host.Run(ctx, runner.Command{Argv: []string{m.program, "-V"}})
	if err != nil {
		return b
	}
	for _, w := range bytes.Fields(out.Stderr) {
		if v, ok := bytes.CutPrefix(w, []byte("--prefix=")); ok {
			b.prefix = string(v)
		}
		if v, ok := bytes.CutPrefix(w, []byte("--conf-path=")); ok {
			b.configuration = string(v)
		}
	}
	return b
}
