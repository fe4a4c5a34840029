package kubernetes_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/product/kubernetes"
	"certquay/model"
)

// behaviours are tests that pass against the fake and against a real server alike.
var behaviours = []struct {
	name string
	test func(*testing.T, *cluster)
}{
	{"RoleOfOneSecretIsEnough", oneSecretIsEnough},
	{"WhatWasThereComesBackWithItsManagers", comesBack},
	{"LabelsOfOtherToolsStay", labelsStay},
	{"AnotherManagerIsNamedAndTakenOver", anotherManager},
	{"WhatSomebodyElseWroteStays", othersStay},
	{"ImmutableSecretsAndOtherTypesAreRefused", unchangeable},
	{"RolesThatLackAVerbAreSaid", lackingRoles},
	{"CredentialsThatAreNotTakenAreSaid", badCredentials},
	{"NamespacesThatAreNotThereAreSaid", noNamespace},
	{"SecretsAreFoundWithWhatRefersToThem", found},
	{"NothingIsTakenOffThatCertquayDidNotDeploy", notDeployed},
	{"EveryRequestMayFail", everyRequestFails},
	{"KilledAnywhere", killedAnywhere},
	{"WhatChangesMeanwhileIsNotLost", changedMeanwhile},
	{"KeysAreOnlyInBodies", keysOnlyInBodies},
}

func TestBehaviours(t *testing.T) {
	for _, b := range behaviours {
		t.Run(b.name, func(t *testing.T) { b.test(t, fakeCluster(t)) })
	}
	t.Run("Deployments", func(t *testing.T) { manyDeployments(t, fakeCluster(t), 20) })
}

// oneSecret is a role for one secret that exists.
const oneSecret = `{"apiGroups":[""],"resources":["secrets"],"resourceNames":["site"],"verbs":["get","patch"]}`

func code(err error) string { return model.TextOf(err).Code() }

func empty() map[string]string { return map[string]string{"tls.crt": "", "tls.key": ""} }

func forced(o *kubernetes.Options) { o.Force = true }

// oneSecretIsEnough does all but create and delete. spec: P3
func oneSecretIsEnough(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "one", oneSecret)
	c.create(t, "site", "kubernetes.io/tls", empty())
	c.create(t, "other", "kubernetes.io/tls", empty())
	before := c.state(t)
	only := func(o *kubernetes.Options) { o.Targets = []string{c.namespace + "/site"} }
	p, at := c.open(t, issuertest.NewStore(), only), c.target("site")
	if b, err := p.Current(ctx, at); err != nil || b.Fingerprint != "" {
		t.Errorf("an empty secret has %+v, %v", b, err)
	}
	if hosts, err := p.Hosts(ctx, at); err != nil || len(hosts) > 0 {
		t.Errorf("an empty secret serves %v, %v", hosts, err)
	}
	if wrong := p.Test(ctx); len(wrong) > 0 {
		t.Errorf("the test finds %v", wrong)
	}
	first := pair(t, "a.example.com", "b.example.com")
	deployed(t, p, at, first)
	if hosts, err := p.Hosts(ctx, at); err != nil || !slices.Equal(hosts, []string{"a.example.com", "b.example.com"}) {
		t.Errorf("it serves %v, %v", hosts, err)
	}
	if l, err := p.Look(ctx, at); err != nil || !l.ReadBack || len(l.Seen) != 1 || len(l.Seen[0].Chain) != 2 {
		t.Errorf("the look gives %+v, %v", l, err)
	}
	if all, err := p.Discover(ctx, "test"); err != nil || !slices.Equal(all, []ports.Target{at}) {
		t.Errorf("there are %v, %v", all, err)
	}
	if _, err := p.Deploy(ctx, at, pair(t, "a.example.com")); err != nil {
		t.Fatal(err)
	}
	if err := p.Rollback(ctx, at); err != nil {
		t.Fatal(err)
	}
	c.holds(t, p, "site", first)
	if err := p.Undeploy(ctx, at); err != nil {
		t.Fatal(err)
	}
	if after := c.state(t); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
	if _, err := p.Deploy(ctx, c.target("other"), first); code(err) != "kubernetes.forbidden" {
		t.Errorf("another secret: %v", err)
	}
}

// comesBack puts back what another tool had applied, and that tool then goes on without a
// conflict. spec: D3 D8
func comesBack(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	theirs := `{"apiVersion":"v1","kind":"Secret","metadata":{"name":"site"},"type":"kubernetes.io/tls",` +
		`"data":{"tls.crt":"QQ==","tls.key":"QQ==","ca.crt":"QQ=="}}`
	applyTheirs := func() {
		t.Helper()
		c.admin(t, "PATCH", c.secretPath("site")+"?fieldManager=flux", theirs, "application/apply-patch+yaml")
	}
	applyTheirs()
	before := c.state(t)
	p, at := c.open(t, issuertest.NewStore(), forced), c.target("site")
	for range 2 {
		if _, err := p.Deploy(ctx, at, pair(t, "a.example.com")); err != nil {
			t.Fatal(err)
		}
		if err := p.Rollback(ctx, at); err != nil {
			t.Fatal(err)
		}
		if after := c.state(t); after != before {
			t.Fatalf("it was\n%s\nand is\n%s", before, after)
		}
	}
	deployed(t, p, at, pair(t, "a.example.com"))
	if err := p.Undeploy(ctx, at); err != nil {
		t.Fatal(err)
	}
	applyTheirs()
	if after := c.state(t); after != before {
		t.Errorf("it was\n%s\nand is\n%s", before, after)
	}
}

func (c *cluster) label(t *testing.T, name string) any {
	t.Helper()
	labels, _ := c.admin(t, "GET", c.secretPath(name), "")["metadata"].(object)["labels"].(object)
	return labels["app.kubernetes.io/managed-by"]
}

// labelsStay looks at the label that says which tool manages an object. spec: P3
func labelsStay(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	p := c.open(t, issuertest.NewStore(), forced)
	c.create(t, "site", "kubernetes.io/tls", empty())
	for _, name := range []string{"site", "made"} {
		deployed(t, p, c.target(name), pair(t, "a.example.com"))
		deployed(t, p, c.target(name), pair(t, "a.example.com"))
		if l := c.label(t, name); l != "certquay" {
			t.Errorf("%s is labelled %v", name, l)
		}
	}
	c.change(t, "site", `{"metadata":{"labels":{"app.kubernetes.io/managed-by":"Helm"}}}`)
	deployed(t, p, c.target("site"), pair(t, "a.example.com"))
	if l := c.label(t, "site"); l != "Helm" {
		t.Errorf("a secret of Helm is labelled %v", l)
	}
}

// anotherManager meets one that holds the pair. spec: P3
func anotherManager(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	store := issuertest.NewStore()
	p, at := c.open(t, store), c.target("site")
	first, next := pair(t, "a.example.com"), pair(t, "a.example.com")
	deployed(t, p, at, first)
	c.change(t, "site", `{"data":{"tls.crt":"QQ==","tls.key":"QQ=="}}`)
	before := c.state(t)
	refused := func(err error) {
		t.Helper()
		if code(err) != "kubernetes.conflict" || model.TextOf(err).Message().Args["manager"] != "kubectl-edit" ||
			!errors.As(err, new(*ports.PermanentError)) {
			t.Errorf("%v, want the manager named", err)
		}
		if after := c.state(t); after != before {
			t.Error("it was changed all the same")
		}
	}
	_, err := p.Deploy(ctx, at, next)
	refused(err)
	_, err = p.Plan(ctx, at, next)
	refused(err)
	if err := p.Rollback(ctx, at); err != nil {
		t.Fatal(err)
	}
	refused(err2(p.Deploy(ctx, at, next)))
	p = c.open(t, store, forced)
	plan, err := p.Plan(ctx, at, next)
	if err != nil || len(plan.Changes) != 1 || plan.Changes[0].Kind != ports.ChangeReplace || plan.Changes[0].After != next.Fingerprint {
		t.Errorf("the plan is %+v, %v", plan, err)
	}
	deployed(t, p, at, next)
	c.holds(t, p, "site", next)
}

func err2(_ ports.Binding, err error) error { return err }

// othersStay rolls back and takes off what somebody else has replaced or deleted meanwhile.
// spec: D3 D8
func othersStay(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	p, at := c.open(t, issuertest.NewStore(), forced), c.target("site")
	data := func() string { return string(must(json.Marshal(c.admin(t, "GET", c.secretPath("site"), "")["data"]))) }
	for _, undo := range []func(context.Context, ports.Target) error{p.Rollback, p.Undeploy} {
		if _, err := p.Deploy(ctx, at, pair(t, "a.example.com")); err != nil {
			t.Fatal(err)
		}
		c.change(t, "site", `{"data":{"tls.crt":"QQ==","tls.key":"QQ=="}}`)
		before := data()
		if err := undo(ctx, at); err != nil {
			t.Fatal(err)
		}
		if data() != before {
			t.Error("what somebody else wrote is gone")
		}
		if c.label(t, "site") != nil || strings.Contains(c.state(t), `"certquay"`) {
			t.Errorf("certquay still holds something:\n%s", c.state(t))
		}
	}
	if _, err := p.Deploy(ctx, at, pair(t, "a.example.com")); err != nil {
		t.Fatal(err)
	}
	c.admin(t, "DELETE", c.secretPath("site"), "")
	for _, undo := range []func(context.Context, ports.Target) error{p.Rollback, p.Commit} {
		if err := undo(ctx, at); err != nil {
			t.Errorf("after somebody deleted it: %v", err)
		}
	}
	if _, err := p.Current(ctx, at); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("it is there again, %v", err)
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// unchangeable refuses before anything is sent. spec: P3
func unchangeable(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	store := issuertest.NewStore()
	p := c.open(t, store, forced, func(o *kubernetes.Options) { o.Targets = []string{c.namespace + "/fixed", c.namespace + "/opaque"} })
	c.create(t, "fixed", "kubernetes.io/tls", empty())
	c.change(t, "fixed", `{"immutable":true}`)
	c.create(t, "opaque", "Opaque", empty())
	before := c.state(t)
	for name, want := range map[string]string{"fixed": "kubernetes.immutable", "opaque": "kubernetes.wrong-type"} {
		if _, err := p.Deploy(t.Context(), c.target(name), pair(t, "a.example.com")); code(err) != want {
			t.Errorf("%s: %v", name, err)
		}
	}
	if c.state(t) != before || len(store.Cells("kubernetes/")) > 0 {
		t.Error("something was changed or kept")
	}
	c.create(t, "later", "kubernetes.io/tls", empty())
	deployed(t, p, c.target("later"), pair(t, "a.example.com"))
	c.change(t, "later", `{"immutable":true}`)
	if err := p.Undeploy(t.Context(), c.target("later")); code(err) != "kubernetes.immutable" {
		t.Errorf("taking it off: %v", err)
	}
	if wrong := p.Test(
		t.Context(),
	); len(wrong) != 2 || code(wrong[0]) != "kubernetes.immutable" ||
		code(wrong[1]) != "kubernetes.wrong-type" {
		t.Errorf("the test finds %v", wrong)
	}
}

// lackingRoles tells one line for each verb that is missing. spec: P1
func lackingRoles(t *testing.T, c *cluster) {
	c.create(t, "site", "kubernetes.io/tls", empty())
	p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Targets = []string{c.namespace + "/site", c.namespace + "/*"} })
	verbs := func() (all []string) {
		for _, err := range p.Test(t.Context()) {
			a := model.TextOf(err).Message().Args
			if code(err) != "kubernetes.not-allowed" {
				t.Errorf("%v", err)
			}
			all = append(all, strings.TrimPrefix(a["secret"], c.namespace+"/")+" "+a["verb"])
		}
		return all
	}
	if got := verbs(); !slices.Equal(got, []string{"* list", "* get", "* patch", "site get", "site patch"}) {
		t.Errorf("without a role: %v", got)
	}
	if _, err := p.Discover(t.Context(), "test"); code(err) != "kubernetes.forbidden" {
		t.Errorf("listing: %v", err)
	}
	c.allow(t, "one", oneSecret)
	if got := verbs(); !slices.Equal(got, []string{"* list", "* get", "* patch"}) {
		t.Errorf("with a role of one secret: %v", got)
	}
	c.allow(t, "all", strings.Replace(everything, `"create","delete"`, `"create"`, 1))
	if got := verbs(); len(got) > 0 {
		t.Errorf("with a role for all: %v", got)
	}
	deployed(t, p, c.target("made"), pair(t, "a.example.com"))
	if err := p.Undeploy(t.Context(), c.target("made")); code(err) != "kubernetes.forbidden" {
		t.Errorf("deleting: %v", err)
	}
	c.allow(t, "delete", strings.Replace(oneSecret, `["site"],"verbs":["get","patch"]`, `["made"],"verbs":["delete"]`, 1))
	if err := p.Undeploy(t.Context(), c.target("made")); err != nil {
		t.Errorf("deleting: %v", err)
	}
}

// badCredentials tries tokens that are wrong, expired, and replaced meanwhile. spec: P1 P3
func badCredentials(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	file := t.TempDir() + "/token"
	write := func(token string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("expired")
	for _, user := range []string{"{token: wrong}", "{tokenFile: " + file + "}"} {
		p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Kubeconfig = c.kubeconfig(t, user) })
		_, err := p.Deploy(t.Context(), c.target("site"), pair(t, "a.example.com"))
		if code(err) != "kubernetes.unauthorized" || strings.Contains(err.Error(), "wrong") {
			t.Errorf("%s: %v", user, err)
		}
		if wrong := p.Test(t.Context()); len(wrong) != 1 || code(wrong[0]) != "kubernetes.unauthorized" {
			t.Errorf("%s: the test finds %v", user, wrong)
		}
		if strings.Contains(user, file) {
			write(ownToken)
			deployed(t, p, c.target("site"), pair(t, "a.example.com"))
		}
	}
}

func noNamespace(t *testing.T, c *cluster) {
	c.allow(t, "all", everything)
	p := c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) { o.Kubeconfig = c.kubeconfig(t, "{token: "+adminToken+"}") })
	at := ports.Target{Region: "test", Name: "nowhere/site"}
	if _, err := p.Current(t.Context(), at); !errors.Is(err, ports.ErrNoResource) {
		t.Errorf("current: %v", err)
	}
	if _, err := p.Deploy(t.Context(), at, pair(t, "a.example.com")); code(err) != "kubernetes.refused" {
		t.Errorf("deploy: %v", err)
	}
	p = c.open(t, issuertest.NewStore(), func(o *kubernetes.Options) {
		o.Kubeconfig, o.Targets = c.kubeconfig(t, "{token: "+adminToken+"}"), []string{"nowhere/site", "nowhere/*", c.namespace + "/*"}
	})
	if wrong := p.Test(t.Context()); len(wrong) != 1 || code(wrong[0]) != "kubernetes.no-namespace" {
		t.Errorf("the test finds %v", wrong)
	}
}

// found surveys secrets and what refers to them. spec: P5
func found(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	p := c.open(t, issuertest.NewStore())
	c.create(t, "empty", "kubernetes.io/tls", empty())
	c.create(t, "other", "Opaque", empty())
	site := pair(t, "a.example.com")
	deployed(t, p, c.target("site"), site)
	for _, name := range []string{"x1", "x2", "x3"} {
		deployed(t, p, c.target(name), pair(t, name+".example.com"))
	}
	c.admin(t, "POST", "/apis/networking.k8s.io/v1/namespaces/"+c.namespace+"/ingresses", `{"metadata":{"name":"front"},"spec":{`+
		`"defaultBackend":{"service":{"name":"web","port":{"number":80}}},`+
		`"tls":[{"hosts":["a.example.com","b.example.com"],"secretName":"site"}]}}`)
	find := func() ports.Presence {
		t.Helper()
		all, err := p.Survey(ctx, "test")
		if err != nil || len(all) != 5 || all[0].Target != c.target("empty") || all[1].Target != c.target("site") {
			t.Fatalf("%d are found: %+v, %v", len(all), all, err)
		}
		if all[0].Err == nil || all[0].Managed || all[1].Err != nil || !all[1].Managed || len(all[1].Chain) != 2 {
			t.Errorf("found %+v", all)
		}
		return all[1]
	}
	if s := find(); len(s.Names) > 0 || s.Source != "" {
		t.Errorf("ingresses may not be read, and refer to it: %+v", s)
	}
	c.allow(t, "ingress", `{"apiGroups":["networking.k8s.io"],"resources":["ingresses"],"verbs":["list"]}`)
	if s := find(); !slices.Equal(s.Names, []string{"a.example.com", "b.example.com"}) || s.Source != "Ingress "+c.namespace+"/front" {
		t.Errorf("found %+v", s)
	}
	plan, err := p.Plan(ctx, c.target("site"), pair(t, "a.example.com"))
	if err != nil || !slices.Equal(plan.Also, []string{"a.example.com", "b.example.com"}) || plan.Changes[0].Before != site.Fingerprint {
		t.Errorf("the plan is %+v, %v", plan, err)
	}
}

// notDeployed leaves alone what certquay has not put there. spec: D8
func notDeployed(t *testing.T, c *cluster) {
	ctx := t.Context()
	c.allow(t, "all", everything)
	p := c.open(t, issuertest.NewStore())
	c.create(t, "site", "kubernetes.io/tls", empty())
	before := c.state(t)
	if err := p.Undeploy(ctx, c.target("site")); err != nil || c.state(t) != before {
		t.Errorf("%v, or it was changed", err)
	}
	deployed(t, p, c.target("made"), pair(t, "a.example.com"))
	before = c.state(t)
	// Another store does not know what was there.
	if err := c.open(t, issuertest.NewStore()).
		Undeploy(ctx, c.target("made")); code(err) != "kubernetes.no-origin" ||
		c.state(t) != before {
		t.Errorf("%v, or it was changed", err)
	}
}
