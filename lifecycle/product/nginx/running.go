package nginx

import (
	"bytes"
	"context"
	"path"
	"slices"

	"certquay/lifecycle/product/site"
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
	m.configuration = file
	return m.settings()
}

// Propose returns the settings for the servers that run on a host, and for those at usual
// places, nil for the defaults.
func Propose(ctx context.Context, host runner.Runner) (all []map[string]any) {
	for _, m := range masters(ctx, host) {
		if m.prefix != "" || m.configuration != "" || !path.IsAbs(m.program) || path.Dir(m.program) != "/usr/sbin" {
			all = append(all, m.settings())
		}
	}
	for _, file := range []string{"/usr/local/etc/nginx/nginx.conf", "/usr/local/nginx/conf/nginx.conf", "/opt/nginx/conf/nginx.conf"} {
		if site.Exists(ctx, host, file) {
			all = append(all, ByConfiguration(ctx, host, file))
		}
	}
	return append(all, nil)
}

// master is a process of nginx's, or how one would be started.
type master struct {
	program       string
	prefix        string // -p; "" for that of the program
	configuration string // -c; "" for that of the program
}

// settings are the commands with which such a process is asked.
func (m master) settings() map[string]any {
	argv := []string{m.program}
	if m.prefix != "" {
		argv = append(argv, "-p", m.prefix)
	}
	if m.configuration != "" {
		argv = append(argv, "-c", m.configuration)
	}
	command := func(more ...string) []string { return append(slices.Clone(argv), more...) }
	return map[string]any{"show": command("-T"), "test": command("-t"), "reload": command("-s", "reload")}
}

// masters are the processes that run on a host. What cannot be asked runs none.
func masters(ctx context.Context, host runner.Runner) (all []master) {
	for _, argv := range site.Running(ctx, host, "", title) {
		m := master{program: "nginx", prefix: site.Argument(argv, "-p"), configuration: site.Argument(argv, "-c")}
		if path.IsAbs(argv[0]) {
			m.program = argv[0]
		}
		all = append(all, m)
	}
	return all
}

// running returns the process that has a configuration.
func running(ctx context.Context, host runner.Runner, file string) (master, bool) {
	for _, m := range masters(ctx, host) {
		if m.reads(ctx, host, file) {
			return m, true
		}
	}
	return master{program: "nginx"}, false
}

// title begins what a master process makes of its command line, which follows.
const title = "nginx: master process "

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
