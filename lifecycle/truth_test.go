package lifecycle_test

import (
	"slices"
	"strings"
	"testing"

	"certquay/lifecycle"
	"certquay/model"
)

// why is what the explanation of an instance gives as reasons.
func (w *world) why(id model.ID) string {
	w.t.Helper()
	x, err := w.engine.Explain(id)
	w.check(err)
	return strings.Join(x.Why, "\n")
}

// An explanation says of each server what it presents, and not that all present
// the certificate because something was deployed to them once. A task about a
// version that is revoked asks nobody any more. spec: V3, D4, D7
func TestAnExplanationTellsWhatIsPresented(t *testing.T) {
	w := newWorld(t)
	id := w.issued("a.example.com")
	w.deploy(id)
	if why := w.why(id); !strings.Contains(why, "1 of 1 resources present it, verified by handshake: CDN") {
		t.Errorf("deployed:\n%s", why)
	}
	w.done(w.engine.Reissue(w.ctx(), operator, id, lifecycle.ReissueRequest{}))
	why := w.why(id)
	if strings.Contains(why, "present it") || !strings.Contains(why, "is presented in place of version 2: CDN") || !strings.Contains(why, "(D4)") {
		t.Errorf("outdated:\n%s", why)
	}
	installs := func() (versions []int) {
		ts, err := w.engine.Tasks(0)
		w.check(err)
		for _, t := range ts {
			versions = append(versions, t.Version)
		}
		return versions
	}
	if got := installs(); !slices.Equal(got, []int{2}) {
		t.Fatalf("tasks for versions %v, want one for 2", got)
	}
	w.done(w.engine.Revoke(w.ctx(), operator, id, lifecycle.RevokeRequest{Versions: []int{2}}))
	if got := installs(); got != nil {
		t.Errorf("version 2 is revoked and tasks ask for %v", got)
	}
	w.done(w.engine.Revoke(w.ctx(), operator, id, lifecycle.RevokeRequest{}))
	why = w.why(id)
	if strings.Contains(why, "present it") || !strings.Contains(why, "a revoked version is still presented: CDN") || !strings.Contains(why, "version 2 was revoked at") {
		t.Errorf("revoked:\n%s", why)
	}
}

// A version that had expired before the newest was revoked does not come back.
// spec: I4, I8
func TestWhatHadExpiredIsNotCurrentAgain(t *testing.T) {
	at := epoch
	i := model.Instance{Versions: []model.Version{
		{Number: 1, NotBefore: at, NotAfter: at.Add(10 * days)},
		{Number: 2, NotBefore: at.Add(8 * days), NotAfter: at.Add(18 * days), RevokedAt: at.Add(9 * days)},
	}}
	if v := i.Current(); v == nil || v.Number != 1 {
		t.Errorf("revoked while version 1 was valid: %+v", v)
	}
	i.Versions[1].RevokedAt = at.Add(11 * days)
	if v := i.Current(); v != nil {
		t.Errorf("revoked after version 1 had expired: version %d", v.Number)
	}
}
