package embedded_test

import (
	"context"
	"testing"
	"time"

	"certquay/lifecycle/issuer/embedded"
	"certquay/lifecycle/issuer/issuertest"
	"certquay/lifecycle/ports"
)

// spec: C1
func TestContract(t *testing.T) {
	issuertest.Run(t, func(testing.TB) *issuertest.Fixture {
		store := issuertest.NewStore()
		return &issuertest.Fixture{
			Store: store,
			Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			Open: func(t testing.TB) ports.Issuer {
				i, err := embedded.New(store, embedded.Options{})
				if err != nil {
					t.Fatal(err)
				}
				return i
			},
		}
	})
}
