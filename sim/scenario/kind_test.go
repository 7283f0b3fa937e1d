package scenario

import (
	"fmt"
	"testing"
)

// What only a log can be asked for is refused of any other kind, where it stands in the
// file or, if the kind is set for one run, before the run.
func TestOnlyALogHasPositions(t *testing.T) {
	const file = "kind: %s\ntopics:\n  orders: {partitions: 1, replication: 1}\nproducers:\n  shop: {topic: orders, rate_per_second: 10}\nreaders:\n  audit:\n    topics: [orders]\n    %s\n"
	for field, value := range map[string]string{"from": "1s", "replay": "1s", "pause": "{from: 1s, for: 1s}"} {
		for _, kind := range []string{KindQueue, KindPubSub} {
			_, err := Parse("f.yaml", fmt.Appendf(nil, file, kind, field+": "+value))
			want := fmt.Sprintf("f.yaml:9: reader audit: %s: only a log has positions to read from, and this is a %s", field, kind)
			if err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
			s, err := Parse("f.yaml", fmt.Appendf(nil, file, KindLog, field+": "+value))
			if err != nil {
				t.Fatal(err)
			}
			_, err = Check(Case{Spec: s, Edits: []Edit{{EditKind, kind}}})
			if want := fmt.Sprintf("f: reader audit: %s: only a log has positions to read from, and this is a %s", field, kind); err == nil || err.Error() != want {
				t.Errorf("%v, want %s", err, want)
			}
		}
	}
}
