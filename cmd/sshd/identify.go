package sshd

import (
	"errors"
	"net"
	"net/netip"
	"strings"

	gossh "golang.org/x/crypto/ssh"

	"certquay/cmd/session"
	"certquay/lifecycle/directory"
	"certquay/model"
)

// Users finds the people who may log in besides the keys of an authorized_keys file
// (spec G1). Both methods return [model.ErrNotFound] if there is nobody. They are called
// for each action and must be safe for concurrent use.
type Users interface {
	UserByKey(fingerprint string) (model.User, error)
	UserByPrincipals(principals []string) (model.User, error)
}

// Errors of who may not log in. They are wrapped in an error that says more.
var (
	ErrDisabled    = errors.New("disabled user")
	ErrCertificate = errors.New("certificate refused")
)

// identify returns who an authenticated key is now. It is asked when a key is offered, at
// the start of each session and for each action, so that a change of a user has effect at
// once. A user of the store has precedence over a line of the file, so that one who is
// disabled stays out.
func (n *Network) identify(key gossh.PublicKey, from net.Addr) (Identity, error) {
	if cert, ok := key.(*gossh.Certificate); ok {
		return n.certified(cert, from)
	}
	if n.isReplica(key) {
		return Identity{Name: viaReplica, Role: model.Owner, replica: true}, nil
	}
	if n.Users != nil {
		u, err := n.Users.UserByKey(gossh.FingerprintSHA256(key))
		if !errors.Is(err, model.ErrNotFound) {
			return identityOf(&u, key), errors.Join(err, enabled(&u))
		}
	}
	if n.Keys == nil {
		return Identity{}, ErrUnknownKey
	}
	id, err := n.Keys.Lookup(key)
	if n.Users != nil && (errors.Is(err, ErrNoKeysFile) || errors.Is(err, ErrNoKeys)) {
		err = ErrUnknownKey
	}
	return id, err
}

// enabled returns an error for a disabled user.
func enabled(u *model.User) error {
	if u.ID != "" && !u.Enabled() {
		return model.Fail("keys.disabled", "name", u.Name).Wrapping(ErrDisabled)
	}
	return nil
}

func identityOf(u *model.User, key gossh.PublicKey) Identity {
	return Identity{Name: u.Name, Role: u.Role, Fingerprint: gossh.FingerprintSHA256(key)}
}

// certified returns the user whom an OpenSSH certificate means. The certificate must be a
// user certificate of a configured CA, be valid now, name a principal of exactly one
// enabled user, and hold no critical option but source-address, which is enforced.
func (n *Network) certified(cert *gossh.Certificate, from net.Addr) (Identity, error) {
	fail := func(code string, args ...any) (Identity, error) {
		id := Identity{Fingerprint: gossh.FingerprintSHA256(cert.Key), Comment: session.Legible(cert.KeyId, 64)}
		return id, model.Fail(code, args...).Wrapping(ErrCertificate)
	}
	if n.CAs == nil || n.Users == nil {
		return fail("ssh-cert.no-ca")
	}
	if _, err := n.CAs.Lookup(cert.SignatureKey); err != nil {
		if !errors.Is(err, ErrUnknownKey) {
			return Identity{}, err
		}
		return fail("ssh-cert.unknown-ca", "fingerprint", gossh.FingerprintSHA256(cert.SignatureKey))
	}
	switch {
	case cert.CertType != gossh.UserCert:
		return fail("ssh-cert.not-user")
	case len(cert.ValidPrincipals) == 0: // OpenSSH would take it for everybody
		return fail("ssh-cert.no-principal")
	case cert.Signature == nil || cert.Signature.Format == gossh.KeyAlgoRSA:
		return fail("ssh-cert.sha1")
	}
	if err := directory.CheckSSHKey(cert.Key); err != nil {
		return fail("ssh-cert.key", "cause", err)
	}
	checker := gossh.CertChecker{SupportedCriticalOptions: []string{sourceAddress}}
	if err := checker.CheckCert(cert.ValidPrincipals[0], cert); err != nil {
		return fail("ssh-cert.invalid", "cause", session.Escape(err.Error(), 200))
	}
	if list, ok := cert.CriticalOptions[sourceAddress]; ok && !addressIn(from, list) {
		return fail("ssh-cert.address", "from", address(remote{from}), "allowed", session.Escape(list, 200))
	}
	u, err := n.Users.UserByPrincipals(cert.ValidPrincipals)
	if errors.Is(err, model.ErrNotFound) {
		return fail("ssh-cert.nobody", "principals", session.Escape(strings.Join(cert.ValidPrincipals, ", "), 200))
	}
	id := identityOf(&u, cert.Key)
	id.Comment = session.Legible(cert.KeyId, 64)
	return id, errors.Join(err, enabled(&u))
}

// sourceAddress is the critical option that restricts where a certificate may be used.
const sourceAddress = "source-address"

// remote is an address as something that has one.
type remote struct{ net.Addr }

// RemoteAddr returns the address.
func (r remote) RemoteAddr() net.Addr { return r.Addr }

// addressIn reports whether a TCP address is in a comma-separated list of addresses and
// networks. A list that cannot be read permits nothing.
func addressIn(from net.Addr, list string) bool {
	tcp, ok := from.(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	permitted := false
	for one := range strings.SplitSeq(list, ",") {
		network, err := netip.ParsePrefix(one)
		if err != nil {
			single, err := netip.ParseAddr(one)
			if err != nil {
				return false
			}
			network = netip.PrefixFrom(single, single.BitLen())
		}
		permitted = permitted || network.Contains(ip)
	}
	return permitted
}
