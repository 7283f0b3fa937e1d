package profile

import (
	"fmt"
	"slices"
	"strings"

	"brokersim/broker/near"
)

// Field names a value of a sheet: a group, a point, and a name that ends with the
// unit, such as disk.write_MBps. MB are 10^6 bytes, KiB, MiB and GiB powers of 1024.
type Field string

// Value is one value of a sheet.
type Value struct {
	Known      bool
	Number     Number
	Source     string // where it comes from: a key of [Sources], or words
	AsOf       string // a year, or a year and a month: 2020-08
	Note       string
	Unverified bool // remembered, and not seen in its source
}

// Sheet is named values of one kind.
type Sheet struct {
	Name, About string

	kind   *kind
	values map[Field]Value
}

// kind is what sheets of one kind have in common.
type kind struct {
	noun   string // "hardware profile"
	fields []field
	check  func(s *Sheet) error // values against each other
}

// field is what is known of a field.
type field struct {
	name     Field
	whole    bool   // has no fraction
	min, max int64  // whole numbers; the range, ends included
	measure  string // how somebody gets the value: a command, or where it is written
}

func (k *kind) field(name Field) *field {
	if i := slices.IndexFunc(k.fields, func(f field) bool { return f.name == name }); i >= 0 {
		return &k.fields[i]
	}
	return nil
}

func (k *kind) names() []string {
	names := make([]string, len(k.fields))
	for i, f := range k.fields {
		names[i] = string(f.name)
	}
	return names
}

// Fields are all fields that the sheet may have, in the order of its files.
func (s *Sheet) Fields() []Field {
	fields := make([]Field, len(s.kind.fields))
	for i, f := range s.kind.fields {
		fields[i] = f.name
	}
	return fields
}

// Get is the value of a field. It panics if sheets of this kind have no such
// field: names that people type go through [Sheet.Set].
func (s *Sheet) Get(name Field) Value {
	if s.kind.field(name) == nil {
		panic(fmt.Sprintf("profile: a %s has no field %q", s.kind.noun, name))
	}
	return s.values[name]
}

// Times is the number of a field in so many units, and 0 if it is not known: see
// [Number.Times].
func (s *Sheet) Times(name Field, unit int64) int64 {
	return s.Get(name).Number.Times(unit)
}

// Set gives a field a value that somebody typed, such as "disk.write_MBps" and
// "327.5"; "null" makes it unknown. The error is one line.
func (s *Sheet) Set(name, text string) error {
	f := s.kind.field(Field(name))
	if f == nil {
		return fmt.Errorf("a %s has no field %q%s", s.kind.noun, name, near.Suggest(name, s.kind.names()))
	}
	v := Value{Source: "set by hand"}
	if text != "null" {
		n, err := ParseNumber(text)
		if err == nil {
			err = f.accepts(n)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		v.Known, v.Number = true, n
	}
	was := s.values[f.name]
	s.values[f.name] = v
	if err := s.kind.check(s); err != nil {
		s.values[f.name] = was
		return err
	}
	return nil
}

// accepts says what is wrong with a value by itself.
func (f *field) accepts(n Number) error {
	switch {
	case n < Number(f.min)*one || n > Number(f.max)*one:
		return fmt.Errorf("%v is not from %d to %d", n, f.min, f.max)
	case n == 0 && f.neverZero():
		return fmt.Errorf("0 is nothing: want more than 0, or null if it is not known")
	case f.whole && n%one != 0:
		return fmt.Errorf("%v is not a whole number", n)
	}
	return nil
}

// neverZero reports whether a field is of a resource that cannot be without any: a rate of
// 0 would not be slow but unbounded, as if there were no such resource.
func (f *field) neverZero() bool {
	return slices.ContainsFunc([]string{"_MBps", "_IOPS", "_GHz", "ram_GiB"}, func(unit string) bool { return strings.HasSuffix(string(f.name), unit) })
}

// Clone is a copy that can be changed by itself.
func (s *Sheet) Clone() *Sheet {
	c := &Sheet{Name: s.Name, About: s.About, kind: s.kind, values: make(map[Field]Value, len(s.values))}
	for _, f := range s.kind.fields {
		if v, ok := s.values[f.name]; ok {
			c.values[f.name] = v
		}
	}
	return c
}

// Missing are those of the fields that nobody knows.
func (s *Sheet) Missing(fields ...Field) []Field {
	return slices.DeleteFunc(slices.Clone(fields), func(f Field) bool { return s.Get(f).Known })
}

// Need is an error of one line if one of the fields is not known: which, and how
// to find out.
func (s *Sheet) Need(fields ...Field) error {
	missing := s.Missing(fields...)
	if len(missing) == 0 {
		return nil
	}
	names := make([]string, len(missing))
	for i, f := range missing {
		names[i] = string(f)
	}
	first := s.kind.field(missing[0])
	return fmt.Errorf("%s %q has no %s: find %s with `%s`, or give it with --set %s=NUMBER",
		s.kind.noun, s.Name, strings.Join(names, ", "), first.name, first.measure, first.name)
}
