package controller

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/sasl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// ScramUser is whose credential it is, and for which mechanism.
type ScramUser struct {
	Name      string
	Mechanism sasl.Scram
}

// Scram is a user's credential for a mechanism.
func (im *Image) Scram(m sasl.Scram, user string) (sasl.Credential, bool) {
	c, ok := im.scram[ScramUser{user, m}]
	return c, ok
}

// EachScram yields all credentials, by user and mechanism.
func (im *Image) EachScram(yield func(ScramUser, sasl.Credential) bool) {
	for _, u := range slices.SortedFunc(maps.Keys(im.scram), func(a, b ScramUser) int { // total: no two are the same
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.Mechanism, b.Mechanism))
	}) {
		if !yield(u, im.scram[u]) {
			return
		}
	}
}

func (im *Image) scramCredential(r ScramCredential) (Change, error) {
	if r.User == "" || r.Mechanism.Name() == "" {
		return Change{}, fmt.Errorf("a credential of %q for mechanism %d", r.User, r.Mechanism)
	}
	im.scram[ScramUser{r.User, r.Mechanism}] = r.Credential
	return Change{}, nil
}

func (im *Image) removeScramCredential(r RemoveScramCredential) (Change, error) {
	u := ScramUser{r.User, r.Mechanism}
	if _, ok := im.scram[u]; !ok {
		return Change{}, fmt.Errorf("removal of a credential that %q does not have for mechanism %d", r.User, r.Mechanism)
	}
	delete(im.scram, u)
	return Change{}, nil
}

// Bootstrap has a cluster begin with credentials.
type Bootstrap struct{ Scram []ScramCredential }

func (cmd Bootstrap) decide(*Controller, machine.Now) (records []Record, _ Response) {
	for _, r := range cmd.Scram {
		records = append(records, r)
	}
	return records, Response{}
}

// AlterUserScramCredentials asks for other credentials of users (KIP-554), each of whom is
// changed or refused by himself (ScramControlManager). Whether somebody may ask, a broker has
// decided before.
type AlterUserScramCredentials struct {
	*kmsg.AlterUserSCRAMCredentialsRequest
}

// Users are those that the request names, in its order.
func (cmd AlterUserScramCredentials) Users() (users []string) {
	seen := make(map[string]bool)
	add := func(user string) {
		if !seen[user] {
			seen[user] = true
			users = append(users, user)
		}
	}
	for i := range cmd.Deletions {
		add(cmd.Deletions[i].Name)
	}
	for i := range cmd.Upsertions {
		add(cmd.Upsertions[i].Name)
	}
	return users
}

func (cmd AlterUserScramCredentials) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	twice := refuse(wire.DuplicateResource, "A user credential cannot be altered twice in the same request")
	wanted := make(map[string]Record)
	refused := make(map[string]*refusal)
	users := cmd.Users()
	want := func(user string, check func() (Record, *refusal)) {
		switch {
		case refused[user] != nil:
		case wanted[user] != nil:
			delete(wanted, user)
			refused[user] = twice
		default:
			r, err := check()
			if wanted[user] = r; err != nil {
				delete(wanted, user)
				refused[user] = err
			}
		}
	}
	for i := range cmd.Deletions {
		x := &cmd.Deletions[i]
		want(x.Name, func() (Record, *refusal) { return c.image.deleteScram(x) })
	}
	for i := range cmd.Upsertions {
		x := &cmd.Upsertions[i]
		want(x.Name, func() (Record, *refusal) { return upsertScram(x) })
	}
	resp := kmsg.NewPtrAlterUserSCRAMCredentialsResponse()
	resp.Results = []kmsg.AlterUserSCRAMCredentialsResponseResult{}
	var records []Record
	for _, user := range users {
		x := kmsg.NewAlterUserSCRAMCredentialsResponseResult()
		if x.User = user; refused[user] != nil {
			x.ErrorCode, x.ErrorMessage = refused[user].code, &refused[user].message
		} else {
			records = append(records, wanted[user])
		}
		resp.Results = append(resp.Results, x)
	}
	return records, Response{Body: resp}
}

func checkScramUser(user string, m sasl.Scram) *refusal {
	switch {
	case user == "":
		return refuse(wire.UnacceptableCredential, "Username must not be empty")
	case m.Name() == "":
		return refuse(wire.UnsupportedSASLMechanism, "Unknown SCRAM mechanism")
	}
	return nil
}

func (im *Image) deleteScram(x *kmsg.AlterUserSCRAMCredentialsRequestDeletion) (Record, *refusal) {
	m := sasl.Scram(x.Mechanism)
	if err := checkScramUser(x.Name, m); err != nil {
		return nil, err
	}
	if _, ok := im.Scram(m, x.Name); !ok {
		return nil, refuse(wire.ResourceNotFound, "Attempt to delete a user credential that does not exist")
	}
	return RemoveScramCredential{x.Name, m}, nil
}

func upsertScram(x *kmsg.AlterUserSCRAMCredentialsRequestUpsertion) (Record, *refusal) {
	m := sasl.Scram(x.Mechanism)
	err := checkScramUser(x.Name, m)
	switch {
	case err != nil:
		return nil, err
	case x.Iterations < sasl.MinIterations:
		return nil, refuse(wire.UnacceptableCredential, "Too few iterations")
	case x.Iterations > sasl.MaxIterations:
		return nil, refuse(wire.UnacceptableCredential, "Too many iterations")
	}
	return ScramCredential{x.Name, m, sasl.CredentialOf(m, slices.Clone(x.Salt), x.SaltedPassword, x.Iterations)}, nil
}
