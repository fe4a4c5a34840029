package kubernetes

import (
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"certquay/model"
)

const (
	// maxConfig bounds a kubeconfig and each file that it names, in bytes.
	maxConfig = 4 << 20
	// inCluster is the region of the cluster that certquay itself runs in.
	inCluster = "in-cluster"
)

// serviceAccount is where a pod finds its service account.
var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"

// kubeconfig is the file that kubectl reads (v1 of client-go's clientcmd).
type kubeconfig struct {
	Current  string `yaml:"current-context"`
	Contexts []struct {
		Name    string `yaml:"name"`
		Context struct {
			Cluster string `yaml:"cluster"`
			User    string `yaml:"user"`
		} `yaml:"context"`
	} `yaml:"contexts"`
	Clusters []struct {
		Name    string  `yaml:"name"`
		Cluster cluster `yaml:"cluster"`
	} `yaml:"clusters"`
	Users []struct {
		Name string `yaml:"name"`
		User user   `yaml:"user"`
	} `yaml:"users"`
}

type cluster struct {
	Server     string `yaml:"server"`
	CAFile     string `yaml:"certificate-authority"`
	CAData     string `yaml:"certificate-authority-data"`
	ServerName string `yaml:"tls-server-name"`
	Insecure   bool   `yaml:"insecure-skip-tls-verify"`
	Proxy      string `yaml:"proxy-url"`
}

type user struct {
	Token        string `yaml:"token"`
	TokenFile    string `yaml:"tokenFile"`
	CertFile     string `yaml:"client-certificate"`
	CertData     string `yaml:"client-certificate-data"`
	KeyFile      string `yaml:"client-key"`
	KeyData      string `yaml:"client-key-data"`
	Exec         *exec  `yaml:"exec"`
	As           string `yaml:"as"`
	Username     string `yaml:"username"`
	AuthProvider any    `yaml:"auth-provider"`
}

// exec is a credential plugin (client.authentication.k8s.io/v1).
type exec struct {
	APIVersion string   `yaml:"apiVersion"`
	Command    string   `yaml:"command"`
	Args       []string `yaml:"args"`
	Env        []struct {
		Name  string `yaml:"name"`
		Value string `yaml:"value"`
	} `yaml:"env"`
	InteractiveMode string `yaml:"interactiveMode"`
	ProvideCluster  bool   `yaml:"provideClusterInfo"`
}

// access is how a cluster is reached, resolved from a kubeconfig and the files it names.
type access struct {
	server     string // https://host[:port][/path]
	serverName string // to verify instead of the host; "" for the host
	ca         []byte // PEM; nil for the roots of the system
	token      string
	cert, key  []byte // PEM; nil for none
	exec       *exec  // makes the credential
}

// source is where accesses come from.
type source struct {
	path string // of the kubeconfig; "" in a pod
	pod  string // where its service account is
}

// newSource finds the kubeconfig as [Settings.Kubeconfig] says.
func newSource(path string) (source, error) {
	if path != "" {
		return source{path: path}, nil
	}
	if os.Getenv("KUBERNETES_SERVICE_HOST") != "" {
		return source{pod: serviceAccount}, nil
	}
	if list := filepath.SplitList(os.Getenv("KUBECONFIG")); len(list) > 0 {
		return source{path: list[0]}, nil
	}
	home, err := os.UserHomeDir()
	return source{path: filepath.Join(home, ".kube", "config")}, err
}

// String names the source in messages.
func (s source) String() string {
	if s.path == "" {
		return s.pod
	}
	return s.path
}

func (s source) fail(code string, args ...any) error {
	return model.Fail(code, append(args, "file", s.String())...)
}

// current names the context to use unless others are set.
func (s source) current() (string, error) {
	if s.path == "" {
		return inCluster, nil
	}
	c, err := s.read()
	if err != nil {
		return "", err
	}
	if c.Current == "" {
		return "", s.fail("kubernetes.no-current", "contexts", c.names())
	}
	return c.Current, nil
}

func (s source) read() (*kubeconfig, error) {
	data, err := readFile(s.path)
	if err != nil {
		return nil, s.fail("kubernetes.unread", "cause", err)
	}
	c := new(kubeconfig)
	if err := yaml.Unmarshal(data, c); err != nil {
		// What the parser says shows the lines about the error, which may hold a credential.
		line, column := 0, 0
		if y, ok := err.(yaml.Error); ok && y.GetToken() != nil && y.GetToken().Position != nil { //nolint:errorlint // it is not wrapped
			line, column = y.GetToken().Position.Line, y.GetToken().Position.Column
		}
		return nil, s.fail("kubernetes.unparsed", "line", line, "column", column)
	}
	return c, nil
}

func (c *kubeconfig) names() (all []string) {
	for _, x := range c.Contexts {
		all = append(all, x.Name)
	}
	return all
}

// access resolves a context. It reads the files anew each time, as clusters rotate them.
func (s source) access(context string) (*access, error) {
	if s.path == "" {
		return s.inPod()
	}
	c, err := s.read()
	if err != nil {
		return nil, err
	}
	n := slices.Index(c.names(), context)
	if n < 0 {
		return nil, s.fail("kubernetes.no-context", "context", context, "contexts", c.names())
	}
	use := c.Contexts[n].Context
	var at *cluster
	for k := range c.Clusters {
		if c.Clusters[k].Name == use.Cluster {
			at = &c.Clusters[k].Cluster
		}
	}
	var by *user
	for k := range c.Users {
		if c.Users[k].Name == use.User {
			by = &c.Users[k].User
		}
	}
	if at == nil || by == nil {
		return nil, s.fail("kubernetes.no-entry", "context", context, "cluster", use.Cluster, "user", use.User)
	}
	if err := s.supported(context, at, by); err != nil {
		return nil, err
	}
	return s.resolve(at, by)
}

// supported refuses what certquay does not do rather than to do something else.
func (s source) supported(context string, at *cluster, by *user) error {
	for _, x := range []struct {
		field string
		set   bool
	}{
		{"insecure-skip-tls-verify", at.Insecure}, {"proxy-url", at.Proxy != ""}, {"as", by.As != ""},
		{"username", by.Username != ""}, {"auth-provider", by.AuthProvider != nil},
	} {
		if x.set {
			return s.fail("kubernetes.unsupported", "context", context, "field", x.field)
		}
	}
	u, err := url.Parse(at.Server)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil {
		return s.fail("kubernetes.no-https", "context", context)
	}
	if e := by.Exec; e != nil {
		if v := e.APIVersion; v != execV1 && v != execV1beta1 {
			return model.Fail("kubernetes.exec-version", "command", e.Command, "version", v)
		}
		if e.InteractiveMode == "Always" {
			return s.fail("kubernetes.exec-interactive", "command", e.Command)
		}
	}
	return nil
}

// resolve reads the files that are named; what is given as data goes first.
func (s source) resolve(at *cluster, by *user) (a *access, err error) {
	a = &access{server: strings.TrimSuffix(at.Server, "/"), serverName: at.ServerName, token: by.Token}
	if a.ca, err = s.data("certificate-authority", at.CAData, at.CAFile); err != nil {
		return nil, err
	}
	if a.cert, err = s.data("client-certificate", by.CertData, by.CertFile); err != nil {
		return nil, err
	}
	if a.key, err = s.data("client-key", by.KeyData, by.KeyFile); err != nil {
		return nil, err
	}
	if by.TokenFile != "" { // it goes before the token, as in client-go
		token, err := readFile(s.beside(by.TokenFile))
		if err != nil {
			return nil, s.fail("kubernetes.unread-part", "field", "tokenFile", "cause", err)
		}
		a.token = strings.TrimSpace(string(token))
	}
	if by.Exec != nil {
		e := *by.Exec
		if strings.ContainsRune(e.Command, filepath.Separator) {
			e.Command = s.beside(e.Command)
		}
		a.exec = &e
	}
	return a, nil
}

// beside resolves a path that a kubeconfig names relative to itself.
func (s source) beside(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(s.path), path)
}

// inPod is the access of the service account of a pod.
func (s source) inPod() (*access, error) {
	ca, err := readFile(filepath.Join(s.pod, "ca.crt"))
	if err != nil {
		return nil, s.fail("kubernetes.unread", "cause", err)
	}
	token, err := readFile(filepath.Join(s.pod, "token"))
	if err != nil {
		return nil, s.fail("kubernetes.unread", "cause", err)
	}
	at := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return &access{server: "https://" + at, ca: ca, token: strings.TrimSpace(string(token))}, nil
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = model.Fail("kubernetes.too-long", "limit", maxConfig)
	}
	return data, err
}
