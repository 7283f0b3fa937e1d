package group

import (
	"strings"
	"testing"

	"brokersim/faults/failpoint"

	"github.com/cockroachdb/datadriven"
)

// Each planted bug bites: the same commands come to another end with it.
func TestPlantedBugs(t *testing.T) {
	join2 := `config delay=0s
join c1
join c1
advance 0s
sync c1 assign=c1:all
`
	for _, row := range []struct {
		bug    failpoint.Site
		play   string
		honest string // of the last line
		bitten string
	}{
		{failpoint.G01ZombieCommit, join2 + "commit c1 gen=0 a-0=5", "ILLEGAL_GENERATION", "OffsetCommit a-0\n"},
		{failpoint.G06ExpireLive, strings.ReplaceAll(join2, "join c1", "join c1 session=30m") + "commit c1 a-0=5\nbeat c1 200h\nfetch a-0", "a-0=5", "a-0=-1"},
		{failpoint.G08DeadMember, join2 + "advance 60s\nlist", "Empty", "Stable"},
		{failpoint.G09NoInstanceFence, `config delay=0s
join c1 instance=i
advance 0s
sync c1 instance=i assign=c1:all
join c1 as=none instance=i
heartbeat c1#1 instance=i`, "FENCED_INSTANCE_ID", "c1#1: Heartbeat (at once)"},
		{failpoint.G12IgnoreTombstone, "commit - a-0=5\ndelete-groups g\nfailover\nfetch a-0", "a-0=-1", "a-0=5"},
		{failpoint.G16NoBarrier, join2 + "join c2\njoin c2\nheartbeat c1", "REBALANCE_IN_PROGRESS", "UNKNOWN_MEMBER_ID"},
		{failpoint.G08DeadMember, "cjoin c1 topics=a\nadvance 60s\nlist", "Empty", "Stable"},
		{failpoint.G01ZombieCommit, "cjoin c1 topics=a\ncommit c1 gen=0 a-0=5", "STALE_MEMBER_EPOCH", "OffsetCommit a-0\n"},
		{failpoint.G12IgnoreTombstone, "cjoin c1 topics=a\ncleave c1\nfailover\nlist", "Empty", "Assigning"},
		{failpoint.G03ForgetRevocation, "cjoin c1 topics=a\ncjoin c2 topics=a\ncbeat c1\ncbeat c2", "epoch=2\n", "epoch=2 [a-2 a-3]"},
		{failpoint.G11SkipFollowUp, "cjoin c1 topics=a\ncjoin c2 topics=a\ncbeat c1 owned=a-0,a-1\ncbeat c2", "epoch=2 [a-2 a-3]", "epoch=2\n"},
		{failpoint.G13StrictEpoch, "cjoin c1 topics=a\ncjoin c2 topics=a\ncbeat c1 owned=a-0,a-1\ncommit c1 gen=1 a-0=5", "OffsetCommit a-0\n", "STALE_MEMBER_EPOCH"},
		{failpoint.T16IgnorePending, "txncommit - pid=7 a-0=5\nfetch stable=yes a-0", "UNSTABLE_OFFSET_COMMIT", "a-0=-1\n"},
	} {
		last := func(bugs *failpoint.Set) string {
			s := newStory(t, bugs)
			s.d = &datadriven.TestData{}
			for line := range strings.SplitSeq(row.play, "\n") {
				s.lines.Reset()
				s.play(line)
			}
			_, answer, _ := strings.Cut(s.lines.String(), "\n")
			return answer
		}
		bugs := failpoint.New(1, 1)
		if err := bugs.Arm(row.bug, failpoint.Always, "return(true)"); err != nil {
			t.Fatal(err)
		}
		if got := last(nil); !strings.Contains(got, row.honest) || strings.Contains(got, row.bitten) {
			t.Errorf("%v off: %q, want %q", row.bug, got, row.honest)
		}
		if got := last(bugs); !strings.Contains(got, row.bitten) || strings.Contains(got, row.honest) {
			t.Errorf("%v on: %q, want %q", row.bug, got, row.bitten)
		}
	}
}
