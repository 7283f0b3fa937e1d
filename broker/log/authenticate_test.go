package log

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	xdg "github.com/xdg-go/scram"

	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/sasl"
	"brokersim/broker/log/scram"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// newSecured is a lab whose brokers have a second listener, on which clients must show who
// they are: alice has the password "secret" for PLAIN.
func newSecured(t testing.TB, n int, set func(*config.Broker)) *lab {
	l := newAdministered(t, n, func(s *config.Broker) {
		s.SASLEnabledMechanisms = strings.Join(sasl.Mechanisms(), ", ")
		if set != nil {
			set(s)
		}
	})
	boot := l.controller.boot
	l.controller.boot = func() machine.Machine {
		cfg := boot().(*ControllerNode).cfg
		cfg.Security = true
		return NewController(cfg)
	}
	l.crash(l.controller)
	l.start(l.controller)
	for _, b := range l.brokers {
		boot := b.boot
		b.second = b.name + ":9192"
		b.boot = func() machine.Machine {
			cfg := boot().(*Broker).cfg
			cfg.Admin.Tools, cfg.ShareVersion = true, 1
			drawn := 0
			cfg.Security = &Security{Host: b.name, Port: 9192, Passwords: map[string]string{"alice": "secret"}, Scram: scram.New,
				Nonce: func() string { drawn++; return fmt.Sprintf("%s-%d-%d", b.name, b.life, drawn) }}
			return NewBroker(cfg)
		}
		l.crash(b)
		l.start(b)
	}
	l.advance(20 * time.Second)
	return l
}

func handshakeRequest(mechanism string) *kmsg.SASLHandshakeRequest {
	req := kmsg.NewPtrSASLHandshakeRequest()
	req.Mechanism = mechanism
	return req
}

func tokenRequest(token string) *kmsg.SASLAuthenticateRequest {
	req := kmsg.NewPtrSASLAuthenticateRequest()
	req.SASLAuthBytes = []byte(token)
	return req
}

// known is a client of a broker's second listener that has shown that it is alice.
func (l *lab) known(b *labNode) *labClient {
	l.t.Helper()
	c := l.clientAt(b.second)
	if a := ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 1); a.ErrorCode != 0 {
		l.t.Fatal(wire.ErrorName(a.ErrorCode))
	}
	if a := ask[*kmsg.SASLAuthenticateResponse](c, tokenRequest("\x00alice\x00secret"), 2); a.ErrorCode != 0 {
		l.t.Fatal(wire.ErrorName(a.ErrorCode))
	}
	return c
}

// scramCredential is a request for bob to have a credential, with the password "pw".
func scramCredential(m sasl.Scram, user, password string) *kmsg.AlterUserSCRAMCredentialsRequest {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	x := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	x.Name, x.Mechanism, x.Iterations, x.Salt = user, int8(m), sasl.MinIterations, []byte("salt of "+user)
	x.SaltedPassword, _ = sasl.Salted(m, password, x.Salt, x.Iterations)
	req.Upsertions = append(req.Upsertions, x)
	return req
}

// Versions, a mechanism, tokens; then everything is served, and addresses are those of the
// listener that the client has come to.
func TestAuthenticate(t *testing.T) {
	l := newSecured(t, 2, nil)
	l.create("orders", nil, 1, 2)
	l.coordinate("g")
	c := l.clientAt(l.brokers[0].second)
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "lab", "-"
	if a := ask[*kmsg.ApiVersionsResponse](c, versions, 3); a.ErrorCode != wire.InvalidRequest {
		t.Errorf("a bad version of a client: %+v", a)
	}
	versions.ClientSoftwareVersion = "1"
	if a := ask[*kmsg.ApiVersionsResponse](c, versions, 3); a.ErrorCode != 0 || len(a.ApiKeys) < 40 {
		t.Errorf("%+v", a)
	}
	if a := ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 1); a.ErrorCode != 0 || !slices.Equal(a.SupportedMechanisms, sasl.Mechanisms()) {
		t.Errorf("%+v", a)
	}
	if a := ask[*kmsg.SASLAuthenticateResponse](c, tokenRequest("\x00alice\x00secret"), 2); a.ErrorCode != 0 || len(a.SASLAuthBytes) != 0 || a.SessionLifetimeMillis != 0 {
		t.Errorf("%+v", a)
	}
	meta := kmsg.NewPtrMetadataRequest()
	a := ask[*kmsg.MetadataResponse](c, meta, 12)
	if len(a.Brokers) != 2 || a.Brokers[1].Host != "b2" || a.Brokers[1].Port != 9192 || len(a.Topics) == 0 || a.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Errorf("%+v", a)
	}
	if a := ask[*kmsg.DescribeClusterResponse](c, kmsg.NewPtrDescribeClusterRequest(), 1); len(a.Brokers) != 2 || a.Brokers[0].Port != 9192 {
		t.Errorf("%+v", a)
	}
	if a := ask[*kmsg.FindCoordinatorResponse](c, findRequest(ofGroup, "g"), 3); a.ErrorCode != 0 || a.Port != 9192 {
		t.Errorf("%+v", a)
	}
	if p := ask[*kmsg.ProduceResponse](c, produceRequest("orders", -1, time.Second, batch("a")), 9).Topics[0].Partitions[0]; p.ErrorCode != 0 {
		t.Errorf("%+v", p)
	}
	if a := ask[*kmsg.SASLAuthenticateResponse](c, tokenRequest("\x00alice\x00secret"), 2); a.ErrorCode != wire.IllegalSASLState {
		t.Errorf("a token of who is known: %+v", a)
	}

	open := l.client(l.brokers[0])
	if a := ask[*kmsg.MetadataResponse](open, meta, 12); a.Brokers[1].Port != 9092 {
		t.Errorf("%+v", a)
	}
	if a := ask[*kmsg.SASLHandshakeResponse](open, handshakeRequest(sasl.Plain), 1); a.ErrorCode != wire.IllegalSASLState {
		t.Errorf("a handshake where nobody need show who he is: %+v", a)
	}
}

// What comes out of order is answered as Kafka does, or not at all, and the connection ends.
func TestAuthenticateOutOfOrder(t *testing.T) {
	l := newSecured(t, 1, nil)
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "lab", "1"
	produce := produceRequest("orders", 1, time.Second, batch("a"))
	plain, good, bad := handshakeRequest(sasl.Plain), tokenRequest("\x00alice\x00secret"), tokenRequest("\x00alice\x00no")
	code := func(r kmsg.Response) int16 {
		switch r := r.(type) {
		case *kmsg.ApiVersionsResponse:
			return r.ErrorCode
		case *kmsg.SASLHandshakeResponse:
			return r.ErrorCode
		case *kmsg.SASLAuthenticateResponse:
			return r.ErrorCode
		}
		return 0
	}
	type list = []kmsg.Request
	for _, row := range []struct {
		what   string
		ask    list
		codes  []int16
		closed bool
	}{
		{"metadata at first", list{kmsg.NewPtrMetadataRequest()}, nil, true},
		{"a batch at first", list{produce}, nil, true},
		{"a token at first", list{good}, nil, true},
		{"versions twice", list{versions, versions}, []int16{0}, true},
		{"another mechanism", list{versions, handshakeRequest("GSSAPI")}, []int16{0, wire.UnsupportedSASLMechanism}, true},
		{"metadata after versions", list{versions, kmsg.NewPtrMetadataRequest()}, []int16{0}, true},
		{"versions after the handshake", list{plain, versions}, []int16{0, wire.IllegalSASLState}, true},
		{"a handshake twice", list{plain, plain}, []int16{0, wire.IllegalSASLState}, true},
		{"metadata in the place of a token", list{plain, kmsg.NewPtrMetadataRequest()}, []int16{0}, true},
		{"a wrong password", list{plain, bad}, []int16{0, wire.SASLAuthenticationFailed}, true},
		{"a wrong password, and then the right one", list{plain, bad, good}, []int16{0, wire.SASLAuthenticationFailed}, true},
		{"the right password", list{plain, good}, []int16{0, 0}, false},
		{"no versions but a handshake after it", list{versions, plain, good}, []int16{0, 0, 0}, false},
	} {
		c := l.clientAt(l.brokers[0].second)
		for _, req := range row.ask {
			if c.closed == nil {
				c.send(req, 1)
			}
		}
		var codes []int16
		for _, a := range c.answers {
			codes = append(codes, code(a))
		}
		if !slices.Equal(codes, row.codes) || (c.closed != nil) != row.closed {
			t.Errorf("%s: %d, closed: %v", row.what, codes, c.closed)
		}
	}
	big := l.clientAt(l.brokers[0].second)
	ask[*kmsg.SASLHandshakeResponse](big, plain, 1)
	big.send(tokenRequest(strings.Repeat("x", 524288)), 1)
	if big.closed == nil || len(big.answers) > 0 {
		t.Error("a giant token is taken")
	}
}

// After version 0 of SaslHandshake tokens are frames of their own.
func TestBareTokens(t *testing.T) {
	l := newSecured(t, 1, nil)
	frame := func(s string) []byte { return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...) }
	c := l.clientAt(l.brokers[0].second)
	ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 0)
	heard := []byte(nil)
	c.n.machine = listener(func(in *machine.Input) { heard = append(heard, in.Frame.Contiguous()...) })
	c.raw(frame("\x00alice\x00secret"))
	c.n.machine = c
	if !bytes.Equal(heard, []byte{0, 0, 0, 0}) {
		t.Errorf("answered %x", heard)
	}
	ask[*kmsg.MetadataResponse](c, kmsg.NewPtrMetadataRequest(), 9)

	c = l.clientAt(l.brokers[0].second)
	ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 0)
	if c.raw(frame("\x00alice\x00no")); c.closed == nil || len(c.answers) > 0 {
		t.Error("a wrong token is taken, or answered")
	}
}

// listener is a machine that hears frames.
type listener func(*machine.Input)

func (f listener) Step(_ machine.Now, in *machine.Input, _ *machine.Effects) {
	if in.Kind == machine.Received {
		f(in)
	}
}

func (listener) Deadline() machine.Instant { return machine.Never }

// scramLogin has a client log in by SCRAM; it returns the code of the last answer.
func scramLogin(t *testing.T, c *labClient, m sasl.Scram, user, password string) int16 {
	t.Helper()
	hash := xdg.SHA256
	if m == sasl.SHA512 {
		hash = xdg.SHA512
	}
	client, err := hash.NewClientUnprepped(user, password, "")
	if err != nil {
		t.Fatal(err)
	}
	if a := ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(m.Name()), 1); a.ErrorCode != 0 {
		return a.ErrorCode
	}
	talk, heard := client.NewConversation(), ""
	for {
		said, err := talk.Step(heard)
		if err != nil {
			t.Fatal(err)
		}
		if talk.Done() {
			return 0
		}
		a := ask[*kmsg.SASLAuthenticateResponse](c, tokenRequest(said), 2)
		if a.ErrorCode != 0 {
			return a.ErrorCode
		}
		heard = string(a.SASLAuthBytes)
	}
}

// Credentials of SCRAM are kept by the controller: every broker has them, when all have
// started again too.
func TestScramCredentials(t *testing.T) {
	l := newSecured(t, 2, nil)
	admin := l.client(l.brokers[0])
	for _, m := range []sasl.Scram{sasl.SHA256, sasl.SHA512} {
		if x := ask[*kmsg.AlterUserSCRAMCredentialsResponse](admin, scramCredential(m, "bob", "pw"), 0).Results; len(x) != 1 || x[0].ErrorCode != 0 {
			t.Fatalf("%+v", x)
		}
	}
	l.advance(time.Second)
	check := func() {
		t.Helper()
		for _, m := range []sasl.Scram{sasl.SHA256, sasl.SHA512} {
			if code := scramLogin(t, l.clientAt(l.brokers[1].second), m, "bob", "pw"); code != 0 {
				t.Errorf("%s: %s", m.Name(), wire.ErrorName(code))
			}
			for _, wrong := range [][2]string{{"bob", "no"}, {"alice", "secret"}} {
				if code := scramLogin(t, l.clientAt(l.brokers[1].second), m, wrong[0], wrong[1]); code != wire.SASLAuthenticationFailed {
					t.Errorf("%s of %q: %s", m.Name(), wrong, wire.ErrorName(code))
				}
			}
		}
	}
	check()
	for _, n := range append(l.brokers, l.controller) {
		l.crash(n)
	}
	l.start(l.controller)
	for _, b := range l.brokers {
		l.start(b)
	}
	l.advance(20 * time.Second)
	check()

	admin = l.client(l.brokers[0])
	describe := kmsg.NewPtrDescribeUserSCRAMCredentialsRequest()
	for _, name := range []string{"bob", "carol", "dave", "dave"} {
		describe.Users = append(describe.Users, kmsg.DescribeUserSCRAMCredentialsRequestUser{Name: name})
	}
	got := fmt.Sprint
	told := ""
	for _, x := range ask[*kmsg.DescribeUserSCRAMCredentialsResponse](admin, describe, 0).Results {
		told += got(x.User, " ", x.ErrorCode)
		for _, c := range x.CredentialInfos {
			told += got(" ", c.Mechanism, "/", c.Iterations)
		}
		told += "; "
	}
	if want := "bob 0 1/4096 2/4096; carol 91; dave 92; "; told != want {
		t.Errorf("told %q, want %q", told, want)
	}
	if all := ask[*kmsg.DescribeUserSCRAMCredentialsResponse](admin, kmsg.NewPtrDescribeUserSCRAMCredentialsRequest(), 0).Results; len(all) != 1 || all[0].User != "bob" {
		t.Errorf("%+v", all)
	}
	remove := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	remove.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "bob", Mechanism: 1}}
	ask[*kmsg.AlterUserSCRAMCredentialsResponse](admin, remove, 0)
	l.advance(time.Second)
	if code := scramLogin(t, l.clientAt(l.brokers[0].second), sasl.SHA256, "bob", "pw"); code != wire.SASLAuthenticationFailed {
		t.Errorf("when his credential is gone: %s", wire.ErrorName(code))
	}
}

// Who does not show again in time who he is is served nothing any more (KIP-368).
func TestReauthentication(t *testing.T) {
	l := newSecured(t, 1, func(s *config.Broker) { s.ConnectionsMaxReauth = 10 * time.Second })
	c := l.clientAt(l.brokers[0].second)
	login := func() int64 {
		t.Helper()
		if a := ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 1); a.ErrorCode != 0 {
			t.Fatal(wire.ErrorName(a.ErrorCode))
		}
		a := ask[*kmsg.SASLAuthenticateResponse](c, tokenRequest("\x00alice\x00secret"), 2)
		return a.SessionLifetimeMillis
	}
	if n := login(); n != 10_000 {
		t.Errorf("is good for %d ms", n)
	}
	for range 3 {
		l.advance(9 * time.Second)
		ask[*kmsg.MetadataResponse](c, kmsg.NewPtrMetadataRequest(), 9)
		login()
	}
	if a := ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest(sasl.Plain), 1); a.ErrorCode != wire.IllegalSASLState {
		t.Errorf("twice in a second: %s", wire.ErrorName(a.ErrorCode))
	}
	l.advance(10 * time.Second)
	ask[*kmsg.MetadataResponse](c, kmsg.NewPtrMetadataRequest(), 9)
	l.advance(time.Nanosecond)
	if c.send(kmsg.NewPtrMetadataRequest(), 9); c.closed == nil || len(c.answers) > 0 {
		t.Error("is served when the time is over")
	}
}

// What a cluster begins with is there once: what was taken away does not come again.
func TestScramAtTheBeginning(t *testing.T) {
	salted, _ := sasl.Salted(sasl.SHA256, "pw", []byte("s"), sasl.MinIterations)
	l := newLab(t)
	boot := func() machine.Machine {
		cfg := ControllerConfig{ID: 101, Settings: config.DefaultBroker(), Admin: true, Security: true}
		cfg.Scram = append(cfg.Scram, controller.ScramCredential{User: "bob", Mechanism: sasl.SHA256, Credential: sasl.CredentialOf(sasl.SHA256, []byte("s"), salted, sasl.MinIterations)})
		return NewController(cfg)
	}
	l.controller = l.node("c101", "c101:9093", boot)
	l.start(l.controller)
	l.advance(time.Second)
	image := func() int {
		n := 0
		for range l.controller.machine.(*ControllerNode).Image().EachScram {
			n++
		}
		return n
	}
	if image() != 1 {
		t.Fatalf("%d credentials at the beginning", image())
	}
	b := l.addBroker(1, config.DefaultBroker())
	l.start(b)
	l.advance(time.Second)
	remove := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	remove.Deletions = []kmsg.AlterUserSCRAMCredentialsRequestDeletion{{Name: "bob", Mechanism: 1}}
	c := l.client(l.controller)
	if x := ask[*kmsg.AlterUserSCRAMCredentialsResponse](c, remove, 0).Results; x[0].ErrorCode != 0 {
		t.Fatalf("%+v", x)
	}
	l.crash(l.controller)
	l.start(l.controller)
	l.advance(time.Second)
	if image() != 0 {
		t.Error("what was taken away is there again")
	}
}

// Whatever comes over a connection whose client has not shown who it is: nothing panics, and
// nothing is served.
func FuzzUnknownClient(f *testing.F) {
	format := kmsg.NewRequestFormatter(kmsg.FormatterClientID("fuzz"))
	versions := kmsg.NewPtrApiVersionsRequest()
	versions.ClientSoftwareName, versions.ClientSoftwareVersion = "fuzz", "1"
	frame := func(v int16, req kmsg.Request) []byte {
		req.SetVersion(v)
		return format.AppendRequest(nil, req, 1)
	}
	create := labCreate("mine", 1)
	create.TimeoutMillis = 1000
	for _, second := range [][]byte{frame(1, tokenRequest("\x00alice\x00no")), frame(2, tokenRequest("n,,n=bob,r=x")), frame(7, create),
		{0, 0, 0, 3, 0, 'a', 0}, {0, 0, 0, 0}, frame(0, versions), frame(1, handshakeRequest(sasl.Plain))} {
		for v := range int16(2) {
			f.Add(frame(v, handshakeRequest(sasl.Plain)), second)
			f.Add(frame(v, handshakeRequest(sasl.ScramSHA512)), second)
		}
		f.Add(frame(3, versions), second)
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		l := newSecured(t, 1, nil)
		bad := l.fake("bad", "", nil)
		bad.n.machine = deaf{}
		l.perform(bad.n, &machine.Effect{Kind: machine.DoDial, Name: "b1:9192", Tag: 1})
		l.run()
		before := l.broker(1).Image().String()
		bad.send(1, bytes.Clone(first))
		bad.send(1, bytes.Clone(second))
		bad.send(1, format.AppendRequest(nil, create, 1))
		l.advance(time.Second)
		if err := l.broker(1).Err(); err != nil {
			t.Fatal(err)
		}
		if after := l.broker(1).Image().String(); after != before && !bytes.Contains(append(first, second...), []byte("secret")) {
			t.Errorf("somebody unknown has changed\n%s to\n%s", before, after)
		}
	})
}
