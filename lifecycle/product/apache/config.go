package apache

import (
	"context"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"certquay/lifecycle/runner"
	"certquay/model"
)

// overview is what apachectl -t prints with -D DUMP_VHOSTS, DUMP_INCLUDES and DUMP_RUN_CFG.
type overview struct {
	root     string
	defines  map[string]string
	included []string            // files, in the order of their reading
	hosts    map[string][]string // of a file: the lines at which its virtual hosts begin
}

// Lines of the overview.
var (
	includedLine = regexp.MustCompile(`(?m)^\s*\((?:\*|\d+)\)\s+(/.*)$`)
	hostLine     = regexp.MustCompile(`(?m)\((/[^()]*):(\d+)\)\s*$`)
	rootLine     = regexp.MustCompile(`(?m)^ServerRoot:\s*"(.*)"\s*$`)
	defineLine   = regexp.MustCompile(`(?m)^Define:\s*(\S+?)(?:=(.*))?$`)
)

func parseOverview(out string) (*overview, error) {
	o := &overview{defines: map[string]string{}, hosts: map[string][]string{}}
	root := rootLine.FindStringSubmatch(out)
	if root == nil {
		return nil, model.Fail("apache.no-overview")
	}
	o.root = root[1]
	for _, m := range includedLine.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(o.included, m[1]) {
			o.included = append(o.included, m[1])
		}
	}
	for _, m := range hostLine.FindAllStringSubmatch(out, -1) {
		if !slices.Contains(o.hosts[m[1]], m[2]) {
			o.hosts[m[1]] = append(o.hosts[m[1]], m[2])
		}
		if !slices.Contains(o.included, m[1]) { // macros name their own place
			o.included = append(o.included, m[1])
		}
	}
	for _, m := range defineLine.FindAllStringSubmatch(out, -1) {
		o.defines[m[1]] = m[2]
	}
	return o, nil
}

func (o *overview) absolute(name string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(o.root, name)
}

var variable = regexp.MustCompile(`\$\{(\w+)\}`)

// expand puts in defined variables. Those of the environment are not known.
func (o *overview) expand(word string) string {
	return variable.ReplaceAllStringFunc(word, func(v string) string {
		if value, ok := o.defines[v[2:len(v)-1]]; ok {
			return value
		}
		return v
	})
}

// directive is a line of a configuration. Those of sections begin with "<", their ends with
// "</".
type directive struct {
	name string // lower case
	args []string
	line int
}

// maxFile is how long a file of a configuration may be, in bytes; maxDepth how deep
// includes are followed.
const (
	maxFile  = 1 << 20
	maxDepth = 16
)

// reader reads files of a configuration, each once.
type reader struct {
	*overview
	ctx   context.Context
	host  runner.Runner
	files map[string][]directive
}

func (r *reader) read(name string) ([]directive, error) {
	if all, ok := r.files[name]; ok {
		return all, nil
	}
	data, err := r.host.ReadFile(r.ctx, name, maxFile)
	if err != nil {
		return nil, err
	}
	r.files[name] = r.parse(string(data))
	return r.files[name], nil
}

func (r *reader) parse(text string) (all []directive) {
	lines := strings.Split(text, "\n")
	for n := 0; n < len(lines); n++ {
		line, first := strings.TrimSuffix(lines[n], "\r"), n+1
		for strings.HasSuffix(line, `\`) && n+1 < len(lines) {
			n++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSuffix(lines[n], "\r")
		}
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '<' {
			line = strings.TrimSuffix(line, ">")
		}
		w := words(line)
		for i := range w {
			w[i] = r.expand(w[i])
		}
		all = append(all, directive{strings.ToLower(w[0]), w[1:], first})
	}
	return all
}

// words splits a line, in which " and ' hold words together. There is at least one.
func words(line string) (all []string) {
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimLeft(line, " \t") {
		if q := line[0]; q == '"' || q == '\'' {
			var b strings.Builder
			n := 1
			for ; n < len(line) && line[n] != q; n++ {
				if line[n] == '\\' && n+1 < len(line) && (line[n+1] == q || line[n+1] == '\\') {
					n++
				}
				b.WriteByte(line[n])
			}
			all, line = append(all, b.String()), line[min(n+1, len(line)):]
			continue
		}
		n := strings.IndexAny(line, " \t")
		if n < 0 {
			n = len(line)
		}
		all, line = append(all, line[:n]), line[n:]
	}
	return all
}

// section returns the directives between a line of a file and the end of the section that
// begins there, those of its includes in their place. A name of "" is the whole file,
// without its virtual hosts.
func (r *reader) section(file string, line int, name string, depth int) (found []directive, args []string, err error) {
	all, err := r.read(file)
	if err != nil || depth > maxDepth {
		return nil, nil, err
	}
	inside, skipped := name == "", ""
	for _, d := range all {
		switch {
		case !inside:
			if d.line == line && d.name == "<"+name {
				inside, args = true, d.args
			}
		case skipped != "":
			if d.name == "</"+skipped {
				skipped = ""
			}
		case name != "" && d.name == "</"+name:
			return found, args, nil
		case r.passedOver(d, name):
			skipped = d.name[1:]
		case (d.name == "include" || d.name == "includeoptional") && len(d.args) > 0:
			if name == "" {
				continue // the overview lists them
			}
			for _, f := range r.included {
				if ok, _ := path.Match(r.absolute(d.args[0]), f); !ok {
					continue
				}
				more, _, err := r.section(f, 0, "", depth+1)
				if err != nil {
					return nil, nil, err
				}
				found = append(found, more...)
			}
		default:
			found = append(found, d)
		}
	}
	return found, args, nil
}

// passedOver reports whether a section does not hold directives of the server: those of
// other virtual hosts and of macros, and what depends on a definition that is not there.
func (r *reader) passedOver(d directive, within string) bool {
	switch d.name {
	case "<virtualhost":
		return within == ""
	case "<macro", "<directory", "<location", "<files", "<proxy":
		return true
	case "<ifdefine":
		if len(d.args) == 0 {
			return false
		}
		name, not := strings.CutPrefix(d.args[0], "!")
		_, defined := r.defines[name]
		return defined == not
	}
	return false
}

func source(file, line string) string { return file + ":" + line }

func number(line string) int {
	n, err := strconv.Atoi(line)
	if err != nil { // of digits, so it is too large for a line
		return 0
	}
	return n
}
