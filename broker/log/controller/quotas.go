package controller

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// The types of what may have a client quota (KIP-13, KIP-612).
const (
	QuotaUser     = "user"
	QuotaClientID = "client-id"
	QuotaIP       = "ip"
)

// QuotaPart is one part of what has a quota: a user, say, and one of its clients.
type QuotaPart struct {
	Type    string
	Default bool // of all that have no own; then Name is empty
	Name    string
}

// QuotaEntity is what has a quota: at least one part, by type, no type twice.
type QuotaEntity []QuotaPart

// Part is the part of a type; ok is false if there is none.
func (e QuotaEntity) Part(kind string) (part QuotaPart, ok bool) {
	i := slices.IndexFunc(e, func(p QuotaPart) bool { return p.Type == kind })
	if i < 0 {
		return QuotaPart{}, false
	}
	return e[i], true
}

// String is the entity as Kafka writes it. Two that differ may have the same.
func (e QuotaEntity) String() string {
	list := make([]string, len(e))
	for i, p := range e {
		if list[i] = p.Type + "=" + p.Name; p.Default {
			list[i] = p.Type + "=null"
		}
	}
	return "ClientQuotaEntity(entries={" + strings.Join(list, ", ") + "})"
}

// key differs for entities that differ, and orders them.
func (e QuotaEntity) key() string {
	var b strings.Builder
	for i, p := range e {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(strconv.Quote(p.Type))
		if !p.Default {
			b.WriteString("=" + strconv.Quote(p.Name))
		}
	}
	return b.String()
}

// check says what is wrong with an entity that no controller has made.
func (e QuotaEntity) check() error {
	if len(e) == 0 {
		return errors.New("a quota of nobody")
	}
	for i, p := range e {
		if p.Default && p.Name != "" || i > 0 && e[i-1].Type >= p.Type {
			return fmt.Errorf("a quota of %s", e.key())
		}
	}
	return nil
}

// QuotaInfo is what one entity has: by key, the bits of a float64.
type QuotaInfo struct {
	Entity QuotaEntity
	Values map[string]uint64
}

// Value is a quota as a number.
func (q *QuotaInfo) Value(key string) float64 { return math.Float64frombits(q.Values[key]) } // float: the same bits

// EachQuota yields all that have quotas, in an order that is always the same.
func (im *Image) EachQuota(yield func(*QuotaInfo) bool) {
	for _, key := range slices.Sorted(maps.Keys(im.quotas)) {
		if !yield(im.quotas[key]) {
			return
		}
	}
}

func (im *Image) clientQuota(r ClientQuota) (Change, error) {
	if err := r.Entity.check(); err != nil {
		return Change{}, err
	}
	key := r.Entity.key()
	q := im.quotas[key]
	switch {
	case r.Remove && q != nil:
		if delete(q.Values, r.Key); len(q.Values) == 0 {
			delete(im.quotas, key)
		}
	case r.Remove:
	case q == nil:
		im.quotas[key] = &QuotaInfo{r.Entity, map[string]uint64{r.Key: r.Value}}
	default:
		q.Values[r.Key] = r.Value
	}
	return Change{}, nil
}

// records are what the entity has.
func (q *QuotaInfo) records() (list []Record) {
	for _, key := range slices.Sorted(maps.Keys(q.Values)) {
		list = append(list, ClientQuota{Entity: q.Entity, Key: key, Value: q.Values[key]})
	}
	return list
}

// AlterClientQuotas asks for other quotas of clients (KIP-546). They are kept, and nobody is
// held to them. Each entity is changed or refused by itself.
type AlterClientQuotas struct {
	*kmsg.AlterClientQuotasRequest
}

// maxRecords is how many records one request of an operator may come to
// (QuorumController.MAX_RECORDS_PER_USER_OP).
const maxRecords = 10_000

func (cmd AlterClientQuotas) decide(c *Controller, _ machine.Now) ([]Record, Response) {
	resp := kmsg.NewPtrAlterClientQuotasResponse()
	resp.Entries = []kmsg.AlterClientQuotasResponseEntry{}
	var records []Record
	answers := make(map[string]int) // of each entity, in the response
	for i := range cmd.Entries {
		asked := &cmd.Entries[i]
		entity := quotaEntity(asked.Entity)
		key := entity.key()
		at, again := answers[key]
		if !again {
			at = len(resp.Entries)
			answers[key] = at
			resp.Entries = append(resp.Entries, entity.answer())
		}
		// What an entity that is named again has got before stays, as in Kafka
		// (ClientQuotaControlManager.alterClientQuotas).
		changes, err := []Record(nil), refuse(wire.InvalidRequest, "Ignoring duplicate entity %v", entity)
		if ops, once := quotaOps(asked.Ops); once && !again {
			changes, err = c.image.alterQuota(entity, ops)
		}
		if records = append(records, changes...); err != nil {
			resp.Entries[at].ErrorCode, resp.Entries[at].ErrorMessage = err.code, &err.message
		}
	}
	if len(records) > maxRecords {
		err := refuse(wire.PolicyViolation, "Unable to perform excessively large batch operation.")
		for i := range resp.Entries {
			resp.Entries[i].ErrorCode, resp.Entries[i].ErrorMessage = err.code, &err.message
		}
		records = nil
	}
	if cmd.ValidateOnly {
		records = nil
	}
	return records, Response{Body: resp}
}

// quotaEntity is the entity that a request names: of a type that it names twice, the last.
func quotaEntity(parts []kmsg.AlterClientQuotasRequestEntryEntity) QuotaEntity {
	e := make(QuotaEntity, len(parts))
	for i, p := range parts {
		if e[i] = (QuotaPart{Type: p.Type, Default: p.Name == nil}); p.Name != nil {
			e[i].Name = *p.Name
		}
	}
	slices.Reverse(e) // the last of a type is the first that the sort leaves
	slices.SortStableFunc(e, func(a, b QuotaPart) int { return strings.Compare(a.Type, b.Type) })
	e = slices.CompactFunc(e, func(a, b QuotaPart) bool { return a.Type == b.Type })
	return e
}

func (e QuotaEntity) answer() kmsg.AlterClientQuotasResponseEntry {
	x := kmsg.NewAlterClientQuotasResponseEntry()
	x.Entity = []kmsg.AlterClientQuotasResponseEntryEntity{}
	for _, p := range e {
		y := kmsg.NewAlterClientQuotasResponseEntryEntity()
		if y.Type = p.Type; !p.Default {
			y.Name = &p.Name
		}
		x.Entity = append(x.Entity, y)
	}
	return x
}

// quotaOps are the changes by key; once is false if a key has two.
func quotaOps(asked []kmsg.AlterClientQuotasRequestEntryOp) (ops map[string]kmsg.AlterClientQuotasRequestEntryOp, once bool) {
	ops = make(map[string]kmsg.AlterClientQuotasRequestEntryOp, len(asked))
	for _, op := range asked {
		ops[op.Key] = op
	}
	return ops, len(ops) == len(asked)
}

// alterQuota is what a change of one entity comes to, by key.
func (im *Image) alterQuota(e QuotaEntity, ops map[string]kmsg.AlterClientQuotasRequestEntryOp) (records []Record, err *refusal) {
	kinds, err := quotaKinds(e)
	if err != nil {
		return nil, err
	}
	var has map[string]uint64
	if q := im.quotas[e.key()]; q != nil {
		has = q.Values
	}
	for _, key := range slices.Sorted(maps.Keys(ops)) {
		was, set := has[key]
		bits := math.Float64bits(ops[key].Value)
		if ops[key].Remove {
			if set {
				records = append(records, ClientQuota{Entity: e, Key: key, Remove: true})
			}
			continue
		}
		if err := kinds.check(key, ops[key].Value); err != nil {
			return nil, err
		}
		if !set || was != bits {
			records = append(records, ClientQuota{Entity: e, Key: key, Value: bits})
		}
	}
	return records, nil
}

// quotaKinds are the keys that a kind of entity may have, and what their values are.
type quotaKindsOf map[string]quotaKind

type quotaKind int

const (
	quotaDouble quotaKind = iota
	quotaInt
	quotaLong
)

var (
	// QuotaConfig.userAndClientQuotaConfigs and ipConfigs.
	clientQuotaKinds = quotaKindsOf{"producer_byte_rate": quotaLong, "consumer_byte_rate": quotaLong, "request_percentage": quotaDouble, "controller_mutation_rate": quotaDouble}
	ipQuotaKinds     = quotaKindsOf{"connection_creation_rate": quotaInt}
)

// quotaKinds are those of an entity, or why there can be no such entity.
func quotaKinds(e QuotaEntity) (quotaKindsOf, *refusal) {
	if len(e) == 0 {
		return nil, refuse(wire.InvalidRequest, "Invalid empty client quota entity")
	}
	for _, p := range e {
		if p.Type != QuotaUser && p.Type != QuotaClientID && p.Type != QuotaIP {
			return nil, refuse(wire.InvalidRequest, "Unhandled client quota entity type: %s", p.Type)
		}
		if !p.Default && p.Name == "" {
			return nil, refuse(wire.InvalidRequest, "Empty %s not supported", p.Type)
		}
	}
	ip, has := e.Part(QuotaIP)
	switch {
	case !has:
		return clientQuotaKinds, nil
	case len(e) > 1:
		return nil, refuse(wire.InvalidRequest, "Invalid quota entity combination, IP entity shouldnot be combined with User or ClientId")
	case !ip.Default && !isAddress(ip.Name):
		return nil, refuse(wire.InvalidRequest, "%s is not a valid IP or resolvable host.", ip.Name)
	}
	return ipQuotaKinds, nil
}

// isAddress reports whether a name is an address. Kafka asks the names of hosts of the
// resolver, which a controller here does not have: it knows its own host's alone.
func isAddress(name string) bool {
	_, err := netip.ParseAddr(name)
	return err == nil || name == "localhost"
}

// check says what is wrong with a value (ClientQuotaControlManager.validateQuotaKeyValue).
func (kinds quotaKindsOf) check(key string, value float64) *refusal {
	kind, ok := kinds[key]
	switch {
	case !ok:
		return refuse(wire.InvalidRequest, "Invalid configuration key %s", key)
	case value <= 0:
		return refuse(wire.InvalidRequest, "Quota %s must be greater than 0", key)
	case kind == quotaInt && value > math.MaxInt32:
		return refuse(wire.InvalidRequest, "Proposed value for %s is too large for an INT.", key)
	case kind == quotaLong && value > 1<<63:
		return refuse(wire.InvalidRequest, "Proposed value for %s is too large for a LONG.", key)
	}
	if _, part := math.Modf(value); kind != quotaDouble && part > 1e-6 {
		return refuse(wire.InvalidRequest, "%s cannot be a fractional value.", key)
	}
	return nil
}
