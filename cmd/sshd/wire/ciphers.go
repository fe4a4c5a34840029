package wire

import "golang.org/x/crypto/ssh"

// SetCiphers restricts a configuration to modern algorithms: hybrid post-quantum and
// Curve25519 key exchange, authenticated ciphers, and encrypt-then-MAC (spec V9).
// Curve25519 includes its older name at libssh.org.
func SetCiphers(c *ssh.Config) {
	c.KeyExchanges = []string{ssh.KeyExchangeMLKEM768X25519, ssh.KeyExchangeCurve25519}
	c.Ciphers = []string{ssh.CipherAES256GCM, ssh.CipherChaCha20Poly1305, ssh.CipherAES128GCM}
	c.MACs = []string{ssh.HMACSHA256ETM, ssh.HMACSHA512ETM}
}
