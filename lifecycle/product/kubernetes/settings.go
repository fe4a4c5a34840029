package kubernetes

import (
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"

	"certquay/model"
	"certquay/model/setting"
)

// Settings are what the configuration says of a product of this driver.
type Settings struct {
	// Kubeconfig is the absolute path of a kubeconfig. "" means the service account of the
	// pod that certquay runs in, or else the file that KUBECONFIG names, or else
	// ~/.kube/config.
	Kubeconfig string `yaml:"kubeconfig"`
	// Contexts are the contexts to use, each a region; none means the current one.
	Contexts []string `yaml:"contexts"`
	// Targets are the secrets that are listed, as namespace/name or namespace/*; none means all.
	// Those that are named need no right to list.
	Targets []string `yaml:"targets"`
	// Address is the host:port at which the certificates are presented. "" means that they
	// are read back.
	Address string `yaml:"address"`
	// Force takes over fields that another field manager holds.
	Force bool `yaml:"force"`
}

// DefaultSettings are those without a configuration. Each call makes new ones.
func DefaultSettings() Settings { return Settings{Contexts: []string{}, Targets: []string{}} }

// Regions are the contexts; if none is set, the current one, or none if it cannot be read.
func (s Settings) Regions() []string {
	if len(s.Contexts) > 0 {
		return s.Contexts
	}
	from, err := newSource(s.Kubeconfig)
	if err != nil {
		return nil
	}
	current, err := from.current()
	if err != nil {
		return nil
	}
	return []string{current}
}

// Check implements [setting.Checker].
func (s Settings) Check() (wrong []setting.Problem) {
	rule := func(ok bool, name, code, example string) {
		if !ok {
			wrong = append(wrong, setting.Problem{Setting: name, Rule: model.Say(code), Example: example})
		}
	}
	rule(s.Kubeconfig == "" || filepath.IsAbs(s.Kubeconfig), "kubeconfig", "kubernetes.absolute", "/etc/certquay/kubeconfig")
	seen := map[string]bool{}
	for n, c := range s.Contexts {
		rule(c != "" && !seen[c], fmt.Sprintf("contexts[%d]", n), "kubernetes.contexts", "")
		seen[c] = true
	}
	for n, r := range s.Targets {
		namespace, all := strings.CutSuffix(r, "/*")
		_, one := parseRef(r)
		rule(one || all && label.MatchString(namespace), fmt.Sprintf("targets[%d]", n), "kubernetes.targets", "web/site")
	}
	_, port, err := net.SplitHostPort(s.Address)
	rule(s.Address == "" || err == nil && port != "", "address", "kubernetes.address", "203.0.113.5:443")
	return wrong
}

// Names of namespaces and secrets (RFC 1123, as Kubernetes has them).
var (
	label     = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`)
	subdomain = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$`)
)

// maxName is the length of the name of a secret.
const maxName = 253

// ref names a secret.
type ref struct{ namespace, name string }

func (r ref) String() string { return r.namespace + "/" + r.name }

// path is that of the secret at the API server.
func (r ref) path() string { return secretsPath(r.namespace) + "/" + r.name }

// secretsPath is that of the secrets of a namespace, or of all if it is "".
func secretsPath(namespace string) string { return listPath("/api/v1", namespace, "secrets") }

// listPath is that of the objects of one kind in a namespace, or in all if it is "".
func listPath(group, namespace, kind string) string {
	if namespace != "" {
		group += "/namespaces/" + namespace
	}
	return group + "/" + kind
}

// parseRef reads namespace/name.
func parseRef(s string) (r ref, ok bool) {
	r.namespace, r.name, ok = strings.Cut(s, "/")
	return r, ok && label.MatchString(r.namespace) && len(r.name) <= maxName && subdomain.MatchString(r.name)
}
