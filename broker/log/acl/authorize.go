package acl

import (
	"slices"
	"strings"
)

// Rules are what holds beside the entries.
type Rules struct {
	// Super may do everything: super.users.
	Super []string
	// AllowIfNone has everybody do everything to what no entry is about:
	// allow.everyone.if.no.acl.found.
	AllowIfNone bool
}

// SuperUsers reads super.users: principals with semicolons between them.
func SuperUsers(text string) (list []string) {
	for s := range strings.SplitSeq(text, ";") {
		if s = strings.TrimSpace(s); s != "" {
			list = append(list, s)
		}
	}
	return list
}

// Who is somebody on a host.
type Who struct{ Principal, Host string }

func (w Who) is(e Entry) bool {
	return (e.Principal == w.Principal || e.Principal == Everybody) && (e.Host == Wildcard || e.Host == w.Host)
}

// implied are the operations that an entry that allows another allows, too.
func implied(allowed, op Operation) bool {
	switch op {
	case Describe:
		return allowed == Read || allowed == Write || allowed == Delete || allowed == Alter
	case DescribeConfigs:
		return allowed == AlterConfigs
	}
	return false
}

// Authorize reports whether somebody may do something to a resource
// (StandardAuthorizerData.authorize).
func (r *Rules) Authorize(s *Set, who Who, op Operation, resource Resource, name string) bool {
	if slices.Contains(r.Super, who.Principal) {
		return true
	}
	some, allowed, denied := false, false, false
	s.about(resource, name, func(e Entry) bool {
		some = true
		if !who.is(e) {
			return true
		}
		same := e.Operation == All || e.Operation == op
		switch e.Permission {
		case Deny:
			denied = denied || same
		case Allow:
			allowed = allowed || same || implied(e.Operation, op)
		}
		return !denied
	})
	return !denied && (allowed || !some && r.AllowIfNone)
}

// AuthorizeAny reports whether there is a resource of a kind to which somebody may do
// something, be it there or not (Authorizer.authorizeByResourceType). What is implied by
// another operation does not count.
func (r *Rules) AuthorizeAny(s *Set, who Who, op Operation, resource Resource) bool {
	if r.Authorize(s, who, op, resource, "hardcode") { // Kafka's word for a name that nobody has
		return true
	}
	var denies, allows []Entry
	for _, m := range []map[place][]Entry{s.literal, s.prefixed} {
		for at, list := range m { // unordered: collected into sets
			for _, e := range list {
				switch {
				case at.resource != resource || !who.is(e) || e.Operation != op && e.Operation != All:
				case e.Permission == Deny:
					denies = append(denies, e)
				default:
					allows = append(allows, e)
				}
			}
		}
	}
	// An entry that allows is of no use where one that denies is about all that it is about.
	return slices.ContainsFunc(allows, func(a Entry) bool {
		return !slices.ContainsFunc(denies, func(d Entry) bool { return d.covers(a) })
	})
}

// covers reports whether an entry is about everything that another is about.
func (e Entry) covers(x Entry) bool {
	switch {
	case e.Pattern == Prefixed:
		return !(x.Pattern == Literal && x.Name == Wildcard) && strings.HasPrefix(x.Name, e.Name)
	case e.Name == Wildcard:
		return true
	}
	return x.Pattern == Literal && x.Name == e.Name
}
