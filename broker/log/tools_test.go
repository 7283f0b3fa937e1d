package log

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// withTools has the lab's brokers serve tools from their next life on.
func withTools(l *lab) {
	for _, b := range l.brokers {
		boot := b.boot
		b.boot = func() machine.Machine {
			cfg := boot().(*Broker).cfg
			cfg.Admin.Tools = true
			cfg.TransactionVersion = 1
			return NewBroker(cfg)
		}
		l.crash(b)
		l.start(b)
	}
	l.advance(20 * time.Second)
}

// quotaFilter asks for quotas: "user=u" of one, "user" of any, "user!" of the default.
func quotaFilter(strict bool, parts ...string) *kmsg.DescribeClientQuotasRequest {
	req := kmsg.NewPtrDescribeClientQuotasRequest()
	req.Strict = strict
	for _, s := range parts {
		c := kmsg.NewDescribeClientQuotasRequestComponent()
		kind, name, named := strings.Cut(s, "=")
		c.EntityType, c.MatchType = strings.TrimSuffix(kind, "!"), kmsg.QuotasMatchTypeAny
		switch {
		case named:
			c.MatchType, c.Match = kmsg.QuotasMatchTypeExact, &name
		case strings.HasSuffix(kind, "!"):
			c.MatchType = kmsg.QuotasMatchTypeDefault
		}
		req.Components = append(req.Components, c)
	}
	return req
}

// Quotas that one broker is told of are with the other too, and there when both and the
// controller have started again.
func TestClientQuotas(t *testing.T) {
	l := newAdministered(t, 2, nil)
	if l.broker(1).serves.Supports(wire.AlterClientQuotas, 0) {
		t.Error("a broker that serves no tools says it does")
	}
	withTools(l)
	req := kmsg.NewPtrAlterClientQuotasRequest()
	for i, entity := range []string{"user=u", "user=u client-id=c", "user", "ip=127.0.0.1", "group=g"} {
		e := kmsg.NewAlterClientQuotasRequestEntry()
		for word := range strings.FieldsSeq(entity) {
			p := kmsg.NewAlterClientQuotasRequestEntryEntity()
			kind, name, named := strings.Cut(word, "=")
			if p.Type = kind; named {
				p.Name = &name
			}
			e.Entity = append(e.Entity, p)
		}
		op := kmsg.NewAlterClientQuotasRequestEntryOp()
		if op.Key, op.Value = "producer_byte_rate", float64(100*(i+1)); e.Entity[0].Type == "ip" {
			op.Key = "connection_creation_rate"
		}
		e.Ops = append(e.Ops, op)
		req.Entries = append(req.Entries, e)
	}
	answer := ask[*kmsg.AlterClientQuotasResponse](l.client(l.brokers[0]), req, 1)
	var codes []string
	for _, e := range answer.Entries {
		codes = append(codes, wire.ErrorName(e.ErrorCode))
	}
	if got, want := fmt.Sprint(codes), "[NONE NONE NONE NONE INVALID_REQUEST]"; got != want {
		t.Fatalf("%s, want %s", got, want)
	}
	l.advance(time.Second)
	l.crash(l.controller)
	l.start(l.controller)
	for _, b := range l.brokers {
		l.crash(b)
		l.start(b)
	}
	l.advance(20 * time.Second)
	c := l.client(l.brokers[1])
	for _, x := range []struct {
		what string
		req  *kmsg.DescribeClientQuotasRequest
		want string
	}{
		{"all", quotaFilter(false), "{client-id=c user=u: producer_byte_rate=200}{ip=127.0.0.1: connection_creation_rate=400}{user: producer_byte_rate=300}{user=u: producer_byte_rate=100}"},
		{"of nobody alone", quotaFilter(true), ""},
		{"of a user", quotaFilter(false, "user=u"), "{client-id=c user=u: producer_byte_rate=200}{user=u: producer_byte_rate=100}"},
		{"of a user alone", quotaFilter(true, "user=u"), "{user=u: producer_byte_rate=100}"},
		{"of the default", quotaFilter(false, "user!"), "{user: producer_byte_rate=300}"},
		{"of any user alone", quotaFilter(true, "user"), "{user: producer_byte_rate=300}{user=u: producer_byte_rate=100}"},
		{"of any user and client", quotaFilter(false, "user", "client-id"), "{client-id=c user=u: producer_byte_rate=200}"},
		{"of an address", quotaFilter(false, "ip=127.0.0.1"), "{ip=127.0.0.1: connection_creation_rate=400}"},
		{"of an address and a user", quotaFilter(false, "ip", "user"), "INVALID_REQUEST"},
		{"of what is not known", quotaFilter(false, "group"), "UNSUPPORTED_VERSION"},
		{"of nothing", quotaFilter(false, ""), "INVALID_REQUEST"},
		{"twice", quotaFilter(false, "user", "user=u"), "INVALID_REQUEST"},
	} {
		resp := ask[*kmsg.DescribeClientQuotasResponse](c, x.req, 1)
		var b strings.Builder
		for _, e := range resp.Entries {
			b.WriteString("{")
			for i, p := range e.Entity {
				if i > 0 {
					b.WriteString(" ")
				}
				if b.WriteString(p.Type); p.Name != nil {
					b.WriteString("=" + *p.Name)
				}
			}
			for _, v := range e.Values {
				fmt.Fprintf(&b, ": %s=%g", v.Key, v.Value)
			}
			b.WriteString("}")
		}
		got := b.String()
		if resp.ErrorCode != 0 {
			got = wire.ErrorName(resp.ErrorCode)
		}
		if got != x.want || (resp.Entries == nil) != (resp.ErrorCode != 0) {
			t.Errorf("%s: %s, want %s", x.what, got, x.want)
		}
	}
	bad := quotaFilter(false, "user=u")
	bad.Components[0].MatchType = 7
	if resp := ask[*kmsg.DescribeClientQuotasResponse](c, bad, 0); resp.ErrorCode != wire.InvalidRequest {
		t.Error("an unknown kind of match:", wire.ErrorName(resp.ErrorCode))
	}
	for _, kind := range []kmsg.QuotasMatchType{kmsg.QuotasMatchTypeDefault, kmsg.QuotasMatchTypeAny} {
		bad.Components[0].MatchType = kind
		if resp := ask[*kmsg.DescribeClientQuotasResponse](c, bad, 0); resp.ErrorCode != wire.InvalidRequest {
			t.Errorf("a name with match %d: %s", kind, wire.ErrorName(resp.ErrorCode))
		}
	}
	bad.Components[0].MatchType, bad.Components[0].Match = kmsg.QuotasMatchTypeExact, nil
	if resp := ask[*kmsg.DescribeClientQuotasResponse](c, bad, 0); resp.ErrorCode != wire.InvalidRequest {
		t.Error("no name:", wire.ErrorName(resp.ErrorCode))
	}
}

// What becomes of updates of features of a cluster that was started with level 1.
func TestUpdateFeatures(t *testing.T) {
	l := newAdministered(t, 1, nil)
	withTools(l)
	c := l.client(l.brokers[0])
	type update = kmsg.UpdateFeaturesRequestFeatureUpdate
	same := update{Feature: transactionVersion, MaxVersionLevel: 1, UpgradeType: upgrade}
	for _, x := range []struct {
		what     string
		validate bool
		updates  []update
		refused  bool
	}{
		{"nothing", false, nil, false},
		{"the level that is", false, []update{same}, false},
		{"another, to see", true, []update{{Feature: transactionVersion, MaxVersionLevel: 2, UpgradeType: upgrade}}, false},
		{"another", false, []update{{Feature: transactionVersion, MaxVersionLevel: 2, UpgradeType: upgrade}}, true},
		{"a higher one than there is", true, []update{{Feature: transactionVersion, MaxVersionLevel: 3, UpgradeType: upgrade}}, true},
		{"a lower one as an upgrade", true, []update{{Feature: transactionVersion, MaxVersionLevel: 0, UpgradeType: upgrade}}, true},
		{"a lower one", true, []update{{Feature: transactionVersion, MaxVersionLevel: 0, UpgradeType: 2}}, false},
		{"a higher one as a downgrade", true, []update{{Feature: transactionVersion, MaxVersionLevel: 2, UpgradeType: 3}}, true},
		{"below 0", true, []update{{Feature: transactionVersion, MaxVersionLevel: -1, UpgradeType: 3}}, true},
		{"an unknown kind", true, []update{{Feature: transactionVersion, MaxVersionLevel: 1}}, true},
		{"an unknown feature beside a known", true, []update{same, {Feature: "flying", MaxVersionLevel: 1, UpgradeType: upgrade}}, true},
	} {
		for version := int16(0); version <= 2; version++ {
			if version == 0 && (x.validate || len(x.updates) > 0 && x.updates[0].UpgradeType != upgrade) {
				continue // which has neither
			}
			req := kmsg.NewPtrUpdateFeaturesRequest()
			req.FeatureUpdates, req.ValidateOnly = x.updates, x.validate
			resp := ask[*kmsg.UpdateFeaturesResponse](c, req, version)
			want, results := int16(wire.None), 0
			if x.refused {
				want = wire.InvalidUpdateVersion
			} else if version <= 1 {
				results = len(x.updates)
			}
			if resp.ErrorCode != want || len(resp.Results) != results {
				t.Errorf("%s, version %d: %+v", x.what, version, resp)
			}
		}
	}
}
