package lifecycle_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"certquay/lifecycle"
	"certquay/lifecycle/journal"
	"certquay/lifecycle/lifecycletest"
	"certquay/lifecycle/notify"
	"certquay/lifecycle/notify/notifytest"
	"certquay/lifecycle/outbox"
	"certquay/lifecycle/ports"
	"certquay/lifecycle/rules"
	"certquay/model"
	"certquay/ui/text"
)

const (
	mailTo = "mailto:ops@example.com"
	hookTo = "https://hooks.example.com/T0KEN"
)

// telling is a world whose notices go to a scripted post; what has no contact
// is told to Ops.
func telling(t *testing.T) (*world, *lifecycletest.Notifier) {
	w := newWorld(t)
	p := lifecycletest.NewNotifier(w.clock.Now)
	w.notifier = p
	w.policy.Notify.Default = []string{"ops", "nobody"}
	w.start(w.store)
	_, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Ops", Email: "ops@example.com", Channels: []string{hookTo}})
	w.check(err)
	return w, p
}

func (w *world) tick() {
	w.t.Helper()
	_, err := w.engine.By(model.Scheduler).Tick(w.ctx())
	w.check(err)
}

// spec: N1
func TestWhatHappensIsToldOnEveryChannel(t *testing.T) {
	w, p := telling(t)
	id := w.issued("a.example.com")
	w.tick()
	for _, to := range []string{mailTo, hookTo} {
		if got := p.Kinds(to); !slices.Equal(got, []model.NoticeKind{model.NoticeIssued}) {
			t.Errorf("%s was told %v", to, got)
		}
	}
	if s := p.Last(
		hookTo,
	); s.Instance != id || !strings.Contains(s.Subject, "a.example.com: issued") ||
		!strings.Contains(s.Text, "valid to") {
		t.Errorf("told: %+v", s)
	}
	// A contact of its own is told instead of those of the configuration.
	c, err := w.engine.By(operator).AddContact(w.ctx(), model.Contact{Name: "Web", Email: "web@example.com"})
	w.check(err)
	p.Forget()
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: c.ID}))
	w.deploy(id)
	w.check(w.engine.By(operator).AutoDeploy(w.ctx(), w.resource(0).ID, true))
	w.tick()
	w.forward(336 * days)
	if got := p.Kinds(
		"mailto:web@example.com",
	); !slices.Equal(
		got,
		[]model.NoticeKind{model.NoticeHosting, model.NoticeDeployed, model.NoticeRenewed, model.NoticeDeployed},
	) {
		t.Errorf("web was told %v", got)
	}
	w.check(w.engine.By(operator).StopHosting(w.ctx(), id))
	w.done(w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"}))
	w.tick()
	if got := p.Kinds("mailto:web@example.com")[4:]; !slices.Equal(
		got,
		[]model.NoticeKind{model.NoticeHostingStopped, model.NoticeTask, model.NoticeRevoked},
	) {
		t.Errorf("at the end web was told %v", got)
	}
	if got := p.Kinds(mailTo); len(got) != 0 {
		t.Errorf("ops was told %v", got)
	}
	w.fsck()
}

// Labels, kinds and reasons of notices are in the language of notices, and so is
// a test of a channel. spec: N1 V5
func TestNoticesSpeakOneLanguage(t *testing.T) {
	for lang, want := range map[string][2]string{
		"en": {"certquay: a.example.com: issued\n" + `what:          issued
certificate:   a.example.com (ID)
names:         a.example.com
detail:        version 1, serial SERIAL, valid to 2027-03-01 11:59:59Z
valid to:      2027-03-01 11:59:59Z
at:            2026-11-21 12:00:00Z
see:           certquay show TAIL
`, "certquay: a test for Ops\nThis is a test. certquay can send notices to Ops.\n"},
		"zh": {"certquay：a.example.com：已签发\n" + `事项：已签发
证书：a.example.com（ID）
域名：a.example.com
详情：第 1 版，序列号 SERIAL，有效至 2027-03-01 11:59:59Z
有效期至：2027-03-01 11:59:59Z
时间：2026-11-21 12:00:00Z
查看：certquay show TAIL
`, "certquay：发给 Ops 的测试\n这是一条测试消息。certquay 可以把发生的事通知 Ops。\n"},
	} {
		w, p := telling(t)
		w.words, w.issuer.Can.MaxValidity = text.New(lang).Text, 100*days
		w.start(w.store)
		id := w.issued("a.example.com")
		w.tick()
		said := func() string {
			s, i := p.Last(hookTo), w.get(id)
			return strings.NewReplacer(string(id), "ID", id.Short(), "TAIL", i.Current().Serial, "SERIAL").
				Replace(s.Subject + "\n" + s.Text)
		}
		if got := said(); got != want[0] {
			t.Errorf("%s\n%s", lang, got)
		}
		_, err := w.engine.By(operator).TestContact(w.ctx(), "Ops")
		w.check(err)
		if got := said(); got != want[1] {
			t.Errorf("%s\n%s", lang, got)
		}
	}
}

// Every kind of job that fails makes a notice.
//
// spec: N2
func TestNoKindOfJobFailsSilently(t *testing.T) {
	want := map[model.JobKind]model.NoticeKind{
		model.JobIssue: model.NoticeIssueFailed, model.JobReissue: model.NoticeRenewalFailed, model.JobRenew: model.NoticeHostingFailing,
		model.JobDeploy: model.NoticeDeploymentFailed, model.JobUndeploy: model.NoticeUndeployFailed,
		model.JobRevoke: model.NoticeRevokeFailed, model.JobVerify: model.NoticeVerifyFailed,
		model.JobClean: model.NoticeCleanFailed,
	}
	fail := map[model.JobKind]func(w *world, id model.ID){
		model.JobIssue: func(w *world, _ model.ID) {
			w.issuer.Plan("order", lifecycletest.Fails)
			_, err := w.engine.By(operator).Apply(
				w.ctx(),
				w.bought(),
				lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"b.example.com"}}},
			)
			w.check(err)
		},
		model.JobReissue: func(w *world, id model.ID) {
			w.issuer.Plan("order", lifecycletest.Fails)
			_, err := w.engine.By(operator).Reissue(w.ctx(), id, lifecycle.ReissueRequest{})
			w.check(err)
		},
		model.JobRenew: func(w *world, id model.ID) {
			w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
			w.issuer.Plan("order", lifecycletest.Fails, lifecycletest.Fails, lifecycletest.Fails, lifecycletest.Fails)
			w.forward(336*days + 2*time.Hour)
		},
		model.JobDeploy: func(w *world, id model.ID) {
			w.product.Plan("deploy", lifecycletest.Fails)
			_, err := w.engine.By(operator).Deploy(w.ctx(), id, lifecycle.DeployRequest{Product: "CDN"})
			w.check(err)
		},
		model.JobUndeploy: func(w *world, id model.ID) {
			w.deploy(id)
			w.product.Plan("undeploy", lifecycletest.Fails)
			_, err := w.engine.By(operator).Undeploy(w.ctx(), w.resource(0).ID)
			w.check(err)
		},
		model.JobRevoke: func(w *world, id model.ID) {
			w.issuer.Plan("revoke", lifecycletest.Fails, lifecycletest.Fails)
			_, err := w.engine.By(operator).Revoke(w.ctx(), id, lifecycle.RevokeRequest{Reason: "superseded"})
			w.check(err)
		},
		model.JobVerify: func(w *world, id model.ID) {
			w.deploy(id)
			w.product.Plan("present", lifecycletest.Fails, lifecycletest.Fails)
			_, err := w.engine.By(operator).Verify(w.ctx(), w.resource(0).ID)
			w.check(err)
		},
	}
	fail[model.JobClean] = func(w *world, id model.ID) {
		c := w.cloud(true)
		w.deployTo(id, "global")
		w.reissued(id)
		c.Plan("survey", lifecycletest.Fails)
		w.deployTo(id, "global")
	}
	for _, kind := range model.JobKinds {
		t.Run(string(kind), func(t *testing.T) {
			if fail[kind] == nil {
				t.Fatal("nothing shows that its failure is told")
			}
			w, p := telling(t)
			id := w.issued("a.example.com")
			fail[kind](w, id)
			w.tick()
			w.forward(time.Minute)
			n := 0
			for _, k := range p.Kinds(hookTo) {
				if k == want[kind] {
					n++
				}
			}
			if n != 1 {
				t.Errorf("told: %v", p.Kinds(hookTo))
			}
		})
	}
}

// A failing renewal tells at its first failure, then at the days before expiry,
// and what is presented stays.
//
// spec: H9, N1
func TestAFailingRenewalTellsOnceAndThenAtTheDays(t *testing.T) {
	w, p := telling(t)
	id := w.issued("a.example.com")
	w.check(w.engine.By(operator).Host(w.ctx(), id, lifecycle.HostRequest{Contact: w.contact()}))
	w.tick()
	p.Forget()
	w.issuer.Plan("order", slices.Repeat([]lifecycletest.Behaviour{lifecycletest.Fails}, 200)...)
	w.forward(370 * days)
	i := w.get(id)
	v := i.Current()
	var got []string
	for _, s := range p.Sent() {
		if s.To == hookTo {
			got = append(got, string(s.Kind)+" "+strings.TrimPrefix(s.Subject, "certquay: a.example.com "))
		}
	}
	at := v.NotAfter.UTC().Format("2006-01-02 15:04:05Z")
	want := []string{"hosting failing certquay: a.example.com: hosting failing"}
	for _, left := range []string{"14 days", "7 days", "3 days", "24 hours"} {
		want = append(want, "expiry expires in "+left+", on "+at)
	}
	if !slices.Equal(got, want) {
		t.Errorf("told:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// spec: N1
func TestExpiryIsToldAtItsDaysAndOnce(t *testing.T) {
	w, p := telling(t)
	id := w.issued("a.example.com")
	hosted := w.hosted("b.example.com")
	w.tick()
	i := w.get(id)
	v := i.Current()
	p.Forget()
	w.forward(v.NotAfter.Sub(w.clock.Now()) - 10*days)
	w.engine.Close() // weeks without certquay, twice
	w.clock.MoveTo(v.NotAfter.Add(-60 * time.Hour))
	w.start(w.store)
	w.tick()
	w.tick()
	w.engine.Close()
	w.start(w.store)
	w.tick()
	w.engine.Close()
	w.clock.MoveTo(v.NotAfter.Add(100 * days))
	w.start(w.store)
	w.tick()
	var got []string
	for _, s := range p.Sent() {
		if s.Kind == model.NoticeExpiry && s.To == hookTo {
			if s.Instance == hosted {
				t.Errorf("the healthy one was told of: %s", s.Subject)
				continue
			}
			got = append(got, strings.Split(strings.TrimPrefix(s.Subject, "certquay: a.example.com "), ",")[0])
		}
	}
	// Of the moments that passed meanwhile only the latest is told.
	if want := []string{
		"expires in 30 days",
		"expires in 14 days",
		"expires in 3 days",
		"expired on " + v.NotAfter.UTC().Format("2006-01-02 15:04:05Z"),
	}; !slices.Equal(
		got,
		want,
	) {
		t.Errorf("told %q, want %q", got, want)
	}
}

// spec: N1
func TestShortValiditiesAreToldAtShares(t *testing.T) {
	w, p := telling(t)
	w.issuer.Can.MaxValidity = 60 * days
	w.policy.Notify.LeadTimes = []time.Duration{30 * days}
	id := w.issued("a.example.com")
	w.issuer.Plan("order", slices.Repeat([]lifecycletest.Behaviour{lifecycletest.Fails}, 100)...)
	p.Forget()
	w.forward(61 * days)
	i := w.get(id)
	v := i.Current()
	var left []time.Duration
	for _, s := range p.Sent() {
		if s.Kind == model.NoticeExpiry && s.To == hookTo {
			left = append(left, v.NotAfter.Sub(s.At).Round(time.Hour))
		}
	}
	if want := []time.Duration{10 * days, 5 * days}; !slices.Equal(left, want) {
		t.Errorf("told with %v left, want %v", left, want)
	}
}

// Drift is told once, not at every look.
//
// spec: N1
func TestDriftIsToldOnce(t *testing.T) {
	w, p := telling(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	other := w.issued("a.example.com")
	w.tick()
	p.Forget()
	place := ports.Target{Region: "global", Name: "a.example.com"}
	m, err := w.engine.By(model.Scheduler).Material(other, 1)
	w.check(err)
	w.product.Mu.Lock()
	w.product.Shown[place] = &ports.KeyPair{Chain: m.Certificates}
	w.product.Mu.Unlock()
	for range 4 {
		w.forward(25 * time.Hour)
	}
	if got := p.Kinds(hookTo); !slices.Equal(got, []model.NoticeKind{model.NoticeDrift}) {
		t.Errorf("told: %v", got)
	}
}

// A record that is awaited is told with its value, once.
//
// spec: H5, N1
func TestProofThatIsAwaitedIsToldOnce(t *testing.T) {
	w, p := telling(t)
	w.issuer.Pending = 20
	w.issuer.Proofs = []model.Proof{
		{Domain: "a.example.com", Method: "dns", Name: "_acme-challenge.a.example.com", Value: "xyz\r\nBcc: evil"},
	}
	id := w.bought()
	_, err := w.engine.By(operator).Apply(
		w.ctx(),
		id,
		lifecycle.ApplyRequest{Application: model.Application{Domains: []string{"a.example.com"}}},
	)
	w.check(err)
	w.tick()
	w.forward(2 * time.Hour)
	if got := p.Kinds(hookTo); !slices.Equal(got, []model.NoticeKind{model.NoticeProof}) {
		t.Fatalf("told: %v", got)
	}
	if s := p.Last(hookTo); !strings.Contains(s.Text, "dns  _acme-challenge.a.example.com  xyz\\r\\nBcc: evil\n") {
		t.Errorf("told:\n%s", s.Text)
	}
}

// A channel that is down is tried again after 1, 10 and 100 minutes, then
// daily; the other channels and the engine go on.
//
// spec: N2, H9
func TestAChannelThatFailsIsTriedAgain(t *testing.T) {
	w, p := telling(t)
	p.Break(hookTo, errors.New("503"))
	start := w.clock.Now()
	id := w.issued("a.example.com")
	w.tick()
	if got := p.Kinds(mailTo); len(got) != 1 {
		t.Errorf("the other channel was told %v", got)
	}
	w.forward(30 * days)
	var waits []time.Duration
	for _, s := range p.Sent() {
		if s.To == hookTo {
			waits = append(waits, s.At.Sub(start).Round(time.Second))
		}
	}
	want := []time.Duration{0, time.Minute, 11 * time.Minute, 111 * time.Minute}
	for len(want) < 33 {
		want = append(want, want[len(want)-1]+24*time.Hour)
	}
	if !slices.Equal(waits, want) {
		t.Errorf("tried after %v, want %v", waits, want)
	}
	open, err := w.engine.By(model.Scheduler).Notices(outbox.NoticeFilter{Open: true})
	w.check(err)
	if len(open) != 1 || inWords(open[0].Error) != "503" || open[0].Instance != id || strings.Contains(open[0].To, "T0KEN") {
		t.Fatalf("open: %+v", open)
	}
	p.Break(hookTo, nil)
	w.forward(2 * days)
	if got := p.Kinds(hookTo); !slices.Equal(got, []model.NoticeKind{model.NoticeIssued}) {
		t.Errorf("told: %v", got)
	}
	events, err := w.engine.By(model.Scheduler).Activity(lifecycle.ActivityFilter{Instance: id})
	w.check(err)
	var log []string
	for _, ev := range events {
		if ev.Action == "notify" {
			log = append(log, ev.Result)
		}
	}
	if !slices.Equal(log, []string{journal.ResultOK, journal.ResultFailed}) {
		t.Errorf("the log has %v", log)
	}
	// Once all is delivered, nothing stays for ever.
	w.forward(100 * days)
	if all, err := w.engine.By(model.Scheduler).Notices(outbox.NoticeFilter{}); err != nil || len(all) != 0 {
		t.Errorf("kept: %d, %v", len(all), err)
	}
	w.fsck()
}

// spec: N2
func TestAChannelThatHangsDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := telling(t)
		p.Hang(hookTo, true)
		w.engine.Start()
		w.issued("a.example.com")
		w.issued("b.example.com")
		synctest.Wait()
		if got := p.Kinds(mailTo); len(got) != 2 {
			t.Errorf("told: %v", got)
		}
		w.engine.Close() // does not wait for it either
		open, err := w.engine.OpenNotices()
		w.check(err)
		if open != 2 {
			t.Errorf("%d are open", open)
		}
	})
}

// A mail server that is out of order for a month: the mail comes once.
//
// spec: N2
func TestAMailServerIsOutOfOrderForAMonth(t *testing.T) {
	srv := notifytest.Start(t)
	srv.Down(true)
	w := newWorld(t)
	w.notifier = notify.New(
		notify.Options{
			SMTP: notify.SMTP{Host: srv.Host, Port: srv.Port, From: "certquay@example.com", TLS: notify.STARTTLS, Roots: srv.Roots},
		},
	)
	w.policy.Notify.Default = []string{"Ops"}
	w.start(w.store)
	w.contact()
	w.issued("a.example.com")
	w.forward(30 * days)
	if len(srv.Mails()) != 0 || srv.Met() != 4+29 {
		t.Fatalf("%d mails, asked %d times", len(srv.Mails()), srv.Met())
	}
	tests, err := w.engine.By(operator).TestContact(w.ctx(), "OPS")
	w.check(err)
	if len(tests) != 1 || tests[0].Err == nil || !strings.Contains(tests[0].Err.Error(), "out of order") {
		t.Errorf("the test says %+v", tests)
	}
	srv.Down(false)
	w.forward(3 * days)
	if got := srv.Mails(); len(got) != 1 || !strings.Contains(got[0].Data, "Subject: certquay: a.example.com: issued") {
		t.Fatalf("%d mails: %+v", len(got), got)
	}
	if tests, err = w.engine.By(operator).TestContact(w.ctx(), "OPS"); err != nil || tests[0].Err != nil || len(srv.Mails()) != 2 {
		t.Errorf("the test says %+v, %v", tests, err)
	}
}

// A sandbox tells nobody of what never happened.
func TestASandboxWithholdsNotices(t *testing.T) {
	w, p := telling(t)
	w.policy.Notify.DryRun = true
	w.start(w.store)
	w.issued("a.example.com")
	w.tick()
	all, err := w.engine.By(model.Scheduler).Notices(outbox.NoticeFilter{})
	w.check(err)
	if len(p.Sent()) != 0 || len(all) != 2 || all[0].Outcome != model.NoticeWithheld || all[0].Open() {
		t.Errorf("sent %d; %+v", len(p.Sent()), all)
	}
}

// spec: N2
func TestAContactIsTestedChannelByChannel(t *testing.T) {
	w, p := telling(t)
	p.Break(hookTo, errors.New("404"))
	tests, err := w.engine.By(operator).TestContact(w.ctx(), "ops")
	w.check(err)
	if len(tests) != 2 || tests[0].Err != nil || tests[1].Err == nil || tests[1].Channel != "https://hooks.example.com" {
		t.Errorf("%+v", tests)
	}
	var inv *rules.Invalid
	_, err = w.engine.By(operator).
		AddContact(w.ctx(), model.Contact{Name: "X", Email: "x@example.com", Channels: []string{"pigeon://T0KEN"}})
	if !errors.As(err, &inv) || strings.Contains(err.Error(), "T0KEN") || inv.Example == "" {
		t.Errorf("a channel nobody understands: %v", err)
	}
	c, err := w.engine.By(model.Scheduler).Contact("ops")
	w.check(err)
	if !slices.Equal(c.Channels, []string{"https://hooks.example.com"}) {
		t.Errorf("shown: %v", c.Channels)
	}
	w.check(w.engine.By(operator).RemoveContact(w.ctx(), "ops"))
	w.fsck()
}

// A notice that was sent and cannot be noted as sent, since the disk is full,
// is not sent over and over.
// spec: N2
func TestAFullDiskDoesNotFloodAnybody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, p := telling(t)
		s := &lifecycletest.FaultyStore{Store: w.store}
		w.engine.Close()
		w.start(s)
		w.issued("a.example.com")
		sent := func() int {
			return len(p.Sent())
		}
		p.Before = func(string) {
			s.BreakWrites(errors.New("the disk is full"))
			if sent() > 10 { // a flood without end is seen below
				<-w.ctx().Done()
			}
		}
		w.engine.Start()
		synctest.Wait()
		if sent() == 0 {
			t.Fatal("nothing is sent")
		}
		for range 100 { // of these the courier would have made use
			w.clock.MoveTo(w.clock.Now().Add(time.Second))
			synctest.Wait()
		}
		if n := sent(); n > 2*2 {
			t.Errorf("sent %d times to two channels", n)
		}
	})
}

// Thirty instances that were reissued for years are more than a transaction of
// the store holds; each is told of all the same.
// spec: N1
func TestExpiryIsToldOfInstancesWithManyVersions(t *testing.T) {
	w, p := telling(t)
	one := w.get(w.issued("a.example.com"))
	for n := range 30 {
		i := one
		i.ID = model.ID(fmt.Sprintf("01ARZ3NDEKTSV4RRFFQ69G5F%02d", n))
		i.Versions, i.Due = nil, time.Time{}
		for k := range 250 {
			v := one.Versions[0]
			v.Number, v.Fingerprint, v.Serial = k+1, fmt.Sprintf("%060d%04d", n, k), fmt.Sprintf("%028d%04d", n, k)
			v.NotBefore, v.NotAfter = w.clock.Now().Add(-100*days), w.clock.Now().Add(10*days)
			i.Versions = append(i.Versions, v)
		}
		i.NextExpiryNotice = w.clock.Now().Add(-time.Minute)
		w.check(w.store.Update(w.ctx(), func(tx model.Tx) error { return tx.Put(&i) }))
	}
	w.tick()
	if n := len(slices.DeleteFunc(p.Kinds(hookTo), func(k model.NoticeKind) bool { return k != model.NoticeExpiry })); n != 30 {
		t.Errorf("%d of 30 were told of", n)
	}
}
