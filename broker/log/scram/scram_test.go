package scram

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"brokersim/broker/log/sasl"
	"brokersim/broker/machine"
)

// rules are of alice, whose password is "secret" for every mechanism, and of bob, who has
// PLAIN alone.
func rules(maxReauth time.Duration) *sasl.Rules {
	n := 0
	creds := map[sasl.Scram]sasl.Credential{}
	for _, m := range []sasl.Scram{sasl.SHA256, sasl.SHA512} {
		salted, err := sasl.Salted(m, "secret", []byte("salt"), sasl.MinIterations)
		if err != nil {
			panic(err)
		}
		creds[m] = sasl.CredentialOf(m, []byte("salt"), salted, sasl.MinIterations)
	}
	return &sasl.Rules{Mechanisms: sasl.Mechanisms(), MaxReauth: maxReauth, Users: sasl.Users{
		Passwords: map[string]string{"alice": "secret", "bob": "b"},
		Credential: func(m sasl.Scram, user string) (sasl.Credential, bool) {
			c, ok := creds[m]
			return c, ok && user == "alice"
		},
		Nonce: func() string { n++; return fmt.Sprint("nonce", n) },
		Scram: New,
	}}
}

// login has a client of somebody else's show who it is.
func login(s *sasl.Session, now machine.Instant, mechanism, user, password, as string) (time.Duration, error) {
	if mechanism == sasl.Plain {
		_, life, err := s.Token(now, []byte(as+"\x00"+user+"\x00"+password))
		return life, err
	}
	hash := scram.SHA256
	if mechanism == sasl.ScramSHA512 {
		hash = scram.SHA512
	}
	client, err := hash.NewClientUnprepped(user, password, as)
	if err != nil {
		panic(err)
	}
	talk := client.NewConversation()
	said := ""
	for {
		answer, err := talk.Step(said)
		if err != nil {
			return 0, fmt.Errorf("the client refuses: %w", err)
		}
		if talk.Done() {
			return 0, fmt.Errorf("the client is done before the server")
		}
		told, life, err := s.Token(now, []byte(answer))
		if err != nil || s.Complete() {
			if _, bad := talk.Step(string(told)); err == nil && bad != nil {
				return 0, fmt.Errorf("the client does not take what it is told last: %w", bad)
			}
			return life, err
		}
		said = string(told)
	}
}

func TestLogin(t *testing.T) {
	const generic = "Authentication failed during authentication due to invalid credentials with SASL mechanism "
	const plainBad = "Authentication failed: Invalid username or password"
	const other = "Authentication failed: Client requested an authorization id that is different from username"
	for _, row := range []struct{ mechanism, user, password, as, why string }{
		{sasl.Plain, "alice", "secret", "", ""},
		{sasl.Plain, "alice", "secret", "alice", ""},
		{sasl.Plain, "bob", "b", "", ""},
		{sasl.Plain, "alice", "Secret", "", plainBad},
		{sasl.Plain, "carol", "secret", "", plainBad},
		{sasl.Plain, "", "secret", "", "Authentication failed: username not specified"},
		{sasl.Plain, "alice", "", "", "Authentication failed: password not specified"},
		{sasl.Plain, "carol", "", "", "Authentication failed: password not specified"},
		{sasl.Plain, "alice", "secret", "bob", other},
		{sasl.Plain, "alice", "secret\x00more", "", "Invalid SASL/PLAIN response: expected 3 tokens, got 4"},
		{sasl.ScramSHA256, "alice", "secret", "", ""},
		{sasl.ScramSHA512, "alice", "secret", "", ""},
		{sasl.ScramSHA256, "alice", "secret", "alice", ""},
		{sasl.ScramSHA256, "alice", "wrong", "", generic + sasl.ScramSHA256},
		{sasl.ScramSHA512, "bob", "b", "", generic + sasl.ScramSHA512},
		{sasl.ScramSHA512, "alice", "secret", "bob", other},
	} {
		s := sasl.NewSession(rules(0))
		if !s.Handshake(row.mechanism, false) {
			t.Fatalf("%s is not there", row.mechanism)
		}
		_, err := login(s, 0, row.mechanism, row.user, row.password, row.as)
		if err == nil && (row.why != "" || !s.Complete() || s.User() != row.user) || err != nil && (err.Error() != row.why || s.Complete() || s.User() != "") {
			t.Errorf("%q: %v, complete %t, user %q", row, err, s.Complete(), s.User())
		}
	}
}

// What may come when, and what may not.
func TestOrder(t *testing.T) {
	s := sasl.NewSession(rules(0))
	want := func(what string, w sasl.Want) {
		t.Helper()
		if s.Wants() != w {
			t.Errorf("%s: takes %+v, want %+v", what, s.Wants(), w)
		}
	}
	want("at first", sasl.Want{Versions: true, Handshake: true})
	s.Versions()
	want("when the versions are told", sasl.Want{Handshake: true})
	if !s.Handshake(sasl.Plain, true) || !s.Bare() {
		t.Error("no bare tokens after version 0 of the handshake")
	}
	want("after the handshake", sasl.Want{Token: true})
	if _, err := login(s, 0, sasl.Plain, "alice", "secret", ""); err != nil {
		t.Fatal(err)
	}
	want("when it is known", sasl.Want{})
	if s.Handshake(sasl.Plain, false) {
		t.Error("a handshake is taken when the client is known already")
	}

	for _, mechanism := range []string{"", "GSSAPI", "plain", sasl.ScramSHA256 + "-PLUS"} {
		s = sasl.NewSession(rules(0))
		if s.Handshake(mechanism, false) {
			t.Errorf("%q is a mechanism", mechanism)
		}
		want("after one that is not there", sasl.Want{})
	}
	s = sasl.NewSession(rules(0))
	s.Handshake(sasl.Plain, false)
	if _, err := login(s, 0, sasl.Plain, "alice", "no", ""); err == nil || s.Wants() != (sasl.Want{}) {
		t.Errorf("%v, and then takes %+v", err, s.Wants())
	}
}

// A client shows again who it is: in time, by the same mechanism, as the same user.
func TestAgain(t *testing.T) {
	second := machine.Instant(time.Second)
	begin := func() *sasl.Session {
		s := sasl.NewSession(rules(10 * time.Second))
		s.Handshake(sasl.ScramSHA256, false)
		if life, err := login(s, 5*second, sasl.ScramSHA256, "alice", "secret", ""); err != nil || life != 10*time.Second {
			t.Fatal(life, err)
		}
		return s
	}
	s := begin()
	if s.Expired(15*second) || !s.Expired(15*second+1) {
		t.Error("is not good for ten seconds")
	}
	if !s.Again(5 * second) {
		t.Fatal("may not show again who it is")
	}
	if s.Complete() || s.Wants() != (sasl.Want{Handshake: true}) || s.User() != "alice" {
		t.Errorf("at first takes %+v, user %q", s.Wants(), s.User())
	}
	s.Handshake(sasl.ScramSHA256, false)
	if _, err := login(s, 6*second-1, sasl.ScramSHA256, "alice", "secret", ""); err != nil {
		t.Fatal(err)
	}
	if s.Expired(16*second-1) || !s.Expired(16*second) {
		t.Error("is not good for ten more seconds")
	}
	if s.Again(6*second - 1) {
		t.Error("may do so twice in a second")
	}
	if !s.Again(6 * second) {
		t.Error("may not do so in the next")
	}

	s = begin()
	s.Again(6 * second)
	if !s.Handshake(sasl.ScramSHA512, false) || s.Wants() != (sasl.Want{}) {
		t.Errorf("by another mechanism: takes %+v", s.Wants())
	}

	r := rules(0)
	s = sasl.NewSession(r)
	s.Handshake(sasl.Plain, false)
	login(s, 0, sasl.Plain, "alice", "secret", "")
	s.Again(1)
	s.Handshake(sasl.Plain, false)
	if _, err := login(s, 0, sasl.Plain, "bob", "b", ""); err == nil || err.Error() != "Cannot change principals during re-authentication from User.alice: User.bob" || s.Complete() {
		t.Errorf("as somebody else: %v", err)
	}
	s = begin()
	s.Again(6 * second)
	s.Handshake(sasl.ScramSHA256, false)
	if _, err := login(s, 0, sasl.ScramSHA256, "alice", "wrong", ""); err == nil || !strings.HasPrefix(err.Error(), "Authentication failed during re-authentication") {
		t.Errorf("with another password: %v", err)
	}
}

// Of a credential nobody learns the password, and what is below Kafka's least iterations lets
// nobody in.
func TestCredential(t *testing.T) {
	r := rules(0)
	c, _ := r.Users.Credential(sasl.SHA256, "alice")
	c.Iterations = sasl.MinIterations - 1
	r.Users.Credential = func(sasl.Scram, string) (sasl.Credential, bool) { return c, true }
	s := sasl.NewSession(r)
	s.Handshake(sasl.ScramSHA256, false)
	if _, _, err := s.Token(0, []byte("n,,n=alice,r=x")); err == nil {
		t.Error("a credential of few iterations is taken")
	}
	// RFC 7677, section 3.
	salt := []byte{0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81}
	salted, _ := sasl.Salted(sasl.SHA256, "pencil", salt, 4096)
	c = sasl.CredentialOf(sasl.SHA256, salt, salted, 4096)
	r.Users.Credential = func(sasl.Scram, string) (sasl.Credential, bool) { return c, true }
	r.Users.Nonce = func() string { return "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" }
	s = sasl.NewSession(r)
	s.Handshake(sasl.ScramSHA256, false)
	told, _, err := s.Token(0, []byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
	if want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"; string(told) != want || err != nil {
		t.Errorf("%s, %v", told, err)
	}
	told, _, err = s.Token(0, []byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="))
	if want := "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="; string(told) != want || err != nil || s.User() != "user" {
		t.Errorf("%s, %v", told, err)
	}
}

// Whatever a client says in the place of a token, nobody is let in who does not know a
// password, and nothing panics.
func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "\x00alice\x00secret", "\x00alice\x00", "n,,n=alice,r=x", "y,,n=alice,r=", "p=tls-unique,,n=alice,r=x", "n,a=bob,n=alice,r=x",
		"n,,m=x,n=alice,r=x", "n,,n=al=2Cice,r=x", "c=biws,r=xnonce1,p=AAAA", "\xff\xfe", strings.Repeat("n,", 1000)} {
		for m := range byte(3) {
			f.Add(m, []byte(s), []byte("c=biws,r=xnonce1,p=AAAA"))
		}
	}
	r := rules(0)
	f.Fuzz(func(t *testing.T, m byte, a, b []byte) {
		n := 0
		r.Users.Nonce = func() string { n++; return fmt.Sprint("nonce", n) }
		s := sasl.NewSession(r)
		s.Handshake(sasl.Mechanisms()[m%3], m > 2)
		for _, token := range [][]byte{a, b} {
			if !s.Wants().Token {
				break
			}
			_, _, err := s.Token(0, token)
			if (err != nil) == (s.Complete() || s.Wants().Token) {
				t.Fatalf("%q: %v, complete %t, wants %+v", token, err, s.Complete(), s.Wants())
			}
		}
		if s.Complete() && !(strings.Contains(string(a), "secret") || strings.Contains(string(a), "bob\x00b")) {
			t.Fatalf("%q, %q: %q is let in by %s", a, b, s.User(), s.Mechanism())
		}
	})
}
