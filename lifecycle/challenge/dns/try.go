package dns

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"time"

	"certquay/lifecycle/challenge"
	"certquay/model"
)

// tryInterval is how often a record is looked for.
const tryInterval = 2 * time.Second

// Try proves that a provider can write records for a domain: it makes one as dns-01 would,
// waits until every authoritative name server shows it or ctx ends, and removes it. A
// record that cannot be removed is a [*challenge.LeftError]. It returns the name of the
// record, after CNAMEs.
func Try(ctx context.Context, p Provider, r *Resolver, domain string) (name string, err error) {
	token := rand.Text()
	sum := sha256.Sum256([]byte(token + ".test"))
	proof := challenge.Proof{
		Order: token, Type: challenge.DNS01, Name: domain, Token: token, KeyAuthorization: token + ".test",
		Record: "_acme-challenge." + domain + ".", Value: base64.RawURLEncoding.EncodeToString(sum[:]),
	}
	s := New(challenge.DNS01, p, r)
	defer s.Close(proof.Order)
	if name, _, err = r.Follow(ctx, proof.Record); err != nil {
		return "", err
	}
	if err := s.Present(ctx, proof); err != nil {
		return name, err
	}
	var missing model.Text
	for seen := false; !seen; {
		if seen, missing, err = s.Seen(ctx, proof); err != nil || seen {
			break
		}
		select {
		case <-time.After(tryInterval):
			continue
		case <-ctx.Done():
			err = model.Fail("dns-provider.test-unseen", "name", shown(name), "cause", missing).Wrapping(ctx.Err())
		}
		break
	}
	// The record is removed even if time is up.
	clean, cancel := context.WithTimeout(context.WithoutCancel(ctx), seenTimeout)
	defer cancel()
	if left := s.CleanUp(clean, proof); left != nil {
		return name, left
	}
	return name, err
}
