package sasl

import (
	"fmt"
	"slices"
	"time"

	"brokersim/broker/machine"
)

// Rules are those of a listener.
type Rules struct {
	Mechanisms []string // sasl.enabled.mechanisms
	// MaxReauth is connections.max.reauth.ms: for how long an authentication is good; 0 is
	// for ever.
	MaxReauth time.Duration
	Users     Users
}

// Session is what one connection has shown of who its client is. Before it has done so it
// may ask for the versions, once, and for a mechanism; then come tokens.
type Session struct {
	rules *Rules
	state state

	mechanism string
	bare      bool // tokens come as they are, after version 0 of SaslHandshake
	under     exchange
	user      string          // who was authenticated last; empty: nobody
	expiresAt machine.Instant // of that
	begunAt   machine.Instant // the last re-authentication; 0: none was
}

// state is where an authentication stands (SaslServerAuthenticator.SaslState).
type state uint8

const (
	first      state = iota // versions, or a handshake
	handshake               // the versions have been told
	tokens                  // the mechanism is agreed on
	complete                // the client is known
	mismatched              // it wants to be known again by another mechanism
	failed
)

// NewSession is of a connection on which nothing has come.
func NewSession(r *Rules) *Session { return &Session{rules: r, expiresAt: machine.Never} }

// Complete reports whether the client is known, and is not about to show again who it is.
func (s *Session) Complete() bool { return s.state == complete }

// User is who the client is; empty before it has been authenticated.
func (s *Session) User() string { return s.user }

// Bare reports whether the next frame is a token without a header.
func (s *Session) Bare() bool { return s.state == tokens && s.bare }

// Wants is what may come next.
func (s *Session) Wants() Want {
	switch s.state {
	case first:
		return Want{Versions: true, Handshake: true}
	case handshake:
		return Want{Handshake: true}
	case tokens:
		return Want{Token: true}
	}
	return Want{}
}

// Want says which requests are taken.
type Want struct{ Versions, Handshake, Token bool }

// Versions notes that the versions have been told, which they are once.
func (s *Session) Versions() { s.state = handshake }

// Handshake takes a SaslHandshake. It reports whether the mechanism is one of those that are
// enabled: if not, the client is told so and the connection closed.
func (s *Session) Handshake(mechanism string, bare bool) bool {
	if !s.Wants().Handshake || !slices.Contains(s.rules.Mechanisms, mechanism) {
		s.state = failed
		return false
	}
	if s.user != "" && mechanism != s.mechanism {
		s.state = mismatched // which the client is not told before its next request
		return true
	}
	s.state, s.mechanism, s.bare, s.under = tokens, mechanism, bare, newExchange(mechanism, &s.rules.Users)
	return true
}

// Mechanism is the one that was agreed on.
func (s *Session) Mechanism() string { return s.mechanism }

// Expired reports whether the time is over in which the client should have shown again who it
// is: nothing of it is served any more.
func (s *Session) Expired(now machine.Instant) bool { return now > s.expiresAt }

// reauthInterval is how often a client may show again who it is
// (KafkaChannel.MIN_REAUTH_INTERVAL_ONE_SECOND_NANOS).
const reauthInterval = time.Second

// Again begins a re-authentication (KIP-368), for which a SaslHandshake has come. It reports
// false if it is too early for one.
func (s *Session) Again(now machine.Instant) bool {
	if s.state != complete || s.begunAt != 0 && now < s.begunAt.Add(reauthInterval) {
		return false
	}
	s.begunAt, s.state = now, handshake
	return true
}

// Token takes what a client says of who it is. The error is what the client is told; the
// connection is then to be closed. Of who is known now, lifetime is how long that is good; 0
// is for ever.
func (s *Session) Token(now machine.Instant, token []byte) (answer []byte, lifetime time.Duration, err error) {
	if s.state != tokens {
		panic(fmt.Sprintf("sasl: a token in state %d", s.state))
	}
	answer, user, done, err := s.under.step(token)
	if err == nil && done && s.user != "" && s.user != user {
		err = Failure(fmt.Sprintf("Cannot change principals during re-authentication from User.%s: User.%s", s.user, user))
	}
	if err != nil {
		return nil, 0, s.fail(err)
	}
	if !done {
		return answer, 0, nil
	}
	s.state, s.user, s.under, s.expiresAt = complete, user, nil, machine.Never
	if lifetime = s.rules.MaxReauth; lifetime > 0 {
		s.expiresAt = now.Add(lifetime)
	}
	return answer, lifetime, nil
}

// fail ends the session with what the client is told of an error.
func (s *Session) fail(err error) error {
	s.state, s.under = failed, nil
	if told, ok := err.(Failure); ok {
		return told
	}
	what := "authentication"
	if s.user != "" {
		what = "re-authentication"
	}
	return Failure("Authentication failed during " + what + " due to invalid credentials with SASL mechanism " + s.mechanism)
}
