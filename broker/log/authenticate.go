package log

import (
	"encoding/binary"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/sasl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// SASLListener is the name of the listener on which clients must show who they are: the
// second of the node.
const SASLListener = "SASL_PLAINTEXT"

const (
	saslListener  machine.Listener = 1
	saslPlaintext                  = 2 // SecurityProtocol.SASL_PLAINTEXT
)

// secure sets what holds for clients who have to show who they are.
func (b *Broker) secure() {
	s := &b.cfg.Settings
	b.before = b.serves.Only(func(key int16) bool {
		return key == wire.ApiVersions || key == wire.SASLHandshake || key == wire.SASLAuthenticate
	})
	if b.cfg.Security == nil {
		return
	}
	if s.AuthorizerClassName != "" {
		b.rules = &acl.Rules{Super: acl.SuperUsers(s.SuperUsers), AllowIfNone: s.AllowEveryoneIfNoACLFound}
	}
	b.sasl = sasl.Rules{
		MaxReauth: s.ConnectionsMaxReauth,
		Users: sasl.Users{
			Passwords:  b.cfg.Security.Passwords,
			Credential: func(m sasl.Scram, user string) (sasl.Credential, bool) { return b.image.Scram(m, user) },
			Nonce:      b.cfg.Security.Nonce,
			Scram:      b.cfg.Security.Scram,
		},
	}
	for name := range strings.SplitSeq(s.SASLEnabledMechanisms, ",") {
		if name = strings.TrimSpace(name); slices.Contains(sasl.Mechanisms(), name) {
			b.sasl.Mechanisms = append(b.sasl.Mechanisms, name)
		}
	}
}

// authenticate takes a frame of a connection whose client must show who it is, and reports
// whether that is what the frame is about, or must be (SaslServerAuthenticator): all else is
// served when the client is known.
func (b *Broker) authenticate(now machine.Now, c *conn, frame machine.Bytes, out *machine.Effects) (mine bool) {
	s := c.session
	if s.Complete() {
		switch {
		case apiKey(frame) == wire.SASLHandshake && s.Again(now.Mono):
		case s.Expired(now.Mono):
			b.hangUp(c, out)
			return true
		default:
			return false
		}
	}
	if frame.Len() < 4 || frame.Len()-4 > int64(b.cfg.Settings.SASLServerMaxReceiveSize) {
		b.hangUp(c, out)
		return true
	}
	out.Work(machine.Work{Requests: 1, Bytes: frame.Len()})
	if s.Bare() {
		b.bareToken(now.Mono, c, frame, out)
		return true
	}
	req, err := wire.DecodeRequest(frame, b.before)
	if err != nil {
		b.hangUp(c, out)
		return true
	}
	b.requests[req.Key]++
	var resp kmsg.Response
	goesOn := false
	switch body := req.Body.(type) {
	case *kmsg.ApiVersionsRequest:
		resp, goesOn = b.versionsBefore(s, &req)
	case *kmsg.SASLHandshakeRequest:
		resp, goesOn = b.handshake(s, body)
	case *kmsg.SASLAuthenticateRequest:
		resp, goesOn = b.token(now.Mono, s, body)
	}
	if resp != nil {
		out.Send(c.ID, wire.EncodeResponse(&req, resp, nil), wire.AnswerIdent(req.Ident))
	}
	if !goesOn {
		b.hangUp(c, out)
		return true
	}
	b.done(c)
	return true
}

// versionsBefore answers an ApiVersions of a client that is not known yet. Out of order it is
// only refused where tokens are wanted, and else the connection just ends.
func (b *Broker) versionsBefore(s *sasl.Session, req *wire.Request) (_ kmsg.Response, goesOn bool) {
	switch want := s.Wants(); {
	case want.Versions:
		resp := b.versions(req)
		if resp.ErrorCode == wire.None {
			s.Versions()
		}
		return resp, true
	case want.Token:
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode, resp.ApiKeys = wire.IllegalSASLState, []kmsg.ApiVersionsResponseApiKey{}
		return resp, false
	}
	return nil, false
}

func (b *Broker) handshake(s *sasl.Session, body *kmsg.SASLHandshakeRequest) (_ kmsg.Response, goesOn bool) {
	want := s.Wants()
	if !want.Handshake && !want.Token {
		return nil, false
	}
	resp := kmsg.NewPtrSASLHandshakeResponse()
	resp.SupportedMechanisms = append([]string{}, b.sasl.Mechanisms...)
	switch {
	case want.Token:
		resp.ErrorCode, resp.SupportedMechanisms = wire.IllegalSASLState, []string{}
	case !s.Handshake(body.Mechanism, body.Version == 0):
		resp.ErrorCode = wire.UnsupportedSASLMechanism
	}
	return resp, resp.ErrorCode == wire.None
}

func (b *Broker) token(now machine.Instant, s *sasl.Session, body *kmsg.SASLAuthenticateRequest) (_ kmsg.Response, goesOn bool) {
	if !s.Wants().Token {
		return nil, false
	}
	resp := kmsg.NewPtrSASLAuthenticateResponse()
	answer, lifetime, err := s.Token(now, body.SASLAuthBytes)
	resp.SASLAuthBytes, resp.SessionLifetimeMillis = append([]byte{}, answer...), lifetime.Milliseconds()
	if err != nil {
		why := err.Error()
		resp.ErrorCode, resp.ErrorMessage = wire.SASLAuthenticationFailed, &why
	}
	return resp, err == nil
}

// bareToken takes a token that is a frame of its own. What is wrong with it nobody is told.
func (b *Broker) bareToken(now machine.Instant, c *conn, frame machine.Bytes, out *machine.Effects) {
	answer, _, err := c.session.Token(now, frame.Slice(4, frame.Len()).Contiguous())
	if err != nil {
		b.hangUp(c, out)
		return
	}
	out.Send(c.ID, machine.Literal(append(binary.BigEndian.AppendUint32(nil, uint32(len(answer))), answer...)), machine.Ident{})
	b.done(c)
}

// describeScram tells of the credentials of users what is no secret (ScramImage.describe).
func (b *Broker) describeScram(body *kmsg.DescribeUserSCRAMCredentialsRequest) *kmsg.DescribeUserSCRAMCredentialsResponse {
	has := make(map[string][]kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo)
	var users []string
	for u, cred := range b.image.EachScram {
		if has[u.Name] == nil {
			users = append(users, u.Name)
		}
		x := kmsg.NewDescribeUserSCRAMCredentialsResponseResultCredentialInfo()
		x.Mechanism, x.Iterations = int8(u.Mechanism), cred.Iterations
		has[u.Name] = append(has[u.Name], x)
	}
	asked := make(map[string]int)
	if len(body.Users) > 0 {
		users = nil
	}
	for i := range body.Users {
		if name := body.Users[i].Name; asked[name] == 0 {
			users = append(users, name)
		}
		asked[body.Users[i].Name]++
	}
	resp := kmsg.NewPtrDescribeUserSCRAMCredentialsResponse()
	resp.Results = []kmsg.DescribeUserSCRAMCredentialsResponseResult{}
	for _, name := range users {
		x := kmsg.NewDescribeUserSCRAMCredentialsResponseResult()
		x.User, x.CredentialInfos = name, []kmsg.DescribeUserSCRAMCredentialsResponseResultCredentialInfo{}
		why := ""
		switch {
		case asked[name] > 1:
			x.ErrorCode, why = wire.DuplicateResource, "Cannot describe SCRAM credentials for the same user twice in a single request: "+name
		case has[name] == nil:
			x.ErrorCode, why = wire.ResourceNotFound, "Attempt to describe a user credential that does not exist: "+name
		default:
			x.CredentialInfos = has[name]
		}
		if why != "" {
			x.ErrorMessage = &why
		}
		resp.Results = append(resp.Results, x)
	}
	return resp
}

// apiKey is the key of a request; -1 if the frame is too short for one.
func apiKey(frame machine.Bytes) int16 {
	var head [6]byte
	if frame.Len() < int64(len(head)) {
		return -1
	}
	frame.CopyTo(head[:], 0)
	return int16(binary.BigEndian.Uint16(head[4:]))
}
