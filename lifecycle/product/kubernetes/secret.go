package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"certquay/lifecycle/bundle"
	"certquay/lifecycle/ports"
	"certquay/model"
)

const (
	// manager is the field manager of what certquay applies.
	manager = "certquay"
	// managedBy is the recommended label that names the tool that manages an object.
	managedBy = "app.kubernetes.io/managed-by"
	tlsType   = "kubernetes.io/tls"
	certKey   = "tls.crt"
	keyKey    = "tls.key"
)

// secret is a v1.Secret with what is needed of it. It holds a private key: it is never
// printed.
type secret struct {
	Metadata  metadata          `json:"metadata"`
	Type      string            `json:"type"`
	Data      map[string][]byte `json:"data"`
	Immutable bool              `json:"immutable"`
}

type metadata struct {
	Name            string            `json:"name"`
	Namespace       string            `json:"namespace"`
	UID             string            `json:"uid"`
	ResourceVersion string            `json:"resourceVersion"`
	Labels          map[string]string `json:"labels"`
	ManagedFields   []json.RawMessage `json:"managedFields"`
}

// holder is an entry of managedFields.
type holder struct {
	Manager string `json:"manager"`
	Fields  struct {
		Data map[string]any `json:"f:data"`
	} `json:"fieldsV1"`
}

func (h *holder) pair() bool {
	_, cert := h.Fields.Data["f:"+certKey]
	_, key := h.Fields.Data["f:"+keyKey]
	return cert || key
}

// holders decodes managedFields. An entry that cannot be read holds nothing.
func (s *secret) holders() (all []holder) {
	for _, raw := range s.Metadata.ManagedFields {
		var h holder
		if json.Unmarshal(raw, &h) == nil {
			all = append(all, h)
		}
	}
	return all
}

// ours reports whether certquay wrote the pair that is there, and nobody else since.
func (s *secret) ours() bool {
	return slices.ContainsFunc(s.holders(), func(h holder) bool { return h.Manager == manager && h.pair() })
}

// others names the other managers that hold the pair.
func (s *secret) others() (names []string) {
	for _, h := range s.holders() {
		if h.Manager != manager && h.pair() && !slices.Contains(names, h.Manager) {
			names = append(names, h.Manager)
		}
	}
	return names
}

// chain is the certificates in it, DER, in their order; none if there are none.
func (s *secret) chain() (all [][]byte) {
	for rest := s.Data[certKey]; ; {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return all
		}
		if b.Type == "CERTIFICATE" {
			all = append(all, b.Bytes)
		}
	}
}

// fingerprint is that of the leaf; "" if there is none.
func (s *secret) fingerprint() string {
	if chain := s.chain(); len(chain) > 0 {
		return bundle.Fingerprint(chain[0])
	}
	return ""
}

// holds reports whether the pair is what is there; a plan is made without the key.
func (s *secret) holds(pair ports.KeyPair) bool {
	return slices.EqualFunc(s.chain(), pair.Chain, bytes.Equal) &&
		(pair.Key.Empty() || bytes.Equal(s.Data[keyKey], bundle.KeyPEM(pair.Key)))
}

// get reads a secret; nil if there is none.
func (c *client) get(ctx context.Context, r ref) (*secret, error) {
	s := new(secret)
	err := c.do(ctx, request{method: http.MethodGet, path: r.path()}, s)
	if refusedWith(err, http.StatusNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s, nil
}

// apply writes the pair by server-side apply over what was read; live is nil to create the
// secret. A dry run checks all of it and changes nothing.
func (c *client) apply(ctx context.Context, r ref, live *secret, pair ports.KeyPair, force, dryRun bool) error {
	meta := map[string]any{"name": r.name, "namespace": r.namespace}
	if live == nil || live.Metadata.Labels[managedBy] == "" || live.Metadata.Labels[managedBy] == manager {
		meta["labels"] = map[string]string{managedBy: manager} // and another tool's label stays
	}
	q := url.Values{"fieldManager": {manager}, "fieldValidation": {"Strict"}}
	if live != nil {
		// Refused with a conflict if it has been changed since.
		meta["resourceVersion"], meta["uid"] = live.Metadata.ResourceVersion, live.Metadata.UID
		if force {
			q.Set("force", "true")
		}
	}
	if dryRun {
		q.Set("dryRun", "All")
	}
	return c.do(ctx, request{
		method: http.MethodPatch, path: r.path(), query: q, kind: "application/apply-patch+yaml",
		body: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": meta, "type": tlsType,
			"data": map[string][]byte{certKey: bundle.CertificatePEM(pair.Chain...), keyKey: bundle.KeyPEM(pair.Key)},
		},
	}, nil)
}

// merge changes some fields of what was read (RFC 7396) and returns the result.
func (c *client) merge(ctx context.Context, r ref, live *secret, change map[string]any) (*secret, error) {
	meta, _ := change["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
		change["metadata"] = meta
	}
	meta["resourceVersion"] = live.Metadata.ResourceVersion
	changed := new(secret)
	err := c.do(ctx, request{
		method: http.MethodPatch, path: r.path(), query: url.Values{"fieldManager": {manager}},
		kind: "application/merge-patch+json", body: change,
	}, changed)
	return changed, err
}

// remove deletes what was read, and nothing else.
func (c *client) remove(ctx context.Context, r ref, live *secret) error {
	return c.do(ctx, request{
		method: http.MethodDelete, path: r.path(), kind: "application/json",
		body: map[string]any{
			"apiVersion": "v1", "kind": "DeleteOptions",
			"preconditions": map[string]string{"uid": live.Metadata.UID, "resourceVersion": live.Metadata.ResourceVersion},
		},
	}, nil)
}

// stale reports whether a change was refused because the secret had been changed since it
// was read, or was created or deleted meanwhile.
func stale(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.status == http.StatusConflict && !slices.Contains(e.causes, causeManager)
}

// held reports whether a change was refused because another manager holds a field.
func held(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.status == http.StatusConflict && slices.Contains(e.causes, causeManager)
}

// changeable says why a secret cannot take a pair; nil if it can.
func changeable(r ref, s *secret) error {
	switch {
	case s == nil:
		return nil
	case s.Type != tlsType:
		return permanent("kubernetes.wrong-type", "secret", r.String(), "type", s.Type)
	case s.Immutable:
		return permanent("kubernetes.immutable", "secret", r.String())
	}
	return nil
}

func permanent(code string, args ...any) error {
	return &ports.PermanentError{Err: model.Fail(code, args...)}
}
