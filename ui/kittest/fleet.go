package kittest

import (
	"context"
	"fmt"
	"time"

	"certquay/lifecycle/journal"
	"certquay/lifecycle/rules"
	"certquay/model"
)

// addInstance adds the nth instance.
func (w *World) addInstance(n int, s model.State, spec model.Specification, names ...string) *model.Instance {
	i := &model.Instance{
		ID: model.ID(fmt.Sprintf("01K9Z3T%02dQ5W7X2V8R4N6M%04X", n%97, 0xA100+n*37)), Name: names[0], State: s,
		Origin: model.OriginBought, Spec: spec, Years: 1,
		Created:     w.Clock.Add(-time.Duration(n) * day / 3),
		Application: model.Application{Domains: names, KeyType: model.ECDSAP256}}
	w.Instances = append(w.Instances, i)
	return i
}

// addVersion gives an instance a certificate and its service period.
func (w *World) addVersion(i *model.Instance, ago, days int) *model.Instance {
	i.Versions = append(i.Versions, Version(w.Clock, len(i.Versions)+1, ago, days, i.Application.Domains...))
	v := &i.Versions[0]
	i.ServiceStart, i.ServiceEnd = v.NotBefore, model.AddYears(v.NotBefore, max(i.Years, 1))
	return i
}

// addResource deploys the current certificate of an instance to a new resource.
func (w *World) addResource(i *model.Instance, product, region string, port int) *model.Resource {
	v := i.Current()
	r := &model.Resource{ID: model.ID(fmt.Sprintf("01K9RES0000000000000%06X", 0xB000+len(w.Places)*29)), Product: product, Region: region,
		Name:    v.Domains[0],
		Address: fmt.Sprintf("127.0.0.1:%d", port), Instance: i.ID, Version: v.Number, Deployed: v.Fingerprint, DeployedAt: v.Issued,
		Presented: v.Fingerprint, NotAfter: v.NotAfter, VerifiedAt: w.Clock.Add(-time.Duration(1+len(w.Places)%50) * time.Minute)}
	if r.Name[0] == '*' {
		r.Name = "shop" + r.Name[1:]
	}
	w.Places = append(w.Places, r)
	d := &i.Deployments
	d.Total++
	d.Deployed++
	has := false
	for _, p := range d.Products {
		has = has || p == product
	}
	if !has {
		d.Products = append(d.Products, product)
	}
	return r
}

// Fleet returns a world with about n instances, in every state.
func Fleet(n int) *World {
	w := New()
	dv := model.Specification{Level: model.DV, Type: model.Single, Brand: "embedded", Grade: model.Standard}
	wild := model.Specification{Level: model.DV, Type: model.Wildcard, Brand: "embedded", Grade: model.Standard}
	ov := model.Specification{Level: model.OV, Type: model.Multi, Brand: "embedded", Grade: model.Professional}
	ev := model.Specification{Level: model.EV, Type: model.Multi, Brand: "embedded", Grade: model.Professional}
	free := model.Specification{Level: model.DV, Type: model.Single, Brand: "letsencrypt", Grade: model.Free}

	shop := w.addVersion(w.addInstance(1, model.Issued, wild, "*.shop.example.com", "shop.example.com"), 140, 200)
	shop.Name, shop.Years = "shop.example.com", 2
	shop.ServiceEnd = model.AddYears(shop.ServiceStart, 2)
	shop.Hosting = model.Hosting{On: true, RenewalsLeft: 1}
	shop.Due, shop.DueAction = shop.Versions[0].Window(), model.DueReissue
	for k, p := range []string{"CDN", "SLB"} {
		r := w.addResource(shop, p, []string{"global", "eu-central-1"}[k], 40101+k)
		r.AutoDeploy, r.Reserved = true, true
		shop.Deployments.Auto++
	}
	pay := w.addVersion(w.addInstance(2, model.Issued, ov, "pay.example.com", "www.pay.example.com", "api.pay.example.com"), 353, 365)
	r := w.addResource(pay, "SLB", "cn-hangzhou", 40103)
	r.Presented, r.DriftSince = shop.Versions[0].Fingerprint, w.Clock.Add(-2*time.Hour)
	pay.Deployments.Deployed = 0
	api := w.addVersion(w.addInstance(3, model.Issued, free, "api.example.net"), 82, 90)
	api.Years, api.ServiceEnd = 1, model.AddYears(api.ServiceStart, 1)
	api.Due, api.DueAction = api.Versions[0].Window(), model.DueReissue
	api.Operation = model.Operation{Kind: model.JobReissue, Since: w.Clock.Add(-time.Hour), Attempt: 2,
		Next: w.Clock.Add(10 * time.Minute), Error: model.Quoted("ca",
			"urn:ietf:params:acme:error:rateLimited: too many new orders, retry after 10:41")}
	w.addResource(api, "WAF", "eu-central-1", 40104)
	old := w.addVersion(w.addInstance(4, model.Issued, dv, "old.example.org"), 384, 365)
	w.addResource(old, "DCDN", "global", 40105)
	bad := w.addVersion(w.addInstance(5, model.Issued, dv, "img.example.com"), 40, 365)
	f := w.addResource(bad, "CDN", "global", 40106)
	handshake := model.Say("deploy.handshake", "address", "127.0.0.1:40106", "cause", context.DeadlineExceeded)
	f.Failure = model.Failure{Kind: model.JobDeploy, At: w.Clock.Add(-20 * time.Minute), Message: handshake}
	bad.Failure, bad.Deployments.Failing, bad.Deployments.Deployed = f.Failure, 1, 0
	w.addInstance(6, model.Paid, dv, "new DV single")
	w.addInstance(7, model.Paid, wild, "new DV wildcard").Reason = model.Say("issue.not-proved", "waiting", record("m.example.cn"))
	w.Instances[5].Application, w.Instances[6].Application = model.Application{}, model.Application{}
	ver := w.addInstance(8, model.Verifying, ov, "corp.example.com", "www.corp.example.com")
	ver.ExpectedIssue = w.Clock.Add(26 * time.Hour)
	ver.Operation = model.Operation{Kind: model.JobIssue, Since: w.Clock.Add(-3 * time.Hour), Attempt: 1,
		WaitFor: record("corp.example.com")}
	w.Open = append(w.Open, model.Task{ID: "01K9TASK000000000000000001", Kind: model.TaskProve, Instance: ver.ID,
		Created: w.Clock.Add(-3 * time.Hour),
		Text:    model.Say("todo.prove"), Detail: model.Say("todo.prove-record", "method", "dns", "name",
			"_acme-challenge.corp.example.com",
			"value", "gfj9Xq_Rg85nM0qgdC5s")},
		model.Task{ID: "01K9TASK000000000000000002", Kind: model.TaskInstall, Instance: api.ID, Created: w.Clock.Add(-3 * time.Hour),
			Text: model.Say("todo.install", "version", 2, "name", "api.example.net")})
	up := w.addVersion(w.addInstance(9, model.Uploaded, model.Specification{}, "legacy.example.net"), 200, 397)
	up.Origin = model.OriginUpload
	up.Versions[0].KeyID = ""
	for k, s := range []model.State{model.Revoked, model.Refunded} {
		e := w.addVersion(w.addInstance(10+k, s, dv, fmt.Sprintf("gone%d.example.com", k)), 100, 365)
		e.Versions[0].RevokedAt, e.Versions[0].RevokedReason = w.Clock.Add(-9*day), "superseded"
	}
	w.addInstance(12, model.Closed, dv, "never.example.com")
	w.addOrganizations(ver, w.addInstance(13, model.Verifying, ev, "bank.example.com", "www.bank.example.com"))
	w.addWatches()
	words := []string{"mail", "blog", "cdn", "img", "auth", "static", "docs", "status", "git", "ci", "vpn", "m", "app", "data"}
	for k := len(w.Instances) + 1; k <= n; k++ {
		name := fmt.Sprintf("%s%d.example.%s", words[k%len(words)], k, []string{"com", "net", "org", "cn"}[k%4])
		i := w.addVersion(w.addInstance(k, model.Issued, []model.Specification{dv, free, dv, ov}[k%4], name), (k*53)%330,
			[]int{365, 365, 397, 365}[k%4])
		if k%3 != 0 {
			w.addResource(i, []string{"CDN", "SLB", "WAF", "DCDN", "SCDN"}[k%5], []string{"global", "eu-central-1", "cn-hangzhou",
				"global", "global"}[k%5], 40200+k)
		}
	}
	for _, i := range w.Instances {
		Plan(i)
	}
	w.addOrders()
	for k, i := range w.Instances {
		if k > 40 {
			break
		}
		e := model.Event{Seq: uint64(900 - k), At: w.Clock.Add(-time.Duration(k*k*11) * time.Minute),
			Actor: []string{"anna", "certquay", "ben"}[k%3], Via: []string{"terminal", "scheduler", "ssh"}[k%3],
			Action: []string{"buy", "apply", "issue", "deploy", "verify",
				"reissue"}[k%6], Instance: i.ID, Name: i.Name, From: "paid", To: string(i.State),
			Why: []string{"asked", "due"}[k%2], Result: "ok"}
		if k%7 == 4 {
			e.Result, e.Reason, e.From, e.To = "failed", handshake, "", ""
		}
		if k%11 == 9 {
			no := rules.Refusal{Action: rules.Action(e.Action), State: i.State, Instance: i.ID, Reason: rules.ReasonReadOnly}
			e.Result, e.Reason, e.From, e.To = journal.ResultRefused, no.AsText(), "", ""
		}
		w.Events = append(w.Events, e)
	}
	return w
}

// record is the message that an application waits for one DNS record.
func record(domain string) model.Text {
	return model.Say("await.dns", "n", 1, "cause", model.Say("proof.no-record", "name", "_acme-challenge."+domain))
}

// Plan sets the next scheduled action of an instance, as the engine does with each
// write.
func Plan(i *model.Instance) {
	action, at := rules.NewTransitionTable().NextDue(i)
	i.Due, i.DueAction = at, model.DueReissue
	switch {
	case at.IsZero():
		i.DueAction = ""
	case action == rules.RenewHosted:
		i.DueAction = model.DueRenew
	case action == rules.EndHosting:
		i.DueAction = model.DueEndHosting
	}
}
