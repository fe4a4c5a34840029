package decode

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des" //nolint:gosec // read, never written
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // the default of PBKDF2 (RFC 8018)
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"hash"

	"golang.org/x/crypto/scrypt"

	"certquay/model"
)

// The structures of PBES2 (RFC 8018 appendix A) and scrypt (RFC 7914 section 7).
type (
	encryptedKey struct {
		Algorithm pkix.AlgorithmIdentifier
		Data      []byte
	}
	pbes2 struct{ KDF, Cipher pkix.AlgorithmIdentifier }
	kdf2  struct {
		Salt       []byte
		Iterations int
		KeyLength  int                      `asn1:"optional"`
		PRF        pkix.AlgorithmIdentifier `asn1:"optional"`
	}
	scryptParameters struct {
		Salt      []byte
		N, R, P   int
		KeyLength int `asn1:"optional"`
	}
)

const (
	oidPBES2  = "1.2.840.113549.1.5.13"
	oidPBKDF2 = "1.2.840.113549.1.5.12"
	oidScrypt = "1.3.6.1.4.1.11591.4.11"
)

// prfs are the pseudo-random functions of PBKDF2; the first is the default.
var prfs = map[string]func() hash.Hash{
	"":                    sha1.New,
	"1.2.840.113549.2.7":  sha1.New,
	"1.2.840.113549.2.8":  sha256.New224,
	"1.2.840.113549.2.9":  sha256.New,
	"1.2.840.113549.2.10": sha512.New384,
	"1.2.840.113549.2.11": sha512.New,
}

// ciphers are those that tools write, all in CBC mode.
var ciphers = map[string]struct {
	keyLength int
	block     func([]byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
	"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
}

// openPKCS8 decrypts a key with PBES2. There is no checksum in it: that the
// password is right shows in that the result is a key.
func openPKCS8(data, password []byte) (Contents, error) {
	var outer encryptedKey
	if !unmarshal(data, &outer) {
		return Contents{}, &Error{Problem: Damaged}
	}
	if oid := outer.Algorithm.Algorithm.String(); oid != oidPBES2 {
		return Contents{}, unsupported("decode.encryption", "oid", oid)
	}
	var params pbes2
	if !unmarshal(outer.Algorithm.Parameters.FullBytes, &params) {
		return Contents{}, &Error{Problem: Damaged}
	}
	c, ok := ciphers[params.Cipher.Algorithm.String()]
	if !ok {
		return Contents{}, unsupported("decode.cipher", "oid", params.Cipher.Algorithm)
	}
	key, err := derive(params.KDF, password, c.keyLength)
	if err != nil {
		return Contents{}, err
	}
	block, err := c.block(key)
	if err != nil {
		return Contents{}, err
	}
	iv, size := params.Cipher.Parameters.Bytes, block.BlockSize()
	if len(iv) != size || len(outer.Data) == 0 || len(outer.Data)%size != 0 {
		return Contents{}, &Error{Problem: Damaged}
	}
	plain := make([]byte, len(outer.Data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, outer.Data)
	if pad := int(plain[len(plain)-1]); pad >= 1 && pad <= size {
		plain = plain[:len(plain)-pad]
	}
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return Contents{}, &Error{Problem: WrongPassword}
	}
	return Contents{Key: model.NewSecret(plain)}, nil
}

// derive makes a key of n bytes from a password.
func derive(kdf pkix.AlgorithmIdentifier, password []byte, n int) ([]byte, error) {
	switch oid := kdf.Algorithm.String(); oid {
	case oidPBKDF2:
		var p kdf2
		if !unmarshal(kdf.Parameters.FullBytes, &p) {
			return nil, &Error{Problem: Damaged}
		}
		prf := prfs[""]
		if len(p.PRF.Algorithm) > 0 {
			prf = prfs[p.PRF.Algorithm.String()]
		}
		if prf == nil {
			return nil, unsupported("decode.function", "oid", p.PRF.Algorithm)
		}
		if p.Iterations < 1 {
			return nil, &Error{Problem: Damaged}
		}
		return pbkdf2.Key(prf, string(password), p.Salt, p.Iterations, n)
	case oidScrypt:
		var p scryptParameters
		if !unmarshal(kdf.Parameters.FullBytes, &p) {
			return nil, &Error{Problem: Damaged}
		}
		return scrypt.Key(password, p.Salt, p.N, p.R, p.P, n)
	default:
		return nil, unsupported("decode.derivation", "oid", oid)
	}
}

// unmarshal decodes DER to its last byte.
func unmarshal(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}
