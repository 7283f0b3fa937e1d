package sasl

import (
	"crypto/subtle"
	"errors"
	"strings"
	"unicode/utf8"
)

// Users are the users that there are.
type Users struct {
	Passwords map[string]string // of PLAIN
	// Credential is a user's for a mechanism of SCRAM.
	Credential func(m Scram, user string) (Credential, bool)
	// Nonce makes what nobody can guess and is never made again: printable, without a comma.
	Nonce func() string
	// Scram begins a conversation of a mechanism: see package scram, which is not imported
	// since its library links the network.
	Scram func(m Scram, credential func(user string) (Credential, bool), nonce func() string) Conversation
}

// Failure is a refusal that the client is told the reason of.
type Failure string

func (f Failure) Error() string { return string(f) }

// ErrCredentials says that who is named is not known by what is shown.
var ErrCredentials = errors.New("the credentials are not those of a user")

// exchange is an authentication by one mechanism that is under way.
type exchange interface {
	// step takes what the client says and gives what the client is told. done says that user
	// is who the client is. An error is a Failure, or none of the client's business.
	step(token []byte) (answer []byte, user string, done bool, err error)
}

func newExchange(mechanism string, users *Users) exchange {
	if m := ScramOf(mechanism); m != 0 {
		return newScram(m, users)
	}
	return plain{users}
}

// plain is RFC 4616, as far as Kafka has it (PlainSaslServer).
type plain struct{ users *Users }

func (p plain) step(token []byte) (answer []byte, user string, done bool, err error) {
	const most = 4 // Kafka counts no further
	parts := strings.SplitN(string(token), "\x00", most)
	if len(parts) != 3 {
		return nil, "", false, Failure("Invalid SASL/PLAIN response: expected 3 tokens, got " + string(rune('0'+len(parts))))
	}
	as, user, password := parts[0], parts[1], parts[2]
	want, known := p.users.Passwords[user]
	same := subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
	switch {
	case user == "":
		err = Failure("Authentication failed: username not specified")
	case password == "":
		err = Failure("Authentication failed: password not specified")
	case !known || !same:
		err = Failure("Authentication failed: Invalid username or password")
	case as != "" && as != user:
		err = Failure("Authentication failed: Client requested an authorization id that is different from username")
	}
	if err != nil {
		return nil, "", false, err
	}
	return []byte{}, user, true, nil
}

// Conversation is the server's side of SCRAM with one client (RFC 5802).
type Conversation interface {
	Step(said string) (told string, err error)
	Valid() bool // the client has proved that it knows the password
	Username() string
	AuthzID() string
}

// scram knows a user by two messages.
type scram struct{ talk Conversation }

func newScram(m Scram, users *Users) scram {
	return scram{users.Scram(m, func(user string) (Credential, bool) {
		c, ok := users.Credential(m, user)
		return c, ok && c.Iterations >= MinIterations
	}, users.Nonce)}
}

func (s scram) step(token []byte) (answer []byte, user string, done bool, err error) {
	if !utf8.Valid(token) {
		return nil, "", false, ErrCredentials
	}
	told, err := s.talk.Step(string(token))
	if err != nil {
		return nil, "", false, err
	}
	if as := s.talk.AuthzID(); as != "" && as != s.talk.Username() {
		return nil, "", false, Failure("Authentication failed: Client requested an authorization id that is different from username")
	}
	return []byte(told), s.talk.Username(), s.talk.Valid(), nil
}
