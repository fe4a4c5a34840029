package nginx

import (
	"path"
	"regexp"
	"strings"

	"certquay/model"
)

// directive is one of a configuration, simple or with a block.
type directive struct {
	name  string
	args  []string
	block []directive
	file  string
	line  int
}

// dump is what nginx -T prints: the text of each file, in the order of its reading.
type dump struct {
	main  string // the first file
	files map[string]string
	names []string
}

// header is the line that nginx -T prints before each file.
var header = regexp.MustCompile(`(?m)^#\sconfiguration\sfile\s(/.*):$`)

func parseDump(out string) (*dump, error) {
	at := header.FindAllStringSubmatchIndex(out, -1)
	if len(at) == 0 {
		return nil, model.Fail("nginx.no-dump")
	}
	d := &dump{files: map[string]string{}}
	for n, m := range at {
		end := len(out)
		if n+1 < len(at) {
			end = at[n+1][0]
		}
		name := out[m[2]:m[3]]
		if _, twice := d.files[name]; !twice {
			d.names = append(d.names, name)
		}
		d.files[name] = strings.TrimPrefix(out[m[1]:end], "\n")
	}
	d.main = d.names[0]
	return d, nil
}

// maxDepth is how deep blocks and includes are followed.
const maxDepth = 32

// parse returns the directives of a file, with those that it includes in their place.
func (d *dump) parse(name string, depth int) ([]directive, error) {
	p := &parser{file: name, text: d.files[name], line: 1}
	all, err := p.block(0)
	if err != nil {
		return nil, err
	}
	return d.include(all, depth)
}

func (d *dump) include(all []directive, depth int) (out []directive, err error) {
	if depth > maxDepth {
		return nil, model.Fail("nginx.too-deep", "depth", maxDepth)
	}
	for _, x := range all {
		if x.name != "include" || len(x.args) != 1 {
			if x.block, err = d.include(x.block, depth+1); err != nil {
				return nil, err
			}
			out = append(out, x)
			continue
		}
		mask := absolute(x.args[0], d.main)
		for _, name := range d.names {
			if ok, _ := path.Match(mask, name); !ok && name != mask {
				continue
			}
			more, err := d.parse(name, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

// absolute returns a path of a configuration, which may be relative to the directory of
// its main file.
func absolute(name, main string) string {
	if path.IsAbs(name) {
		return path.Clean(name)
	}
	return path.Join(path.Dir(main), name)
}

// parser reads one file.
type parser struct {
	file, text string
	at, line   int
}

func (p *parser) unreadable() error {
	return model.Fail("nginx.unreadable", "file", p.file, "line", p.line)
}

// block reads directives up to the end of the block, or of the file at depth 0.
func (p *parser) block(depth int) (all []directive, err error) {
	if depth > maxDepth {
		return nil, p.unreadable()
	}
	for {
		words, end, line, err := p.words()
		switch {
		case err != nil:
			return nil, err
		case end == '}' && depth > 0 && len(words) == 0, end == 0 && depth == 0 && len(words) == 0:
			return all, nil
		case end == 0, end == '}', len(words) == 0:
			return nil, p.unreadable()
		}
		x := directive{name: words[0], args: words[1:], file: p.file, line: line}
		switch {
		case end == '{' && strings.HasSuffix(x.name, "_by_lua_block"):
			if err := p.skipBlock(); err != nil {
				return nil, err
			}
		case end == '{':
			if x.block, err = p.block(depth + 1); err != nil {
				return nil, err
			}
		}
		all = append(all, x)
	}
}

// skipBlock passes over code of another language.
func (p *parser) skipBlock() error {
	for open := 1; p.at < len(p.text); {
		switch p.next() {
		case '{':
			open++
		case '}':
			if open--; open == 0 {
				return nil
			}
		}
	}
	return p.unreadable()
}

func (p *parser) next() byte {
	c := p.text[p.at]
	p.at++
	if c == '\n' {
		p.line++
	}
	return c
}

// words reads words up to ; { } or the end of the file, which is 0. line is that of the
// first word.
func (p *parser) words() (words []string, end byte, line int, err error) {
	for p.at < len(p.text) {
		switch c := p.text[p.at]; c {
		case ' ', '\t', '\r', '\n':
			p.next()
		case '#':
			for p.at < len(p.text) && p.text[p.at] != '\n' {
				p.at++
			}
		case ';', '{', '}':
			p.next()
			return words, c, line, nil
		default:
			if len(words) == 0 {
				line = p.line
			}
			w, err := p.word()
			if err != nil {
				return nil, 0, line, err
			}
			words = append(words, w)
		}
	}
	return words, 0, line, nil
}

// word reads one word, which may be quoted. ${ begins a variable, not a block.
func (p *parser) word() (string, error) {
	var b strings.Builder
	quote := byte(0)
	if c := p.text[p.at]; c == '"' || c == '\'' {
		quote = c
		p.at++
	}
	for p.at < len(p.text) {
		c := p.text[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			if e := p.next(); strings.IndexByte(`"'\ ;{}`, e) < 0 {
				b.WriteByte('\\')
				b.WriteByte(e)
			} else {
				b.WriteByte(e)
			}
			continue
		case quote != 0 && c == quote:
			p.at++
			return b.String(), nil
		case quote == 0 && c == '$' && strings.HasPrefix(p.text[p.at:], "${"):
			b.WriteString("${")
			p.at += 2
			continue
		case quote == 0 && strings.IndexByte(" \t\r\n;{", c) >= 0, quote == 0 && c == '}' && !strings.Contains(b.String(), "${"):
			return b.String(), nil
		}
		b.WriteByte(p.next())
	}
	if quote != 0 {
		return "", p.unreadable()
	}
	return b.String(), nil
}
