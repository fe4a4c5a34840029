package kubernetes

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	osexec "os/exec"
	"time"

	"certquay/model"
)

// Versions of the protocol of credential plugins; both have the fields that are used.
const (
	execV1      = "client.authentication.k8s.io/v1"
	execV1beta1 = "client.authentication.k8s.io/v1beta1"
)

const (
	// pluginTimeout bounds a credential plugin unless the options do.
	pluginTimeout = 30 * time.Second
	// maxPlugin bounds what is kept of what a plugin prints, in bytes.
	maxPlugin = 1 << 20
	// maxSaid bounds what is repeated of its standard error, in bytes.
	maxSaid = 300
	// expiryLeeway is how long before its end a credential is replaced.
	expiryLeeway = 10 * time.Second
)

// data decodes what a field of a kubeconfig holds in base64, or else reads the file that
// its sister names; nil if both are empty.
func (s source) data(field, encoded, path string) ([]byte, error) {
	switch {
	case encoded != "":
		data, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			return nil, s.fail("kubernetes.no-base64", "field", field+"-data")
		}
		return data, nil
	case path != "":
		data, err := readFile(s.beside(path))
		if err != nil {
			return nil, s.fail("kubernetes.unread-part", "field", field, "cause", err)
		}
		return data, nil
	}
	return nil, nil
}

// credential is what a plugin made.
type credential struct {
	token     string
	cert, key []byte
	expires   time.Time // zero for not known
}

func (c *credential) valid(now time.Time) bool {
	return c.expires.IsZero() || now.Before(c.expires.Add(-expiryLeeway))
}

// execCredential is what a plugin is told and what it prints.
type execCredential struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Spec       map[string]any `json:"spec"`
	Status     *struct {
		Token   string    `json:"token"`
		Cert    string    `json:"clientCertificateData"`
		Key     string    `json:"clientKeyData"`
		Expires time.Time `json:"expirationTimestamp"`
	} `json:"status,omitempty"`
}

// run starts the plugin with its arguments, no shell, and without a terminal.
func (e *exec) run(ctx context.Context, a *access, timeout time.Duration) (*credential, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	told := execCredential{APIVersion: e.APIVersion, Kind: "ExecCredential", Spec: map[string]any{"interactive": false}}
	if e.ProvideCluster {
		told.Spec["cluster"] = map[string]any{
			"server": a.server, "tls-server-name": a.serverName, "certificate-authority-data": a.ca,
		}
	}
	info, err := json.Marshal(told)
	if err != nil {
		return nil, err
	}
	cmd := osexec.CommandContext(ctx, e.Command, e.Args...)
	cmd.WaitDelay = time.Second // for children that keep its output open
	cmd.Env = append(os.Environ(), "KUBERNETES_EXEC_INFO="+string(info))
	for _, v := range e.Env {
		cmd.Env = append(cmd.Env, v.Name+"="+v.Value)
	}
	out, said := &bounded{limit: maxPlugin}, &bounded{limit: maxSaid}
	cmd.Stdout, cmd.Stderr = out, said
	if err := cmd.Run(); err != nil {
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			err = model.Fail("kubernetes.exec-late", "command", e.Command, "seconds", int(timeout.Seconds()))
		case errors.As(err, new(*osexec.ExitError)):
			err = model.Fail("kubernetes.exec-failed", "command", e.Command, "said", model.Quoted("server", string(said.kept))).
				Wrapping(err)
		default:
			err = model.Fail("kubernetes.exec-not-run", "command", e.Command, "cause", err).Wrapping(err)
		}
		return nil, err
	}
	var made execCredential
	bad := json.Unmarshal(out.kept, &made) != nil
	if bad || made.Status == nil || made.Kind != told.Kind || made.Status.Token == "" && made.Status.Cert == "" ||
		(made.Status.Cert == "") != (made.Status.Key == "") {
		return nil, model.Fail("kubernetes.exec-answer", "command", e.Command)
	}
	if made.APIVersion != e.APIVersion {
		return nil, model.Fail("kubernetes.exec-version", "command", e.Command, "version", made.APIVersion)
	}
	c := &credential{token: made.Status.Token, expires: made.Status.Expires}
	if made.Status.Cert != "" {
		c.cert, c.key = []byte(made.Status.Cert), []byte(made.Status.Key)
	}
	return c, nil
}

// bounded keeps the first bytes that are written to it.
type bounded struct {
	kept  []byte
	limit int
}

func (b *bounded) Write(p []byte) (int, error) {
	b.kept = append(b.kept, p[:min(len(p), b.limit-len(b.kept))]...)
	return len(p), nil
}
