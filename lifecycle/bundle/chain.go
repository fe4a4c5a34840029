package bundle

import (
	"bytes"
	"crypto/x509"
	"errors"

	"certquay/model"
)

// graph is which certificate issued which, among those of an upload.
type graph struct {
	certs   []*x509.Certificate
	issuers [][]int // of each certificate, never itself
	issued  []bool  // whether it issued another
	self    []bool  // whether it is signed by its own key
}

// maxPairs bounds how many signatures are checked to find out which certificate
// issued which. A chain with its cross-signed CAs has a few; only many CAs of one
// name have more, and checking one signature takes up to 4 milliseconds.
const maxPairs = 256

// newGraph finds out which certificate issued which. A refusal is an [*Error].
func newGraph(certs []*x509.Certificate) (*graph, error) {
	pairs := 0
	for _, child := range certs {
		for _, parent := range certs {
			if namedBy(child, parent) {
				pairs++
			}
		}
	}
	if pairs > maxPairs {
		return nil, &Error{Reason: TooLarge, Why: model.Say("bundle.cas-of-one-name"), Hint: model.Say("bundle-hint.one-chain")}
	}
	g := &graph{certs: certs, issuers: make([][]int, len(certs)), issued: make([]bool, len(certs)), self: make([]bool, len(certs))}
	for i, child := range certs {
		for j, parent := range certs {
			if !signedBy(child, parent) {
				continue
			}
			// Two self-signed certificates of one key and name are the same CA
			// renewed: neither issued the other.
			if i == j || sameEntity(child, parent) {
				g.self[i] = g.self[i] || i == j
				continue
			}
			g.issuers[i] = append(g.issuers[i], j)
			g.issued[j] = true
		}
	}
	return g, nil
}

func (g *graph) selfSigned(i int) bool { return g.self[i] }

// leaves keeps those that are no CA and issued nothing.
func (g *graph) leaves(of []int) []int {
	var out []int
	for _, i := range of {
		if c := g.certs[i]; !g.issued[i] && (!c.BasicConstraintsValid || !c.IsCA) {
			out = append(out, i)
		}
	}
	return out
}

func sameEntity(a, b *x509.Certificate) bool {
	return bytes.Equal(a.RawSubject, b.RawSubject) && bytes.Equal(a.RawSubjectPublicKeyInfo, b.RawSubjectPublicKeyInfo)
}

// namedBy compares the issuer of one with the subject of the other, and their key
// identifiers, since several CAs may share a name (RFC 5280 section 6.1.3).
func namedBy(child, parent *x509.Certificate) bool {
	return bytes.Equal(child.RawIssuer, parent.RawSubject) &&
		(len(child.AuthorityKeyId) == 0 || len(parent.SubjectKeyId) == 0 || bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId))
}

// signedBy tries the signature where [namedBy] holds. It does not ask whether the
// parent was allowed to sign, only whether it did. A signature whose algorithm Go
// does not check any more counts by name.
func signedBy(child, parent *x509.Certificate) bool {
	if !namedBy(child, parent) {
		return false
	}
	err := parent.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature)
	var insecure x509.InsecureAlgorithmError
	return err == nil || errors.As(err, &insecure) ||
		errors.Is(err, x509.ErrUnsupportedAlgorithm) && weakSignature(child.SignatureAlgorithm)
}

// order puts the chain of a leaf in order, the leaf first. When there are
// several ways up (cross-signed CAs), the order of the files decides if it is
// one of them; else the shortest way to a self-signed root, else the longest
// of the shortest ways. What is no ancestor of the leaf is refused: it shows
// that the files are not of one certificate.
func (g *graph) order(leaf int) ([]int, error) {
	from, depth := g.climb(leaf)
	for i, c := range g.certs {
		if depth[i] < 0 {
			return nil, &Error{
				Reason: BadChain,
				Why:    model.Say("bundle.unordered", "certificate", describe(c), "leaf", describe(g.certs[leaf])),
				Hint:   model.Say("bundle-hint.intermediates"),
			}
		}
	}
	if path := g.asGiven(leaf); path != nil {
		return path, nil
	}
	top := leaf
	for i := range g.certs {
		if g.higher(i, top, depth) {
			top = i
		}
	}
	var path []int
	for i := top; ; i = from[i] {
		path = append([]int{i}, path...)
		if i == leaf {
			return path, nil
		}
	}
}

// higher reports whether i is a better end of the chain than top.
func (g *graph) higher(i, top int, depth []int) bool {
	if g.self[i] != g.self[top] {
		return g.self[i]
	}
	if depth[i] != depth[top] {
		return (depth[i] < depth[top]) == g.self[i]
	}
	return g.certs[i].NotAfter.After(g.certs[top].NotAfter)
}

// climb visits the ancestors of the leaf breadth first: how far up each is
// (-1: it is none) and which it was reached from.
func (g *graph) climb(leaf int) (from, depth []int) {
	from, depth = make([]int, len(g.certs)), make([]int, len(g.certs))
	for i := range depth {
		depth[i] = -1
	}
	depth[leaf] = 0
	queue := []int{leaf}
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		for _, p := range g.issuers[i] {
			if depth[p] < 0 {
				depth[p], from[p] = depth[i]+1, i
				queue = append(queue, p)
			}
		}
	}
	return from, depth
}

// asGiven is the order of the files, roots last, if each certificate is signed
// by the next and none is left over; else nil.
func (g *graph) asGiven(leaf int) []int {
	path := []int{leaf}
	var roots []int
	for i := range g.certs {
		switch {
		case i == leaf:
		case g.self[i]:
			roots = append(roots, i)
		default:
			path = append(path, i)
		}
	}
	for n := 1; n < len(path); n++ {
		if !contains(g.issuers[path[n-1]], path[n]) {
			return nil
		}
	}
	for _, r := range roots {
		if contains(g.issuers[path[len(path)-1]], r) {
			return append(path, r)
		}
	}
	return path
}

func contains(s []int, v int) bool {
	for _, x := range s {
		if x == v {
			return true
		}
	}
	return false
}

func weakSignature(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1:
		return true
	}
	return false
}
