// Package acl is who may do what, as Kafka's StandardAuthorizer has it: a function of a [Set]
// of entries and of [Rules], and of nothing else. One entry that denies outweighs all that
// allow. The zero Set has none.
//
//	acl.go        an entry, and what stands for several
//	authorize.go  the decision
//	set.go        entries by what they are about
package acl

import "strings"

// Resource is a kind of what somebody may do something to, by Kafka's number.
type Resource int8

// The kinds of resources.
const (
	AnyResource     Resource = 1 // in a filter
	Topic           Resource = 2
	Group           Resource = 3
	Cluster         Resource = 4
	TransactionalID Resource = 5
	lastResource    Resource = 7 // delegation tokens and users, which nothing here is about
)

// ClusterName is the name of the only resource of kind [Cluster].
const ClusterName = "kafka-cluster"

// Pattern is how the name of an entry stands for those of resources, by Kafka's number.
type Pattern int8

// The patterns. Two of them are for filters.
const (
	AnyPattern   Pattern = 1
	MatchPattern Pattern = 2 // entries that are about a resource of the name
	Literal      Pattern = 3 // the name, and * is all
	Prefixed     Pattern = 4
)

// Operation is what somebody does, by Kafka's number.
type Operation int8

// The operations.
const (
	AnyOperation    Operation = 1 // in a filter
	All             Operation = 2 // in an entry
	Read            Operation = 3
	Write           Operation = 4
	Create          Operation = 5
	Delete          Operation = 6
	Alter           Operation = 7
	Describe        Operation = 8
	ClusterAction   Operation = 9
	DescribeConfigs Operation = 10
	AlterConfigs    Operation = 11
	IdempotentWrite Operation = 12
	lastOperation   Operation = 15 // those of delegation tokens, and TwoPhaseCommit
)

// Permission is whether an entry allows or denies, by Kafka's number.
type Permission int8

// The permissions.
const (
	AnyPermission Permission = 1 // in a filter
	Deny          Permission = 2
	Allow         Permission = 3
)

// Wildcard is the name of all resources of a kind in a literal entry, and the host of all.
const Wildcard = "*"

// Everybody is the principal of all.
const Everybody = "User:*"

// Entry says that a principal on a host may do something, or may not.
type Entry struct {
	Resource   Resource
	Pattern    Pattern
	Name       string
	Principal  string // "User:alice"
	Host       string
	Operation  Operation
	Permission Permission
}

// Filter stands for entries: what is nil or Any is whatever it is.
type Filter struct {
	Resource   Resource
	Pattern    Pattern
	Name       *string
	Principal  *string
	Host       *string
	Operation  Operation
	Permission Permission
}

// Unknown says which half of a filter stands for nothing that is known: its pattern or its
// entry; empty for none.
func (f *Filter) Unknown() string {
	switch {
	case f.Resource < AnyResource || f.Resource > lastResource || f.Pattern < AnyPattern || f.Pattern > Prefixed:
		return "patternFilter"
	case f.Operation < AnyOperation || f.Operation > lastOperation || f.Permission < AnyPermission || f.Permission > Allow:
		return "entryFilter"
	}
	return ""
}

// Matches reports whether the filter stands for an entry (AclBindingFilter.matches).
func (f *Filter) Matches(e Entry) bool {
	is := func(want *string, has string) bool { return want == nil || *want == has }
	return (f.Resource == AnyResource || f.Resource == e.Resource) && f.names(e) &&
		is(f.Principal, e.Principal) && is(f.Host, e.Host) &&
		(f.Operation == AnyOperation || f.Operation == e.Operation) &&
		(f.Permission == AnyPermission || f.Permission == e.Permission)
}

func (f *Filter) names(e Entry) bool {
	switch {
	case f.Pattern != AnyPattern && f.Pattern != MatchPattern && f.Pattern != e.Pattern:
		return false
	case f.Name == nil:
		return true
	case f.Pattern != MatchPattern:
		return *f.Name == e.Name
	case e.Pattern == Prefixed:
		return strings.HasPrefix(*f.Name, e.Name)
	}
	return *f.Name == e.Name || e.Name == Wildcard
}

// Bad says what is wrong with an entry that somebody wants, in Kafka's words; empty for
// nothing (AclApis.handleCreateAcls, AclControlManager.validateNewAcl).
func (e Entry) Bad() string {
	switch {
	case e.Resource == Cluster && e.Name != ClusterName:
		return "The only valid name for the CLUSTER resource is " + ClusterName
	case e.Name == "":
		return "Invalid empty resource name"
	case e.Resource <= AnyResource || e.Resource > lastResource:
		return "Invalid resourceType " + anyOr(e.Resource == AnyResource)
	case e.Pattern != Literal && e.Pattern != Prefixed:
		return "Invalid patternType " + patternName(e.Pattern)
	case e.Operation <= AnyOperation || e.Operation > lastOperation:
		return "Invalid operation " + anyOr(e.Operation == AnyOperation)
	case e.Permission != Deny && e.Permission != Allow:
		return "Invalid permissionType " + anyOr(e.Permission == AnyPermission)
	}
	return ""
}

func anyOr(is bool) string {
	if is {
		return "ANY"
	}
	return "UNKNOWN"
}

func patternName(p Pattern) string {
	if p == MatchPattern {
		return "MATCH"
	}
	return anyOr(p == AnyPattern)
}
