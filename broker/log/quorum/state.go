package quorum

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"strings"

	"brokersim/broker/machine"
	"brokersim/faults/failpoint"
)

// electionState is what a voter must not forget: in which epoch it is, and whom
// it voted for. The fields have KRaft's names.
type electionState struct {
	LeaderID    int32 `json:"leaderId"`    // -1: not known
	LeaderEpoch int32 `json:"leaderEpoch"` // 0: before the first election
	VotedID     int32 `json:"votedId"`     // -1: for nobody
	DataVersion int16 `json:"data_version"`
}

// stateFile holds an electionState a line, the last one being true. Appending,
// instead of replacing the file as Kafka does, takes one sync and leaves the last
// state whole whatever a crash does to the next.
const stateFile = Dir + "/quorum-state"

// state is the file as it is, as far as is known.
type state struct {
	last, durable    electionState // written, and synced
	written, syncing int64         // how many were written, and are covered by the sync under way
	synced           int64
}

func (s *state) isDurable() bool { return s.synced == s.written }

// remember writes down what must not be forgotten, if it has changed, and asks for it to
// be made durable. Nothing that this voter says rests on it before it is: see Spoken.
func (q *Quorum) remember(out *machine.Effects) {
	next := electionState{LeaderID: q.leader, LeaderEpoch: q.epoch, VotedID: q.voted}
	if next == q.state.last || q.role == failed {
		return
	}
	if err := q.files.Append(stateFile, machine.Literal(next.line())); err != nil {
		q.fail(fmt.Errorf("write %s: %w", stateFile, err))
		return
	}
	q.cfg.Failpoints.Hit(failpoint.StepVote)
	q.state.last = next
	q.state.written++
	q.syncState(out)
}

// suspect has what was read at the start be made durable before it is spoken of: the
// process before may have died between writing and syncing it.
func (q *Quorum) suspect(out *machine.Effects) {
	if _, ok := q.files.Size(stateFile); ok {
		q.state.durable = electionState{LeaderID: nobody, VotedID: nobody}
		q.state.written++
		q.syncState(out)
	}
}

func (q *Quorum) syncState(out *machine.Effects) {
	if s := &q.state; s.syncing == 0 && !s.isDurable() {
		s.syncing = s.written
		out.Sync(stateFile, TagState)
	}
}

// stateSynced takes the answer to a sync of the file.
func (q *Quorum) stateSynced(out *machine.Effects) {
	s := &q.state
	s.synced, s.syncing = s.syncing, 0
	if s.isDurable() {
		s.durable = s.last
	}
	q.syncState(out)
}

// Version counts what was written of votes and epochs. An answer that was made at a
// version may leave when that is Spoken.
func (q *Quorum) Version() int64 { return q.state.written }

// Spoken reports whether a version is durable, so that it may be spoken of.
func (q *Quorum) Spoken(version int64) bool {
	return q.state.synced >= version || q.cfg.Failpoints.On(failpoint.C01VoteBeforeDurable, uint64(q.epoch))
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// line is the state as it stands in the file: JSON, its CRC-32C, a newline.
func (s electionState) line() []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(fmt.Sprintf("quorum: state %+v: %v", s, err))
	}
	return fmt.Appendf(b, " %08x\n", crc32.Checksum(b, castagnoli))
}

func parseState(line []byte) (s electionState, err error) {
	text, sum, ok := bytes.Cut(line, []byte(" "))
	if !ok || string(sum) != fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) {
		return s, fmt.Errorf("wrong checksum")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return s, err
	}
	if s.LeaderEpoch < 0 || s.LeaderEpoch == math.MaxInt32 || s.DataVersion != 0 {
		return s, fmt.Errorf("leader epoch %d of data version %d", s.LeaderEpoch, s.DataVersion)
	}
	return s, nil
}

// readState returns the last state that was written whole, and cuts what a crash
// has left behind it: so many bytes. Without one it is that before the first election.
func readState(files machine.Files) (state electionState, cut int64, err error) {
	state = electionState{LeaderID: -1, VotedID: -1}
	size, ok := files.Size(stateFile)
	if !ok {
		return state, 0, nil
	}
	b, err := files.ReadAt(stateFile, 0, size)
	if err != nil {
		return state, 0, fmt.Errorf("read %s: %w", stateFile, err)
	}
	rest, whole := string(b.Contiguous()), int64(0)
	for rest != "" {
		line, after, ended := strings.Cut(rest, "\n")
		next, err := parseState([]byte(line))
		if !ended || err != nil {
			// Only the last write can be torn: every other was synced before the
			// next.
			if laterState(after) {
				return state, 0, fmt.Errorf("%s at byte %d: %w", stateFile, whole, err)
			}
			break
		}
		if next.LeaderEpoch < state.LeaderEpoch {
			return state, 0, fmt.Errorf("%s at byte %d: leader epoch %d after %d", stateFile, whole, next.LeaderEpoch, state.LeaderEpoch)
		}
		state, rest = next, after
		whole += int64(len(line)) + 1
	}
	if whole < size {
		if err := files.Truncate(stateFile, whole); err != nil {
			return state, 0, fmt.Errorf("cut the torn end of %s: %w", stateFile, err)
		}
	}
	return state, size - whole, nil
}

// laterState reports whether any line of text is a whole state.
func laterState(text string) bool {
	for line := range strings.Lines(text) {
		if _, err := parseState([]byte(strings.TrimSuffix(line, "\n"))); err == nil {
			return true
		}
	}
	return false
}
