package bundle

import (
	"crypto/rsa"
	"math/big"
	"sync"

	"github.com/titanous/rocacheck"
)

// Bounds of the search for factors (Baseline Requirements section 6.1.1.3 and
// 6.1.6, as Let's Encrypt's boulder keeps them).
const (
	smallestFactor = 752 // no factor may be smaller
	fermatRounds   = 110 // of Fermat's method; 100 are required
)

// weakRSA reports whether an RSA key of any size is known to be weak: small factors,
// ROCA (CVE-2017-15361) or factors too close together (CVE-2022-26320). It does
// not know Debian's weak keys of 2008, of which there are too many to include.
func weakRSA(k *rsa.PublicKey) bool {
	one := big.NewInt(1)
	if new(big.Int).GCD(nil, nil, k.N, smallPrimes()).Cmp(one) != 0 || rocacheck.IsWeak(k) {
		return true
	}
	// Fermat: n = a² - b² = (a+b)(a-b). For factors close together a is hardly
	// above the square root of n.
	a := new(big.Int).Sqrt(k.N)
	square, b := new(big.Int), new(big.Int)
	for range fermatRounds {
		square.Sub(square.Mul(a, a), k.N)
		if square.Sign() >= 0 {
			if b.Sqrt(square); b.Mul(b, b).Cmp(square) == 0 {
				return true
			}
		}
		a.Add(a, one)
	}
	return false
}

// smallPrimes is the product of the primes below smallestFactor.
var smallPrimes = sync.OnceValue(func() *big.Int {
	product := big.NewInt(1)
	for n := int64(2); n < smallestFactor; n++ {
		if p := big.NewInt(n); p.ProbablyPrime(0) {
			product.Mul(product, p)
		}
	}
	return product
})
