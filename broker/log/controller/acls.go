package controller

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// ACLs are all entries. They must not be changed.
func (im *Image) ACLs() *acl.Set { return &im.acls }

// EachACL yields all entries, by id.
func (im *Image) EachACL(yield func(id [16]byte, e acl.Entry) bool) {
	for _, id := range im.sortedACLs() {
		if !yield(id, im.byACL[id]) {
			return
		}
	}
}

func (im *Image) sortedACLs() [][16]byte {
	return slices.SortedFunc(maps.Keys(im.byACL), func(a, b [16]byte) int { return bytes.Compare(a[:], b[:]) }) // total: ids differ
}

func (im *Image) accessControlEntry(r AccessControlEntry) (Change, error) {
	if _, taken := im.byACL[r.ID]; taken || im.acls.Has(r.Entry) {
		return Change{}, fmt.Errorf("an entry that there is, or another of its id: %x %+v", r.ID, r.Entry)
	}
	if why := r.Entry.Bad(); why != "" {
		return Change{}, fmt.Errorf("%+v: %s", r.Entry, why)
	}
	im.byACL[r.ID] = r.Entry
	im.acls.Add(r.Entry)
	return Change{}, nil
}

func (im *Image) removeAccessControlEntry(r RemoveAccessControlEntry) (Change, error) {
	e, ok := im.byACL[r.ID]
	if !ok {
		return Change{}, fmt.Errorf("removal of unknown entry %x", r.ID)
	}
	delete(im.byACL, r.ID)
	im.acls.Remove(e)
	return Change{}, nil
}

// EntryOf is the entry of numbers as Kafka has them.
func EntryOf(resource, pattern int8, name, principal, host string, operation, permission int8) acl.Entry {
	return acl.Entry{
		Resource: acl.Resource(resource), Pattern: acl.Pattern(pattern), Name: name,
		Principal: principal, Host: host, Operation: acl.Operation(operation), Permission: acl.Permission(permission),
	}
}

// CreateACLs asks for entries (AclControlManager.createAcls). One that there is already is not
// made again, and no error. Whether somebody may ask, a broker has decided before.
type CreateACLs struct{ *kmsg.CreateACLsRequest }

func (cmd CreateACLs) decide(c *Controller, _ machine.Now) (records []Record, _ Response) {
	resp := kmsg.NewPtrCreateACLsResponse()
	resp.Results = make([]kmsg.CreateACLsResponseResult, len(cmd.Creations))
	var made acl.Set
	for i := range cmd.Creations {
		x := &cmd.Creations[i]
		e := EntryOf(int8(x.ResourceType), int8(x.ResourcePatternType), x.ResourceName, x.Principal, x.Host, int8(x.Operation), int8(x.PermissionType))
		resp.Results[i] = kmsg.NewCreateACLsResponseResult()
		why := e.Bad()
		switch {
		case why == "" && !principal(e.Principal):
			why = fmt.Sprintf("Could not parse principal from `%s` (no colon is present separating the principal type from the principal name)", e.Principal)
		case why == "" && !c.image.acls.Has(e) && !made.Has(e):
			made.Add(e)
			records = append(records, AccessControlEntry{aclID(c.settings.Seed, c.next()+int64(len(records))), e})
		}
		if why != "" {
			resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = wire.InvalidRequest, &why
		}
	}
	if len(records) > maxRecords {
		why := "Unable to perform excessively large batch operation."
		for i := range resp.Results {
			resp.Results[i].ErrorCode, resp.Results[i].ErrorMessage = wire.PolicyViolation, &why
		}
		records = nil
	}
	return records, Response{Body: resp}
}

// principal reports whether a name has a type and a name (SecurityUtils.parseKafkaPrincipal).
func principal(s string) bool { return slices.Contains([]byte(s), ':') }

func aclID(seed uint64, offset int64) (id [16]byte) {
	d := machine.NewDraw(seed, "acl-id").With(uint64(offset))
	binary.BigEndian.PutUint64(id[:8], d.With(0).Uint64())
	binary.BigEndian.PutUint64(id[8:], d.With(1).Uint64())
	return id
}

// DeleteACLs asks for entries to be no more (AclControlManager.deleteAcls). What two filters
// stand for is in the answer to both.
type DeleteACLs struct{ *kmsg.DeleteACLsRequest }

func (cmd DeleteACLs) decide(c *Controller, _ machine.Now) (records []Record, _ Response) {
	resp := kmsg.NewPtrDeleteACLsResponse()
	resp.Results = make([]kmsg.DeleteACLsResponseResult, len(cmd.Filters))
	removed := make(map[[16]byte]bool)
	all := c.image.sortedACLs() // once, however many filters there are
	for i := range cmd.Filters {
		x := &cmd.Filters[i]
		f := acl.Filter{
			Resource: acl.Resource(x.ResourceType), Pattern: acl.Pattern(x.ResourcePatternType), Name: x.ResourceName,
			Principal: x.Principal, Host: x.Host, Operation: acl.Operation(x.Operation), Permission: acl.Permission(x.PermissionType),
		}
		answer := &resp.Results[i]
		*answer = kmsg.NewDeleteACLsResponseResult()
		answer.MatchingACLs = []kmsg.DeleteACLsResponseResultMatchingACL{}
		if half := f.Unknown(); half != "" {
			why := "Unknown " + half + "."
			answer.ErrorCode, answer.ErrorMessage = wire.InvalidRequest, &why
			continue
		}
		for _, id := range all {
			e := c.image.byACL[id]
			if !f.Matches(e) {
				continue
			}
			if !removed[id] {
				removed[id] = true
				records = append(records, RemoveAccessControlEntry{id})
			}
			m := kmsg.NewDeleteACLsResponseResultMatchingACL()
			m.ResourceType, m.ResourcePatternType, m.ResourceName = kmsg.ACLResourceType(e.Resource), kmsg.ACLResourcePatternType(e.Pattern), e.Name
			m.Principal, m.Host, m.Operation, m.PermissionType = e.Principal, e.Host, kmsg.ACLOperation(e.Operation), kmsg.ACLPermissionType(e.Permission)
			answer.MatchingACLs = append(answer.MatchingACLs, m)
		}
	}
	return records, Response{Body: resp}
}
