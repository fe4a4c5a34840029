package catalogue

import (
	"strings"

	"certquay/model"
)

// ParseSettings reads settings: a NAME=VALUE in each line, as in the environment files of
// lego, Docker and systemd. Blank lines and those that begin with # are passed over, as is
// "export " before a name; a value may stand in double or single quotes. Nothing is
// expanded. No value is in an error.
func ParseSettings(b []byte) (map[string]model.Secret, error) {
	all := map[string]model.Secret{}
	n := 0
	for line := range strings.Lines(string(b)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if first, rest, ok := strings.Cut(line, " "); ok && first == "export" {
			line = rest
		}
		name, value, ok := strings.Cut(line, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t\"'") {
			return nil, model.Fail("dns-provider.line", "n", n)
		}
		if _, twice := all[name]; twice {
			return nil, model.Fail("dns-provider.twice", "name", name)
		}
		if len(value) > 1 && (value[0] == '"' || value[0] == '\'') && value[len(value)-1] == value[0] {
			value = value[1 : len(value)-1]
		}
		if value != "" {
			all[name] = model.NewSecret([]byte(value))
		}
	}
	return all, nil
}
