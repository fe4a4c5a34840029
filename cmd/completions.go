package cmd

import (
	"slices"

	"github.com/spf13/cobra"

	"certquay/cmd/config"
	"certquay/lifecycle"
	"certquay/lifecycle/bundle"
	"certquay/lifecycle/challenge"
	"certquay/lifecycle/forecast"
	"certquay/lifecycle/issuer/acme"
	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/ledger"
	"certquay/lifecycle/product"
	"certquay/lifecycle/product/aliyun"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/model/where"
	"certquay/ui/text"
)

// pastSpans are proposed for times of the past.
var pastSpans = []string{"1d", "7d", "30d"}

// maxCompletions is how many instances or resources are offered at most.
const maxCompletions = 200

// takesFiles are the verbs whose arguments are files.
var takesFiles = map[string]bool{
	"upload": true, "backup": true, "backup verify": true, "restore": true, "config check": true, "config diff": true, "man": true,
	"discover": true,
}

// endInFiles are the verbs that take a file after what is completed.
var endInFiles = map[string]bool{"upload-key": true, "user key add": true}

// repeats are the verbs whose last argument may be repeated.
var repeats = map[string]bool{
	"watch check":    true,
	"accept":         true,
	"adopt":          true,
	"contact assign": true,
	"apply":          true,
	"withdraw":       true,
	"close":          true,
	"delete":         true,
	"review":         true,
	"deploy":         true,
	"renew":          true,
	"reissue":        true,
	"host":           true,
	"revoke":         true,
	"undeploy":       true,
	"verify":         true,
	"auto-deploy":    true,
	"download":       true,
	"reorder":        true,
	"rekey":          true,
	tagVerb:          true,
	"owner":          true,
	"note":           true,
	"upload-key":     true,
}

// fileFlags and directoryFlags are the flags whose values are paths.
var (
	fileFlags = map[string]bool{
		"config":                 true,
		"out":                    true,
		"csr":                    true,
		"document":               true,
		"key":                    true,
		"authorized-keys":        true,
		"identity":               true,
		"roots":                  true,
		"passphrase-file":        true,
		"password-file":          true,
		"channel-file":           true,
		"settings-file":          true,
		"eab-key-file":           true,
		"ca-file":                true,
		"chain-roots-file":       true,
		"access-key-secret-file": true,
		"kubeconfig":             true,
		"ssh-key":                true,
		"ssh-key-file":           true,
		"known-hosts":            true,
	}
	directoryFlags = map[string]bool{"data": true, "documents": true, "http-root": true}
)

// argCompletions are the completers of arguments, by verb and position.
func (c *invocation) argCompletions() map[string][]completer {
	instance, resource := c.fromStore("instances"), c.fromStore("resources")
	contact, company := c.fromStore("contacts"), c.fromStore("companies")
	watch, task, view := c.fromStore("watches"), c.fromStore("tasks"), c.fromStore("views")
	all := map[string][]completer{
		"undeploy": {resource}, "verify": {resource}, "accept": {resource}, "adopt": {c.fromStore("findings")},
		"auto-deploy":  {resource, either(words([]string{"on", "off"}), resource)},
		"contact show": {contact}, "contact remove": {contact}, "contact test": {contact}, "contact edit": {contact},
		"company show": {company}, "company remove": {company}, "company edit": {company},
		"watch show": {watch}, "watch remove": {watch}, "watch check": {watch},
		"view show": {view}, "view remove": {view}, "view save": {view},
		"tasks dismiss": {task}, "tasks retry": {task},
		"buy-pack": {words(ledger.PackKinds)}, "issuer add": {words(acme.DirectoryNames())}, "dns add": {words(providerNames())},
		"product drivers": {words(product.Names())},
	}
	user := c.fromStore("users")
	for _, verb := range []string{"show", "disable", "enable", "remove", "key add", "principal add", "principal remove"} {
		all["user "+verb] = []completer{user}
	}
	all["user role"] = []completer{user, words(model.RoleNames())}
	all["user key remove"] = []completer{user, c.fromStore("user-keys")}
	all["approve"], all["sessions end"] = []completer{c.fromStore("requests")}, []completer{c.fromStore("sessions")}
	issuers, accounts := c.fromStore("issuers"), c.fromStore("dns-accounts")
	for _, verb := range []string{"show", "edit", "test", "rollover", "remove"} {
		all["issuer "+verb] = []completer{issuers}
	}
	for _, verb := range []string{"show", "edit", "test", "clean", "remove"} {
		all["product "+verb] = []completer{c.fromStore("products")}
	}
	all["product add"] = []completer{words(config.DefaultProducts())}
	all["dns remove"], all["dns test"] = []completer{accounts}, []completer{accounts}
	all["dns providers"] = []completer{words(providerNames())}
	for _, verb := range []string{
		"show", "explain", "preflight", "apply", "withdraw", "close", "delete", "review", "template", "upload-key", "download", "deploy",
		"receipts",
		"renew", "reissue", "reorder", "rekey", "host", "revoke", "contact assign", "note",
	} {
		all[verb] = []completer{instance}
	}
	all[tagVerb] = []completer{instance, either(instance, c.fromStore("added-tags"))}
	all["owner"] = []completer{instance, either(instance, contact)}
	return all
}

// flagCompletions are the completers of the values of flags, by flag, or by verb and
// flag where verbs differ.
func (c *invocation) flagCompletions() map[string]completer {
	instance := c.fromStore("instances")
	return map[string]completer{
		"--id": instance, "--like": instance,
		"--product":  c.fromStore("products"),
		"--region":   c.fromStore("regions"),
		"--resource": c.fromStore("resource-names"),
		"--contact":  c.fromStore("contacts"),
		"--company":  c.fromStore("companies"),
		"--brand":    c.brands, "--fallback": c.brands,
		"--kind": words(config.DeclaredKinds()), "--directory": words(acme.DirectoryNames()), "--challenge": words(challenge.Types),
		"issuer edit --unset": words(settingNames(issuerSources())), "product edit --unset": words(settingNames(productSources())),
		"--driver": words(product.Names()), "--provider": words(providerNames()),
		"--service": words(aliyun.Services()), "--set": words(settingNames(productSources())),
		"--level": words(model.Levels), "--type": words(model.DomainTypes), "--grade": words(model.Grades),
		"--key-type": words(model.KeyTypes), "company add --type": words(model.OrganizationTypes),
		"company edit --type": words(model.OrganizationTypes), "--to": c.fromStore("contacts"), "--from": c.fromStore("contacts"),
		"--state": words(model.States), "resources --state": words(model.ResourceStates), "--group": words(model.Groups),
		"--what": words(c.Words().EventActions()), "--result": words(eventResults),
		"--who": c.fromStore("actors"), "--since": words(pastSpans), "--until": words(pastSpans),
		"--sort":    words(model.Sorts),
		"tag --add": c.fromStore("tags"), "tag --remove": c.fromStore("tags"),
		"--role": words(model.RoleNames()), "--view": c.fromStore("views"), "--columns": words(model.ListColumns),
		"--where": c.fromStore("queries"), "resources --where": c.fromStore("resource-queries"),
		"undeploy --where": c.fromStore("resource-queries"), "verify --where": c.fromStore("resource-queries"),
		"auto-deploy --where": c.fromStore("resource-queries"),
		"--format":            words(bundle.Formats()), "tasks --kind": words(model.TaskKinds), "--reason": words(rules.RevocationReasons),
		"--policy": words(forecast.Policies), "--compare": words(forecast.Policies), "--lang": words(text.Languages()),
	}
}

// storeCandidates are the candidates that a store has, by kind. They are given what was
// typed and the product on the command line, and may return more than match.
var storeCandidates = map[string]func(c *invocation, typed, product string) ([]candidate, error){
	"instances":      instanceCandidates,
	"resources":      resourceCandidates,
	"resource-names": resourceNameCandidates,
	"products":       productCandidates,
	"regions":        regionCandidates,
	"contacts":       contactCandidates,
	"companies":      companyCandidates,
	"watches":        watchCandidates,
	"tasks":          taskCandidates,
	"views":          viewCandidates,
	"findings":       findingCandidates,
	"actors":         actorCandidates,
	"issuers":        issuerCandidates,
	"dns-accounts":   dnsCandidates,
	"users":          userCandidates,
	"user-keys":      userKeyCandidates,
	"requests":       requestCandidates,
	"sessions":       sessionCandidates,

	"tags":             tagCandidates,
	"added-tags":       addedTagCandidates,
	"queries":          queryCandidates(where.Instances),
	"resource-queries": queryCandidates(where.Resources),
}

func instanceCandidates(c *invocation, typed, _ string) (all []candidate, err error) {
	now := c.engine().Now()
	page, err := c.engine().Page(model.Query{Filter: model.Filter{Text: typed}, Sort: model.SortName, Limit: maxCompletions, Now: now})
	for n := range page.Rows {
		r := &page.Rows[n]
		x := candidate{ID: r.ID.Short(), Name: r.Name, About: c.Label("label", r.Status(now))}
		if len(r.Name) >= model.RowNameMax { // it may be cut
			x.Name = ""
		}
		all = append(all, x)
	}
	return all, err
}

func tagCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	tags, err := c.engine().QueryValues(where.Tag, "")
	for _, t := range tags {
		all = append(all, candidate{Name: t})
	}
	return all, err
}

// addedTagCandidates are tags as they are written to add them.
func addedTagCandidates(c *invocation, typed, product string) ([]candidate, error) {
	all, err := tagCandidates(c, typed, product)
	for n := range all {
		all[n].Name = "+" + all[n].Name
	}
	return all, err
}

// queryCandidates complete the last word of a query.
func queryCandidates(language *where.Language) func(c *invocation, typed, _ string) ([]candidate, error) {
	return func(c *invocation, typed, _ string) (all []candidate, err error) {
		found := language.Complete(typed, len(typed), func(f where.Field, begun string) (values []string) {
			values, err = c.engine().QueryValues(f, begun)
			return values
		})
		for _, w := range found.Words {
			all = append(all, candidate{Name: typed[:found.At] + w})
		}
		return all, err
	}
}

func resourceCandidates(c *invocation, typed, _ string) (all []candidate, err error) {
	views, _, err := c.engine().Resources(lifecycle.ResourceFilter{Text: typed, Limit: maxCompletions})
	for n := range views {
		v := &views[n]
		all = append(all, candidate{ID: v.ID.Short(), Name: v.Name, About: v.Product + " " + v.Region})
	}
	return all, err
}

// resourceNameCandidates are for --resource, which takes a name of a product's, not an
// id. Regions may share it.
func resourceNameCandidates(c *invocation, typed, product string) (all []candidate, err error) {
	views, _, err := c.engine().Resources(lifecycle.ResourceFilter{Product: product, Text: typed, Limit: maxCompletions})
	for n := range views {
		if x := (candidate{Name: views[n].Name}); !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all, err
}

func productCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	for _, p := range c.engine().Products() {
		all = append(all, candidate{Name: p.Name, About: p.Driver})
	}
	return all, nil
}

// regionCandidates are the regions of the product, or of all.
func regionCandidates(c *invocation, _, product string) (all []candidate, err error) {
	for _, p := range c.engine().Products() {
		if product != "" && model.NormalizeName(p.Name) != model.NormalizeName(product) {
			continue
		}
		for _, r := range p.Regions {
			if x := (candidate{Name: r}); !slices.Contains(all, x) {
				all = append(all, x)
			}
		}
	}
	return all, nil
}

func contactCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	contacts, err := c.engine().Contacts()
	for n := range contacts {
		all = append(all, candidate{Name: contacts[n].Name, About: contacts[n].Email})
	}
	return all, err
}

// brands completes the issuers of the store, or those that are built in while there is no
// store.
func (c *invocation) brands(cmd *cobra.Command, typed string) []candidate {
	if found := c.fromStore("issuers")(cmd, typed); len(found) > 0 {
		return found
	}
	return []candidate{{Name: embedded.Brand}}
}

func issuerCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	found, err := c.engine().Authorities()
	for n := range found {
		all = append(all, candidate{Name: found[n].Name, About: found[n].Kind})
	}
	return all, err
}

func dnsCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	found, err := c.engine().DNSAccounts()
	for n := range found {
		all = append(all, candidate{Name: found[n].Name, About: found[n].Kind})
	}
	return all, err
}

func companyCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	companies, err := c.engine().Companies()
	for n := range companies {
		all = append(all, candidate{Name: companies[n].Name})
	}
	return all, err
}

// findingCandidates are what was discovered last.
func findingCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	d, err := c.engine().Discovery()
	for n := range d.Findings {
		all = append(all, candidate{Name: d.Findings[n].ID, About: d.Findings[n].Name})
	}
	return all, err
}

func viewCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	views, err := c.engine().SavedViews()
	for n := range views {
		all = append(all, candidate{Name: views[n].Name, About: views[n].Query})
	}
	return all, err
}

func watchCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	watches, err := c.engine().Watches()
	for n := range watches {
		w := &watches[n]
		all = append(all, candidate{ID: w.ID.Short(), Name: w.Address, About: w.Name})
	}
	return all, err
}

func taskCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	tasks, err := c.engine().Tasks(maxCompletions)
	for n := range tasks {
		all = append(all, candidate{ID: tasks[n].ID.Short(), About: c.Words().Text(tasks[n].Text)})
	}
	return all, err
}

// actorCandidates are the actors of the newest events.
func actorCandidates(c *invocation, _, _ string) (all []candidate, err error) {
	events, err := c.engine().Activity(lifecycle.ActivityFilter{Limit: 10 * maxCompletions})
	for n := range events {
		if x := (candidate{Name: events[n].Actor}); !slices.Contains(all, x) {
			all = append(all, x)
		}
	}
	return all, err
}
