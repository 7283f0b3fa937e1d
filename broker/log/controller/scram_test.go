package controller

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/sasl"
)

// scramOf is a request: "+alice/1/4096" puts a credential, "-alice/1" deletes one.
func scramOf(words string) AlterUserScramCredentials {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	for word := range strings.FieldsSeq(words) {
		user, rest, _ := strings.Cut(word[1:], "/")
		var mechanism int8
		var iterations int32
		fmt.Sscanf(rest, "%d/%d", &mechanism, &iterations)
		if word[0] == '-' {
			req.Deletions = append(req.Deletions, kmsg.AlterUserSCRAMCredentialsRequestDeletion{Name: user, Mechanism: mechanism})
			continue
		}
		req.Upsertions = append(req.Upsertions, kmsg.AlterUserSCRAMCredentialsRequestUpsertion{
			Name: user, Mechanism: mechanism, Iterations: iterations, Salt: []byte("salt"), SaltedPassword: []byte(user)})
	}
	return AlterUserScramCredentials{req}
}

func TestAlterUserScramCredentials(t *testing.T) {
	const twice = "A user credential cannot be altered twice in the same request"
	for _, row := range []struct{ ask, answers, has string }{
		{"+bob/2/16384", "bob: 0", "alice/1 alice/2 bob/2"},
		{"+alice/1/8192", "alice: 0", "alice/1 alice/2"},
		{"-alice/1", "alice: 0", "alice/2"},
		{"-alice/1 +bob/1/4096", "alice: 0, bob: 0", "alice/2 bob/1"},
		{"-bob/1", "bob: 91 Attempt to delete a user credential that does not exist", "alice/1 alice/2"},
		{"+bob/1/4095", "bob: 93 Too few iterations", "alice/1 alice/2"},
		{"+bob/1/16385", "bob: 93 Too many iterations", "alice/1 alice/2"},
		{"+bob/3/4096", "bob: 33 Unknown SCRAM mechanism", "alice/1 alice/2"},
		{"-bob/0", "bob: 33 Unknown SCRAM mechanism", "alice/1 alice/2"},
		{"+/1/4096", ": 93 Username must not be empty", "alice/1 alice/2"},
		{"-alice/1 -alice/2", "alice: 92 " + twice, "alice/1 alice/2"},
		{"-alice/1 +alice/2/4096 +bob/1/4096", "alice: 92 " + twice + ", bob: 0", "alice/1 alice/2 bob/1"},
		{"+bob/1/4096 +bob/2/4096 +bob/2/4096", "bob: 92 " + twice, "alice/1 alice/2"},
		{"", "", "alice/1 alice/2"},
	} {
		c := threeBrokers(t)
		carryOut(t, c, scramOf("+alice/1/4096"))
		carryOut(t, c, scramOf("+alice/2/4096"))
		_, resp := carryOut(t, c, scramOf(row.ask))
		var answers, has []string
		for _, x := range resp.(*kmsg.AlterUserSCRAMCredentialsResponse).Results {
			s := fmt.Sprintf("%s: %d", x.User, x.ErrorCode)
			if x.ErrorMessage != nil {
				s += " " + *x.ErrorMessage
			}
			answers = append(answers, s)
		}
		for u := range c.Image().EachScram {
			has = append(has, fmt.Sprintf("%s/%d", u.Name, u.Mechanism))
		}
		if got := strings.Join(answers, ", "); got != row.answers {
			t.Errorf("%s: answered %q, want %q", row.ask, got, row.answers)
		}
		if got := strings.Join(has, " "); got != row.has {
			t.Errorf("%s: there are %q, want %q", row.ask, got, row.has)
		}
	}
	c := threeBrokers(t)
	carryOut(t, c, scramOf("+alice/2/4096"))
	got, _ := c.Image().Scram(sasl.SHA512, "alice")
	if want := sasl.CredentialOf(sasl.SHA512, []byte("salt"), []byte("alice"), 4096); string(got.StoredKey) != string(want.StoredKey) || string(got.ServerKey) != string(want.ServerKey) {
		t.Errorf("%x, want %x", got, want)
	}
	if strings.Contains(c.Image().String(), fmt.Sprintf("%x", "alice")) {
		t.Error("the image has a password")
	}
}

// A request may name as many users as a frame has room for: looked for one by one among each
// other they would take hours.
func TestAlterScramOfManyUsers(t *testing.T) {
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	const n = 300_000
	for i := range n {
		req.Deletions = append(req.Deletions, kmsg.AlterUserSCRAMCredentialsRequestDeletion{Name: fmt.Sprint(i % (n - 1)), Mechanism: 1})
	}
	_, resp := carryOut(t, threeBrokers(t), AlterUserScramCredentials{req})
	if r := resp.(*kmsg.AlterUserSCRAMCredentialsResponse); len(r.Results) != n-1 || r.Results[1].User != "1" {
		t.Errorf("%d users are answered, want %d", len(r.Results), n-1)
	}
}
