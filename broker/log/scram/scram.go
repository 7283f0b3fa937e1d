// Package scram is the server's side of SCRAM (RFC 5802, RFC 7677) for package sasl: that of
// github.com/xdg-go/scram, which links crypto/tls for channels that it binds to, as a
// simulation must not.
package scram

import (
	"github.com/xdg-go/scram"

	"brokersim/broker/log/sasl"
)

// New begins a conversation. Nothing in it is drawn but by nonce.
func New(m sasl.Scram, credential func(user string) (sasl.Credential, bool), nonce func() string) sasl.Conversation {
	hash := scram.SHA256
	if m == sasl.SHA512 {
		hash = scram.SHA512
	}
	server, err := hash.NewServer(func(user string) (scram.StoredCredentials, error) {
		c, ok := credential(user)
		if !ok {
			return scram.StoredCredentials{}, sasl.ErrCredentials
		}
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(c.Salt), Iters: int(c.Iterations)},
			StoredKey:  c.StoredKey, ServerKey: c.ServerKey,
		}, nil
	})
	if err != nil {
		panic("scram: a server cannot fail to be made: " + err.Error())
	}
	return server.WithNonceGenerator(nonce).NewConversation()
}
