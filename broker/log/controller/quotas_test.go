package controller

import (
	"math"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// quotaOf is a change of one entity, "user=u client-id" say, of which one without a value
// is the default; "key=1.5" sets, "key" removes.
func quotaOf(entity string, values map[string]float64, remove ...string) kmsg.AlterClientQuotasRequestEntry {
	e := kmsg.NewAlterClientQuotasRequestEntry()
	for word := range strings.FieldsSeq(entity) {
		p := kmsg.NewAlterClientQuotasRequestEntryEntity()
		kind, name, named := strings.Cut(word, "=")
		if p.Type = kind; named {
			p.Name = &name
		}
		e.Entity = append(e.Entity, p)
	}
	for key, v := range values { // unordered: their order does not matter
		e.Ops = append(e.Ops, kmsg.AlterClientQuotasRequestEntryOp{Key: key, Value: v})
	}
	for _, key := range remove {
		e.Ops = append(e.Ops, kmsg.AlterClientQuotasRequestEntryOp{Key: key, Remove: true})
	}
	return e
}

func TestAlterClientQuotas(t *testing.T) {
	type entries = []kmsg.AlterClientQuotasRequestEntry
	type values = map[string]float64
	const before = "quotas of \"client-id\"=\"c\" \"user\" producer_byte_rate=1000 request_percentage=0.5\n"
	for _, x := range []struct {
		what    string
		entries entries
		message string // of the first; none: no error
		want    string
	}{
		{"another", entries{quotaOf("user=u", values{"consumer_byte_rate": 7})}, "", before + "quotas of \"user\"=\"u\" consumer_byte_rate=7\n"},
		{"other values", entries{quotaOf("user client-id=c", values{"producer_byte_rate": 8}, "request_percentage", "consumer_byte_rate")}, "", strings.Replace(before, "=1000 request_percentage=0.5", "=8", 1)},
		{"none any more", entries{quotaOf("client-id=c user", nil, "producer_byte_rate", "request_percentage")}, "", ""},
		{"of an address", entries{quotaOf("ip=::1", values{"connection_creation_rate": 7})}, "", before + "quotas of \"ip\"=\"::1\" connection_creation_rate=7\n"},
		{"of all addresses", entries{quotaOf("ip", values{"connection_creation_rate": 7})}, "", before + "quotas of \"ip\" connection_creation_rate=7\n"},
		{"a removal of an unknown key", entries{quotaOf("user=u", nil, "whatever")}, "", before},
		{"what is not a number", entries{quotaOf("user=u", values{"producer_byte_rate": math.NaN()})}, "", before + "quotas of \"user\"=\"u\" producer_byte_rate=NaN\n"},
		{"the largest", entries{quotaOf("user=u", values{"producer_byte_rate": math.MaxInt64})}, "", before + "quotas of \"user\"=\"u\" producer_byte_rate=9.223372036854776e+18\n"},
		{"larger", entries{quotaOf("user=u", values{"producer_byte_rate": 1e19})}, "Proposed value for producer_byte_rate is too large for a LONG.", before},
		{"too large for an address", entries{quotaOf("ip", values{"connection_creation_rate": 1 << 31})}, "Proposed value for connection_creation_rate is too large for an INT.", before},
		{"a fraction", entries{quotaOf("user=u", values{"producer_byte_rate": 1.5})}, "producer_byte_rate cannot be a fractional value.", before},
		{"nothing", entries{quotaOf("user=u", values{"request_percentage": 0})}, "Quota request_percentage must be greater than 0", before},
		{"below nothing", entries{quotaOf("user=u", values{"request_percentage": -1})}, "Quota request_percentage must be greater than 0", before},
		{"an unknown key, and a good one", entries{quotaOf("user=u", values{"producer_byte_rate": 1, "speed": 1})}, "Invalid configuration key speed", before},
		{"the key of another kind", entries{quotaOf("ip", values{"producer_byte_rate": 1})}, "Invalid configuration key producer_byte_rate", before},
		{"nobody", entries{quotaOf("", values{"producer_byte_rate": 1})}, "Invalid empty client quota entity", before},
		{"an unknown type", entries{quotaOf("group=g", values{"producer_byte_rate": 1})}, "Unhandled client quota entity type: group", before},
		{"an empty name", entries{quotaOf("user=", values{"producer_byte_rate": 1})}, "Empty user not supported", before},
		{"an address and a user", entries{quotaOf("ip user=u", values{"connection_creation_rate": 1})}, "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId", before},
		{"no address", entries{quotaOf("ip=1.2.3.400", values{"connection_creation_rate": 1})}, "1.2.3.400 is not a valid IP or resolvable host.", before},
		{"a key twice", entries{quotaOf("user=u", values{"producer_byte_rate": 1}, "producer_byte_rate")}, "Ignoring duplicate entity ClientQuotaEntity(entries={user=u})", before},
		{"an entity twice, of which the first is done", entries{quotaOf("user=u", values{"producer_byte_rate": 1}), quotaOf("user=u", values{"producer_byte_rate": 2})},
			"Ignoring duplicate entity ClientQuotaEntity(entries={user=u})", before + "quotas of \"user\"=\"u\" producer_byte_rate=1\n"},
		{"one with a fault beside one without", entries{quotaOf("user=u", values{"speed": 1}), quotaOf("user=v", values{"producer_byte_rate": 1})}, "Invalid configuration key speed", before + "quotas of \"user\"=\"v\" producer_byte_rate=1\n"},
	} {
		c := threeBrokers(t)
		carryOut(t, c, AlterClientQuotas{&kmsg.AlterClientQuotasRequest{Entries: entries{quotaOf("user client-id=c", values{"producer_byte_rate": 1000, "request_percentage": 0.5})}}})
		quotas := func() (s string) {
			for line := range strings.Lines(c.Image().String()) {
				if strings.HasPrefix(line, "quotas of ") {
					s += line
				}
			}
			return s
		}
		if records, resp := carryOut(t, c, AlterClientQuotas{&kmsg.AlterClientQuotasRequest{Entries: x.entries, ValidateOnly: true}}); len(records) > 0 || (resp.(*kmsg.AlterClientQuotasResponse).Entries[0].ErrorCode != 0) != (x.message != "") {
			t.Errorf("%s, validate only: %v", x.what, records)
		}
		_, resp := carryOut(t, c, AlterClientQuotas{&kmsg.AlterClientQuotasRequest{Entries: x.entries}})
		a := resp.(*kmsg.AlterClientQuotasResponse).Entries[0]
		code, message := int16(0), ""
		if x.message != "" {
			code = wire.InvalidRequest
		}
		if a.ErrorMessage != nil {
			message = *a.ErrorMessage
		}
		if a.ErrorCode != code || message != x.message {
			t.Errorf("%s: error %d %q, want %q", x.what, a.ErrorCode, message, x.message)
		}
		if got := quotas(); got != x.want {
			t.Errorf("%s:\n%swant\n%s", x.what, got, x.want)
		}
		if again, _ := carryOut(t, c, AlterClientQuotas{&kmsg.AlterClientQuotasRequest{Entries: x.entries[:1]}}); len(again) > 0 {
			t.Errorf("%s: what is so already is written down again: %v", x.what, again)
		}
	}
	c := threeBrokers(t)
	many := kmsg.NewPtrAlterClientQuotasRequest()
	for i := range maxRecords/2 + 1 {
		many.Entries = append(many.Entries, quotaOf("user=u"+strings.Repeat("x", i%7)+string(rune('0'+i)), values{"producer_byte_rate": 1, "consumer_byte_rate": 1}))
	}
	records, resp := carryOut(t, c, AlterClientQuotas{many})
	if list := resp.(*kmsg.AlterClientQuotasResponse).Entries; len(records) > 0 || list[0].ErrorCode != wire.PolicyViolation {
		t.Errorf("%d at once: %d records, %+v", len(list), len(records), list[0])
	}
}

func TestReplayRefusesQuotas(t *testing.T) {
	for _, e := range []QuotaEntity{nil, {{Type: "user"}, {Type: "client-id"}}, {{Type: "user"}, {Type: "user"}}, {{Type: "user", Default: true, Name: "u"}}} {
		im := NewImage()
		if _, err := im.Replay(0, ClientQuota{Entity: e, Key: "k", Value: 1}); err == nil || im.Offset >= 0 {
			t.Errorf("%q is replayed", e)
		}
	}
}
