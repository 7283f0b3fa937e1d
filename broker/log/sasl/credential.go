package sasl

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"hash"
)

// The mechanisms, by the names that clients ask for.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
)

// Mechanisms are all that can be enabled, in the order in which Kafka lists them.
func Mechanisms() []string { return []string{Plain, ScramSHA256, ScramSHA512} }

// The iterations that a credential of SCRAM may have (ScramMechanism, ScramControlManager).
const (
	MinIterations = 4096
	MaxIterations = 16384
)

// Scram is a mechanism of SCRAM by its number in requests and records (KIP-554).
type Scram int8

// The numbers of the mechanisms.
const (
	SHA256 Scram = 1
	SHA512 Scram = 2
)

// Name is the mechanism's; empty if there is none of that number.
func (m Scram) Name() string {
	switch m {
	case SHA256:
		return ScramSHA256
	case SHA512:
		return ScramSHA512
	}
	return ""
}

// ScramOf is the mechanism of a name; 0 is none of SCRAM.
func ScramOf(name string) Scram {
	switch name {
	case ScramSHA256:
		return SHA256
	case ScramSHA512:
		return SHA512
	}
	return 0
}

func (m Scram) hash() func() hash.Hash {
	if m == SHA512 {
		return sha512.New
	}
	return sha256.New
}

// Credential is what is kept of a user's password for one mechanism of SCRAM (RFC 5802):
// enough to check a proof, not enough to make one.
type Credential struct {
	Salt, StoredKey, ServerKey []byte
	Iterations                 int32
}

// CredentialOf is the credential of a salted password.
func CredentialOf(m Scram, salt, salted []byte, iterations int32) Credential {
	sign := func(what string) []byte {
		h := hmac.New(m.hash(), salted)
		h.Write([]byte(what))
		return h.Sum(nil)
	}
	h := m.hash()()
	h.Write(sign("Client Key"))
	return Credential{Salt: salt, StoredKey: h.Sum(nil), ServerKey: sign("Server Key"), Iterations: iterations}
}

// Salted is a password with salt, as a client sends it to the controller.
func Salted(m Scram, password string, salt []byte, iterations int32) ([]byte, error) {
	return pbkdf2.Key(m.hash(), password, salt, int(iterations), m.hash()().Size())
}
