package acl

import (
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// anEntry draws one of few, so that they meet.
func anEntry(t *rapid.T) Entry {
	return Entry{
		Resource:   rapid.SampledFrom([]Resource{Topic, Group}).Draw(t, "resource"),
		Pattern:    rapid.SampledFrom([]Pattern{Literal, Prefixed}).Draw(t, "pattern"),
		Name:       rapid.SampledFrom([]string{"a", "ab", "abc", "b", "*"}).Draw(t, "name"),
		Principal:  rapid.SampledFrom([]string{"User:x", "User:y", Everybody}).Draw(t, "principal"),
		Host:       rapid.SampledFrom([]string{"h", "i", Wildcard}).Draw(t, "host"),
		Operation:  Operation(rapid.Int8Range(int8(All), int8(IdempotentWrite)).Draw(t, "operation")),
		Permission: rapid.SampledFrom([]Permission{Deny, Allow, Allow, Allow}).Draw(t, "permission"),
	}
}

// model decides by the words of Kafka's documentation, entry by entry.
func model(r *Rules, list []Entry, who Who, op Operation, resource Resource, name string) bool {
	for _, s := range r.Super {
		if s == who.Principal {
			return true
		}
	}
	var about, mine []Entry
	for _, e := range list {
		if e.Resource != resource {
			continue
		}
		if e.Pattern == Literal && (e.Name == name || e.Name == "*") || e.Pattern == Prefixed && strings.HasPrefix(name, e.Name) {
			about = append(about, e)
			if (e.Principal == who.Principal || e.Principal == "User:*") && (e.Host == who.Host || e.Host == "*") {
				mine = append(mine, e)
			}
		}
	}
	if len(about) == 0 {
		return r.AllowIfNone
	}
	for _, e := range mine {
		if e.Permission == Deny && (e.Operation == op || e.Operation == All) {
			return false
		}
	}
	ways := map[Operation][]Operation{Describe: {Read, Write, Delete, Alter}, DescribeConfigs: {AlterConfigs}}[op]
	for _, e := range mine {
		for _, by := range append(ways, op, All) {
			if e.Permission == Allow && e.Operation == by {
				return true
			}
		}
	}
	return false
}

func TestAuthorizeAgainstModel(t *testing.T) {
	names := []string{"a", "ab", "abc", "abcd", "b", "c", "", "*"}
	rapid.Check(t, func(t *rapid.T) {
		r := &Rules{AllowIfNone: rapid.Bool().Draw(t, "allow if none")}
		if rapid.IntRange(0, 4).Draw(t, "super") == 0 {
			r.Super = []string{"User:z", "User:y"}
		}
		var s Set
		var list []Entry
		for range rapid.IntRange(0, 12).Draw(t, "steps") {
			if e := anEntry(t); !s.Has(e) {
				s.Add(e)
				list = append(list, e)
			} else if rapid.Bool().Draw(t, "remove") {
				s.Remove(e)
				for i := range list {
					if list[i] == e {
						list = append(list[:i:i], list[i+1:]...)
						break
					}
				}
			}
		}
		if n := rapid.IntRange(0, len(list)).Draw(t, "removed"); n < len(list) {
			s.Remove(list[n])
			list = append(list[:n:n], list[n+1:]...)
		}
		if s.Len() != len(list) {
			t.Fatalf("%d entries, want %d", s.Len(), len(list))
		}
		for _, p := range []string{"User:x", "User:y", "User:*"} {
			for _, h := range []string{"h", "i", "*", ""} {
				who := Who{p, h}
				for op := Read; op <= IdempotentWrite; op++ {
					any := false
					for _, name := range names {
						got, want := r.Authorize(&s, who, op, Topic, name), model(r, list, who, op, Topic, name)
						if got != want {
							t.Fatalf("%+v may %d to %q: %t, the model says %t; %+v", who, op, name, got, want, list)
						}
						any = any || want && op != Describe && op != DescribeConfigs
					}
					if any && byItself(list, r, who, op) && !r.AuthorizeAny(&s, who, op, Topic) {
						t.Fatalf("%+v may %d to some topic, and to none; %+v", who, op, list)
					}
				}
			}
		}
	})
}

// byItself reports whether something allows an operation by itself, and is not only not denied:
// what nobody has an entry about is not counted unless all of it is.
func byItself(list []Entry, r *Rules, who Who, op Operation) bool {
	for _, n := range []string{"a", "ab", "abc", "b", "*"} {
		some := false
		for _, e := range list {
			some = some || e.Resource == Topic && e.Pattern == Literal && e.Name == n && e.Permission == Allow && who.is(e) && e.Operation == op
		}
		if some && model(r, list, who, op, Topic, n) {
			return true
		}
	}
	return false
}

func TestAuthorizeAny(t *testing.T) {
	allow := func(p Pattern, name string) Entry { return Entry{Topic, p, name, "User:x", "*", Write, Allow} }
	deny := func(p Pattern, name string) Entry { return Entry{Topic, p, name, "User:x", "*", Write, Deny} }
	for _, row := range []struct {
		what string
		list []Entry
		want bool
	}{
		{"nothing", nil, false},
		{"one", []Entry{allow(Literal, "a")}, true},
		{"one that is denied", []Entry{allow(Literal, "a"), deny(Literal, "a")}, false},
		{"one whose prefix is denied", []Entry{allow(Literal, "ab"), deny(Prefixed, "a")}, false},
		{"one of those with a prefix", []Entry{allow(Prefixed, "ab"), deny(Literal, "ab")}, true},
		{"a prefix below one that is denied", []Entry{allow(Prefixed, "ab"), deny(Prefixed, "a")}, false},
		{"a prefix above one that is denied", []Entry{allow(Prefixed, "a"), deny(Prefixed, "ab")}, true},
		{"all but those with a prefix", []Entry{allow(Literal, "*"), deny(Prefixed, "a")}, true},
		{"all, and all are denied", []Entry{allow(Literal, "*"), deny(Literal, "*")}, false},
		{"all but those that begin with a star", []Entry{allow(Literal, "*"), deny(Prefixed, "*")}, true},
		{"another operation", []Entry{{Topic, Literal, "a", "User:x", "*", Read, Allow}}, false},
		{"any operation", []Entry{{Topic, Literal, "a", "User:x", "*", All, Allow}}, true},
		{"somebody else", []Entry{{Topic, Literal, "a", "User:y", "*", Write, Allow}}, false},
		{"another kind", []Entry{{Group, Literal, "a", "User:x", "*", Write, Allow}}, false},
	} {
		var s Set
		for _, e := range row.list {
			s.Add(e)
		}
		if got := (&Rules{}).AuthorizeAny(&s, Who{"User:x", "h"}, Write, Topic); got != row.want {
			t.Errorf("%s: %t", row.what, got)
		}
	}
	var s Set
	if !(&Rules{AllowIfNone: true}).AuthorizeAny(&s, Who{"User:x", "h"}, Write, Topic) || !(&Rules{Super: SuperUsers(" User:a ;User:x;")}).AuthorizeAny(&s, Who{"User:x", "h"}, Write, Topic) {
		t.Error("by the rules alone somebody may not who may")
	}
}

func TestFilter(t *testing.T) {
	str := func(s string) *string { return &s }
	e := Entry{Topic, Prefixed, "ab", "User:x", "h", Read, Allow}
	all := Entry{Topic, Literal, "*", "User:x", "*", Read, Deny}
	any := Filter{Resource: AnyResource, Pattern: AnyPattern, Operation: AnyOperation, Permission: AnyPermission}
	for _, row := range []struct {
		what  string
		set   func(*Filter)
		e, to bool // of the entry, of the one about all
	}{
		{"any", func(*Filter) {}, true, true},
		{"topics", func(f *Filter) { f.Resource = Topic }, true, true},
		{"groups", func(f *Filter) { f.Resource = Group }, false, false},
		{"prefixed", func(f *Filter) { f.Pattern = Prefixed }, true, false},
		{"a name", func(f *Filter) { f.Name = str("ab") }, true, false},
		{"a name that it is about", func(f *Filter) { f.Name = str("abc") }, false, false},
		{"a name that it matches", func(f *Filter) { f.Name, f.Pattern = str("abc"), MatchPattern }, true, true},
		{"another that it does not", func(f *Filter) { f.Name, f.Pattern = str("b"), MatchPattern }, false, true},
		{"a literal name", func(f *Filter) { f.Name, f.Pattern = str("ab"), Literal }, false, false},
		{"a principal", func(f *Filter) { f.Principal = str("User:y") }, false, false},
		{"a host", func(f *Filter) { f.Host = str("h") }, true, false},
		{"an operation", func(f *Filter) { f.Operation = Write }, false, false},
		{"a permission", func(f *Filter) { f.Permission = Deny }, false, true},
	} {
		f := any
		row.set(&f)
		if f.Matches(e) != row.e || f.Matches(all) != row.to || f.Unknown() != "" {
			t.Errorf("%s: %t, %t", row.what, f.Matches(e), f.Matches(all))
		}
	}
	for _, bad := range []Filter{{}, {Resource: AnyResource}, {Resource: Topic, Pattern: 5, Operation: 1, Permission: 1}, {Resource: 8, Pattern: 1, Operation: 1, Permission: 1}, {Resource: 1, Pattern: 1, Operation: 16, Permission: 1}, {Resource: 1, Pattern: 1, Operation: 1, Permission: 4}} {
		if bad.Unknown() == "" {
			t.Errorf("%+v is known", bad)
		}
	}
}

func TestBad(t *testing.T) {
	good := Entry{Topic, Literal, "a", "User:x", "*", Read, Allow}
	for _, row := range []struct {
		set  func(*Entry)
		want string
	}{
		{func(*Entry) {}, ""},
		{func(e *Entry) { e.Resource, e.Name = Cluster, ClusterName }, ""},
		{func(e *Entry) { e.Resource = Cluster }, "The only valid name for the CLUSTER resource is kafka-cluster"},
		{func(e *Entry) { e.Name = "" }, "Invalid empty resource name"},
		{func(e *Entry) { e.Resource = AnyResource }, "Invalid resourceType ANY"},
		{func(e *Entry) { e.Resource = 99 }, "Invalid resourceType UNKNOWN"},
		{func(e *Entry) { e.Pattern = MatchPattern }, "Invalid patternType MATCH"},
		{func(e *Entry) { e.Operation = AnyOperation }, "Invalid operation ANY"},
		{func(e *Entry) { e.Permission = 0 }, "Invalid permissionType UNKNOWN"},
	} {
		e := good
		if row.set(&e); e.Bad() != row.want {
			t.Errorf("%+v: %q, want %q", e, e.Bad(), row.want)
		}
	}
}

// What a request names may be as long as the request. The prefixes that there are bound what is
// done about it: with all of a name's own this would not end.
func TestLongNames(t *testing.T) {
	var s Set
	r := &Rules{}
	who := Who{"User:x", "h"}
	of := func(prefix string) Entry {
		return Entry{Topic, Prefixed, prefix, "User:x", Wildcard, Read, Allow}
	}
	long := strings.Repeat("a", 4<<20)
	may := func(want bool) {
		t.Helper()
		if got := r.Authorize(&s, who, Read, Topic, long); got != want {
			t.Errorf("may read: %t, want %t", got, want)
		}
	}
	s.Add(of("b"))
	may(false)
	s.Add(of("aa"))
	s.Add(of("bb"))
	may(true)
	s.Remove(of("aa"))
	may(false)
	s.Remove(of("bb"))
	s.Add(of(long[:1000]))
	may(true)
	s.Remove(of(long[:1000]))
	s.Remove(of("b"))
	if s.Len() != 0 || len(s.lengths) != 0 {
		t.Errorf("%d entries and %d lengths are left of none", s.Len(), len(s.lengths))
	}
}

// Entries about one thing, however many, are known by themselves.
func TestManyEntriesAboutOneThing(t *testing.T) {
	var s Set
	const n = 200_000
	of := func(i int) Entry {
		return Entry{Topic, Literal, "a", "User:" + strconv.Itoa(i), Wildcard, Read, Allow}
	}
	for i := range n {
		if s.Has(of(i)) {
			t.Fatalf("entry %d is there before it is", i)
		}
		s.Add(of(i))
	}
	if !s.Has(of(n-1)) || s.Has(of(n)) || s.Len() != n {
		t.Errorf("%d entries, want %d", s.Len(), n)
	}
}
