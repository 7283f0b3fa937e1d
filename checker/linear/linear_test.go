package linear

import "testing"

func appended(call, ret, off, value int64) Op {
	return Op{Call: call, Return: ret, Records: []Record{{off, value}}}
}

func fetched(call, ret, from int64, limited bool, rs ...Record) Op {
	return Op{Kind: Fetch, Call: call, Return: ret, From: from, Limited: limited, Records: rs}
}

func ended(call, ret, end int64) Op { return Op{Kind: End, Call: call, Return: ret, End: end} }

func TestModel(t *testing.T) {
	for _, x := range []struct {
		name       string
		want, ends Answer
		ops        []Op
	}{
		{"nothing", Legal, Legal, nil},
		{"in order", Legal, Legal, []Op{appended(1, 2, 0, 7), appended(3, 4, 1, 8), fetched(5, 6, 0, false, Record{0, 7}, Record{1, 8})}},
		{"against real time", Illegal, Illegal, []Op{appended(1, 2, 1, 7), appended(3, 4, 0, 8)}},
		{"at once", Legal, Legal, []Op{appended(1, 4, 1, 7), appended(2, 3, 0, 8)}},
		{"a gap is free", Legal, Legal, []Op{appended(1, 2, 0, 7), appended(3, 4, 5, 8)}},
		{"the same offset", Illegal, Illegal, []Op{appended(1, 4, 0, 7), appended(2, 3, 0, 8)}},
		{"a stale end", Illegal, Illegal, []Op{appended(1, 2, 0, 7), ended(3, 4, 0)}},
		{"an end beyond the records", Legal, Legal, []Op{appended(1, 2, 0, 7), ended(3, 4, 5)}},
		{"an end that goes back", Illegal, Illegal, []Op{ended(1, 2, 5), ended(3, 4, 4)}},
		{"another value", Illegal, Legal, []Op{appended(1, 2, 0, 7), fetched(3, 4, 0, false, Record{0, 9})}},
		{"a skipped record", Illegal, Legal, []Op{appended(1, 2, 0, 7), appended(3, 4, 1, 8), fetched(5, 6, 0, false, Record{1, 8})}},
		{"a stale fetch", Illegal, Illegal, []Op{appended(1, 2, 0, 7), fetched(3, 4, 0, false)}},
		{"a limited fetch says nothing of the end", Legal, Legal, []Op{appended(1, 2, 0, 7), appended(3, 4, 1, 8), fetched(5, 6, 0, true, Record{0, 7})}},
		{"below what was asked for", Illegal, Legal, []Op{appended(1, 2, 0, 7), fetched(3, 4, 1, false, Record{0, 7})}},
		{"unknown and unseen", Legal, Legal, []Op{appended(1, Unknown, Unknown, 7), appended(2, 3, 0, 8), ended(4, 5, 1)}},
		{"unknown and seen", Legal, Legal, []Op{appended(1, Unknown, Unknown, 7), fetched(2, 3, 0, false), fetched(4, 5, 0, false, Record{0, 7})}},
		{"seen before it was sent", Illegal, Legal, []Op{fetched(1, 2, 0, false, Record{0, 7}), appended(3, Unknown, Unknown, 7)}},
	} {
		if got := Check(x.ops, 0); got != x.want {
			t.Errorf("%s: %s, want %s", x.name, got, x.want)
		}
		if got := CheckEnds(x.ops, 0); x.name != "seen before it was sent" && got != x.ends {
			t.Errorf("%s: %s of the ends, want %s", x.name, got, x.ends)
		}
	}
}

func TestBudget(t *testing.T) {
	var ops []Op
	for i := range int64(12) {
		ops = append(ops, appended(i, 100+i, Unknown, i))
	}
	// All of them are seen, in an order that no step is told beforehand, and
	// then an end is claimed that cannot be.
	var rs []Record
	for i := range int64(12) {
		rs = append(rs, Record{i, i})
	}
	ops = append(ops, fetched(200, 201, 0, false, rs...), ended(202, 203, 3))
	if got := Check(ops, 5); got != GaveUp {
		t.Errorf("with 5 steps: %s", got)
	}
	if got := Check(ops, 0); got != Illegal {
		t.Errorf("without a bound: %s", got)
	}
}
