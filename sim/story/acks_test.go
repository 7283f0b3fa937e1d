package story

import (
	"testing"

	"brokersim/checker/history"
)

// Who asks for no answer has nothing acknowledged, and the story says so.
func TestNothingIsAcknowledgedWithoutAcks(t *testing.T) {
	e := history.Event{E: history.OK, F: history.Send, Sends: []history.Sent{{Value: 7, Key: history.None, Offset: history.None}}}
	for acks, want := range map[string]string{"0": "has sent record 7, and waits for no answer", "1": "has record 7 acknowledged", "all": "has record 7 acknowledged"} {
		rec := newRecorder()
		rec.header = &history.Header{Set: history.Settings{Acks: acks}, TPs: []string{"orders-0"}}
		x := &telling{recorder: rec, subject: &subject{records: []int64{7}}}
		if got := x.sayEvent(&e); got != want {
			t.Errorf("acks=%s: %q, want %q", acks, got, want)
		}
		if got := x.acknowledges(&e, 7); got != (acks != "0") {
			t.Errorf("acks=%s: acknowledged: %v", acks, got)
		}
	}
}
