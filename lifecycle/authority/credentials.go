package authority

import (
	"bytes"
	"strings"

	"certquay/lifecycle/rules"
	"certquay/model"
)

// Credentials returns the kind of a declaration and all its secrets. Those of the
// configuration are read from their files when they are needed.
func (b *Book) Credentials(name string) (kind string, secrets Secrets, err error) {
	d, err := b.Get(name)
	if err != nil {
		return "", nil, err
	}
	if d.Configured {
		secrets, err = b.external(d)
		return d.Kind, secrets, err
	}
	secrets = Secrets{}
	for _, setting := range d.SecretNames {
		if secrets[setting], err = b.Secret(d.Name, setting); err != nil {
			return "", nil, err
		}
	}
	return d.Kind, secrets, nil
}

// maxCredentials is the largest number of lines of credentials.
const maxCredentials = 50

// ParseCredentials reads credentials as lines NAME=value. Empty lines and lines that
// begin with # say nothing; quotes around a value are dropped.
func ParseCredentials(data []byte) (Secrets, error) {
	secrets := Secrets{}
	n := 0
	for line := range bytes.Lines(data) {
		n++
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte("="))
		key := strings.TrimSpace(string(name))
		if words := strings.Fields(key); len(words) == 2 && words[0] == "export" { // as shells write it
			key = words[1]
		}
		if !ok || !variable(key) || len(secrets) == maxCredentials {
			return nil, &rules.Invalid{
				Field: "credentials", Why: model.Say("dns.credentials-line", "line", n), Example: rules.Example("CLOUDFLARE_DNS_API_TOKEN=..."),
			}
		}
		value = bytes.TrimSpace(value)
		if l := len(value); l > 1 && value[0] == value[l-1] && (value[0] == '"' || value[0] == '\'') {
			value = value[1 : l-1]
		}
		secrets[key] = model.NewSecret(bytes.Clone(value))
	}
	if len(secrets) == 0 {
		return nil, &rules.Invalid{
			Field: "credentials", Why: model.Say("dns.no-credentials"), Example: rules.Example("CLOUDFLARE_DNS_API_TOKEN=..."),
		}
	}
	return secrets, nil
}

// variable reports whether a word can be the name of an environment variable.
func variable(s string) bool {
	for n, r := range s {
		if !(r == '_' || r >= 'A' && r <= 'Z' || n > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	return s != ""
}
