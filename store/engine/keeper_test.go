package engine_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"certquay/model"
	"certquay/store/engine"
)

var errSilent = errors.New("no answer")

// keeper returns the Keeper of a lease of six seconds, which renew renews.
func keeper(renew func() (bool, error)) *engine.Keeper {
	return engine.Keep(engine.NewLease(1), time.Now(), engine.Keeping{
		Length: 6 * time.Second, Outage: engine.NewOutage(), Log: slog.New(slog.DiscardHandler),
		Renew:   func(context.Context) (bool, error) { return renew() },
		Probe:   func(context.Context) error { return errSilent },
		Explain: func(err error) error { return err },
	})
}

// A lease is renewed until it is given back. spec: E2
func TestALeaseIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		renewals := 0
		k := keeper(func() (bool, error) { renewals++; return true, nil })
		time.Sleep(time.Minute)
		if !k.Held() || k.Err() != nil || renewals < 20 {
			t.Errorf("held %v, %v after %d renewals", k.Held(), k.Err(), renewals)
		}
		if !k.Stop() {
			t.Error("there is nothing to give back")
		}
	})
}

// An owner that the database does not answer gives up at the end of its lease, and says why.
// One whose lease another holds gives up at once. spec: E2 E3
func TestALeaseIsLost(t *testing.T) {
	for name, test := range map[string]struct {
		held  bool
		err   error
		after time.Duration
		away  bool
	}{
		"another owner":        {false, nil, 2 * time.Second, false},
		"the database is away": {false, errSilent, 6 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				k := keeper(func() (bool, error) { return test.held, test.err })
				<-k.Lost()
				took := time.Since(begin)
				if took < test.after || took > test.after+300*time.Millisecond || k.Held() {
					t.Errorf("lost after %s", took)
				}
				err := k.Err()
				said := model.TextOf(err).Code() == "database.away"
				if !errors.Is(err, engine.ErrNotOwner) || said != test.away {
					t.Error(err)
				}
				if k.Stop() {
					t.Error("a lost lease is to be given back")
				}
			})
		})
	}
}

// A batch is attempted until the database answers, and not beyond the lease. spec: E2 E3
func TestABatchIsInsistedOn(t *testing.T) {
	silent := func(err error) bool { return errors.Is(err, errSilent) }
	for name, test := range map[string]struct {
		answers []error // the last one again and again
		want    error
		away    bool
	}{
		"at the third attempt": {[]error{errSilent, errSilent, nil}, nil, false},
		"a conflict":           {[]error{errSilent, engine.ErrConflict}, engine.ErrConflict, false},
		"no answer":            {[]error{errSilent}, engine.ErrNotOwner, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				k := keeper(func() (bool, error) { return false, errSilent })
				defer k.Stop()
				n := 0
				err := k.Insist(func() error {
					err := test.answers[min(n, len(test.answers)-1)]
					n++
					return err
				}, silent)
				if !errors.Is(err, test.want) || (model.TextOf(err).Code() == "database.away") != test.away {
					t.Errorf("%v after %d attempts", err, n)
				}
			})
		})
	}
	var none *engine.Keeper
	if none.Held() || !errors.Is(none.Err(), engine.ErrNotOwner) {
		t.Error("a process without a lease holds one")
	}
}
