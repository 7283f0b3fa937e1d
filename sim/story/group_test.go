package story

import (
	"testing"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/result"
)

func TestGroupOfASentence(t *testing.T) {
	for sentence, want := range map[string]string{
		"nobody of group fraud has orders-0; nobody of group fraud has orders-4.":             "fraud",
		"k1004 (billing-1) of group billing is in the middle of something.":                   "billing",
		"group shipping has processed orders-1 up to offset 3 of 9.":                          "shipping",
		"the run had not come to rest: k1002 (ledger) has processed orders-0 up to offset 1.": "",
		"of group stock.": "stock",
		"of group ":       "",
	} {
		if got := newSubject(checker.Liveness, &result.Violation{What: "40s after: " + sentence}, &history.Header{}).group; got != want {
			t.Errorf("%q: %q, want %q", sentence, got, want)
		}
		if got := newSubject(Audit, &result.Violation{What: "40s after: " + sentence}, &history.Header{}).group; got != "" {
			t.Errorf("%q, as an audit: %q", sentence, got)
		}
	}
}

// What a group goes through is told, and heartbeats that are answered are not.
func TestWhatIsOfAGroup(t *testing.T) {
	x := &telling{subject: &subject{group: "g"}, recorder: &recorder{header: &history.Header{TPs: []string{"orders-0", "orders-1"}}}}
	for _, c := range []struct {
		e    history.Event
		want string
	}{
		{history.Event{E: history.Note, F: history.Assigned, Group: "g", Gen: 3, TPs: []history.TP{0, 1}}, "is assigned orders-0, orders-1 in generation 3"},
		{history.Event{E: history.Note, F: history.Revoked, Group: "g", Gen: history.None}, "gives back nothing"},
		{history.Event{E: history.Note, F: history.Coordinator, Group: "g", Broker: "b2", Epoch: 4, Gen: history.None}, "b2 coordinates group g from epoch 4 on"},
		{history.Event{E: history.OK, F: history.Join, Group: "g", Gen: 2, Leads: true}, "has joined in generation 2, and leads it"},
		{history.Event{E: history.OK, F: history.Sync, Group: "g", Gen: 2}, "is told its share in generation 2"},
		{history.Event{E: history.Fail, F: history.Heartbeat, Group: "g", Gen: 2, Why: "UNKNOWN_MEMBER_ID"}, "is refused a heartbeat: UNKNOWN_MEMBER_ID"},
		{history.Event{E: history.Fail, F: history.Join, Group: "g", Why: "MEMBER_ID_REQUIRED"}, ""},
		{history.Event{E: history.OK, F: history.Heartbeat, Group: "g"}, ""},
		{history.Event{E: history.OK, F: history.OffsetCommit, Group: "g"}, ""},
		{history.Event{E: history.OK, F: history.Join, Group: "other"}, ""},
	} {
		if got := x.sayEvent(&c.e); got != c.want {
			t.Errorf("%v: %q, want %q", c.e.F, got, c.want)
		}
	}
}
