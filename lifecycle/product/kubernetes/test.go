package kubernetes

import (
	"context"
	"net/http"

	"certquay/model"
)

// Test asks each context whether deployments would work: that the kubeconfig and its context
// can be read, that the credential is taken, that namespaces exist, and by
// SelfSubjectAccessReviews that the verbs are allowed. It changes nothing.
func (p *Product) Test(ctx context.Context) (wrong []error) {
	for _, name := range p.contexts {
		wrong = append(wrong, p.test(ctx, p.clients[name])...)
	}
	return wrong
}

func (p *Product) test(ctx context.Context, c *client) (wrong []error) {
	single, namespaces := p.opt.listed()
	missing := map[string]bool{}
	exists := func(namespace string) error {
		if namespace == "" || missing[namespace] {
			return nil
		}
		err := c.do(ctx, request{method: http.MethodGet, path: "/api/v1/namespaces/" + namespace}, nil)
		switch {
		case refusedWith(err, http.StatusNotFound):
			missing[namespace] = true
			wrong = append(wrong, model.Fail("kubernetes.no-namespace", "context", c.context, "namespace", namespace).Wrapping(err))
			return nil
		case refusedWith(err, http.StatusForbidden): // then it is not known
			return nil
		}
		return err
	}
	check := func(r ref, verbs ...string) error {
		if err := exists(r.namespace); err != nil || missing[r.namespace] {
			return err
		}
		for _, verb := range verbs {
			allowed, err := c.allowed(ctx, r, verb)
			if err != nil {
				return err
			}
			if !allowed {
				secret := r
				if secret.name == "" {
					secret.name = "*"
				}
				if secret.namespace == "" {
					secret.namespace = "*"
				}
				wrong = append(wrong, model.Fail("kubernetes.not-allowed", "context", c.context, "verb", verb, "secret", secret.String()))
			}
		}
		return nil
	}
	// The first that the server does not answer says why nothing else is asked.
	for _, namespace := range namespaces {
		if err := check(ref{namespace: namespace}, "list", "get", "patch"); err != nil {
			return append(wrong, err)
		}
	}
	for _, r := range single {
		if err := check(r, "get", "patch"); err != nil {
			return append(wrong, err)
		}
		if missing[r.namespace] {
			continue
		}
		live, err := c.get(ctx, r)
		switch {
		case refusedWith(err, http.StatusForbidden): // said above
		case err != nil:
			return append(wrong, err)
		case live == nil:
			if err := check(r, "create", "delete"); err != nil {
				return append(wrong, err)
			}
		default:
			if err := changeable(r, live); err != nil {
				wrong = append(wrong, err)
			}
		}
	}
	return wrong
}

// allowed asks whether the credential may do something with a secret, with all of a
// namespace if it has no name, or with all if it has no namespace either.
func (c *client) allowed(ctx context.Context, r ref, verb string) (bool, error) {
	var review struct {
		Status struct{ Allowed bool }
	}
	err := c.do(ctx, request{
		method: http.MethodPost, path: "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", kind: "application/json",
		body: map[string]any{
			"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"spec": map[string]any{"resourceAttributes": map[string]string{
				"namespace": r.namespace, "name": r.name, "resource": "secrets", "verb": verb,
			}},
		},
	}, &review)
	return review.Status.Allowed, err
}
