package wire

import (
	"bytes"
	"reflect"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/machine"
)

// plainly makes most messages plain: it takes away what is not.
func plainly(t *rapid.T, what string, clear func()) {
	if rapid.IntRange(0, 9).Draw(t, what) > 0 {
		clear()
	}
}

// A Fetch request is what kmsg reads, whatever was in the memory before, and most are
// plain.
func TestPlainFetch(t *testing.T) {
	wasPlain, was := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		reused := kmsg.NewPtrFetchRequest()
		for range 3 {
			version := rapid.Int16Range(4, 15).Draw(t, "version")
			whole := kmsg.NewPtrFetchRequest()
			fill(t, whole)
			plainly(t, "plain", func() {
				whole.UnknownTags, whole.ClusterID, whole.ForgottenTopics = kmsg.Tags{}, nil, []kmsg.FetchRequestForgottenTopic{}
				for i := range whole.Topics {
					whole.Topics[i].UnknownTags = kmsg.Tags{}
					for j := range whole.Topics[i].Partitions {
						p := &whole.Topics[i].Partitions[j]
						p.UnknownTags, p.ReplicaDirectoryID, p.HighWatermark = kmsg.Tags{}, [16]byte{}, 1<<63-1
					}
				}
				if rapid.Bool().Draw(t, "a consumer") {
					whole.ReplicaState = kmsg.NewFetchRequestReplicaState()
				} else {
					whole.ReplicaState.UnknownTags = kmsg.Tags{}
				}
				oddFetch(t, whole)
			})
			whole.SetVersion(version)
			raw := whole.AppendTo(nil)
			want := kmsg.NewPtrFetchRequest()
			want.SetVersion(version)
			if err := want.ReadFrom(raw); err != nil {
				t.Fatal(err)
			}
			reused.SetVersion(version)
			w := walker{in: repiece(t, raw).Cursor(), flexible: want.IsFlexible()}
			was++
			if w.plainFetch(reused) {
				wasPlain++
				sameMessage(t, reused, want)
			} else if w.in.Left() != int64(len(raw)) {
				t.Fatal("what is not plain was read half")
			}
		}
	})
	if wasPlain < was/2 {
		t.Errorf("%d of %d were plain", wasPlain, was)
	}
}

// So is an answer, with its records beside it.
func TestPlainAnswer(t *testing.T) {
	wasPlain, was := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		reused := kmsg.NewPtrFetchResponse()
		var taken []Records
		for range 3 {
			version := rapid.Int16Range(4, 15).Draw(t, "version")
			whole := kmsg.NewPtrFetchResponse()
			fill(t, whole)
			var records []Records
			for i := range whole.Topics {
				for range whole.Topics[i].Partitions {
					records = append(records, machine.Literal(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "records")))
				}
			}
			plainly(t, "plain", func() {
				plainAnswer(whole)
				if len(whole.Topics) > 0 && len(whole.Topics[0].Partitions) > 0 {
					oddAnswer(t, &whole.Topics[0].Partitions[0])
				}
			})
			whole.SetVersion(version)
			flexible := whole.IsFlexible()
			raw := carriesFetch(whole).splice(&scratch{}, whole.AppendTo(make([]byte, 4)), 4, records)
			frame, written := (&scratch{}).plainFrame(make([]byte, 4), whole, records)
			if written && !bytes.Equal(frame.Contiguous(), raw.Contiguous()) {
				t.Fatalf("written\n%x, want\n%x", frame.Contiguous(), raw.Contiguous())
			}
			want := kmsg.NewPtrFetchResponse()
			want.SetVersion(version)
			slow := over(raw.Slice(4, raw.Len()), nil)
			slow.flexible = flexible
			flat, wantRecords, err := carriesFetch(want).cut(&slow)
			if err != nil || want.ReadFrom(flat) != nil {
				t.Fatalf("kmsg does not read what it has written: %v", err)
			}
			reused.SetVersion(version)
			in := repiece(t, raw.Slice(4, raw.Len()).Contiguous())
			w := walker{in: in.Cursor(), flexible: flexible, taken: taken[:0]}
			was++
			if w.plainAnswer(reused) {
				wasPlain++
				taken = w.taken
				again, ok := (&scratch{}).plainFrame(make([]byte, 4), reused, taken)
				if !ok || !bytes.Equal(again.Contiguous(), raw.Contiguous()) {
					t.Fatalf("what is plain was not written so (%t):\n%x, want\n%x", ok, again.Contiguous(), raw.Contiguous())
				}
				sameMessage(t, reused, want)
				if !sameRecords(taken, wantRecords) {
					t.Fatalf("other records")
				}
			} else if w.in.Left() != in.Len() {
				t.Fatal("what is not plain was read half")
			}
		}
	})
	if wasPlain < was/2 {
		t.Errorf("%d of %d were plain", wasPlain, was)
	}
}

// oddFetch may put one thing into a plain request that is not plain.
func oddFetch(t *rapid.T, r *kmsg.FetchRequest) {
	switch rapid.SampledFrom([]string{"", "", "", "", "forgotten", "null", "cluster", "tag"}).Draw(t, "odd") {
	case "forgotten":
		r.ForgottenTopics = append(r.ForgottenTopics, kmsg.NewFetchRequestForgottenTopic())
	case "null":
		r.ForgottenTopics = nil
	case "cluster":
		r.ClusterID = kmsg.StringPtr("twelve bytes") // as long as a replica state
	case "tag":
		r.ReplicaState.UnknownTags.Set(7, []byte{1})
	}
}

// oddAnswer may do so in an answer.
func oddAnswer(t *rapid.T, x *kmsg.FetchResponseTopicPartition) {
	switch rapid.SampledFrom([]string{"", "", "", "", "aborted", "null", "diverging", "tag"}).Draw(t, "odd") {
	case "aborted":
		x.AbortedTransactions = append(x.AbortedTransactions, kmsg.NewFetchResponseTopicPartitionAbortedTransaction())
	case "null":
		x.AbortedTransactions = nil
	case "diverging":
		x.DivergingEpoch.Epoch, x.DivergingEpoch.EndOffset = 3, 4
	case "tag":
		x.UnknownTags.Set(7, []byte{1})
	}
}

func carriesFetch(r *kmsg.FetchResponse) layout {
	l, _ := carries(Fetch, r.Version, true, r.IsFlexible())
	return l
}

func plainAnswer(r *kmsg.FetchResponse) {
	r.UnknownTags, r.Brokers = kmsg.Tags{}, nil
	for i := range r.Topics {
		r.Topics[i].UnknownTags = kmsg.Tags{}
		for j := range r.Topics[i].Partitions {
			x := &r.Topics[i].Partitions[j]
			y := kmsg.NewFetchResponseTopicPartition()
			y.Partition, y.ErrorCode, y.HighWatermark, y.LastStableOffset, y.LogStartOffset = x.Partition, x.ErrorCode, x.HighWatermark, x.LastStableOffset, x.LogStartOffset
			y.PreferredReadReplica, y.AbortedTransactions, y.RecordBatches = x.PreferredReadReplica, []kmsg.FetchResponseTopicPartitionAbortedTransaction{}, []byte{}
			*x = y
		}
	}
}

// sameMessage compares messages by what they hold: a list that is empty is empty.
func sameMessage(t *rapid.T, got, want interface{ AppendTo([]byte) []byte }) {
	a, b := got.AppendTo(nil), want.AppendTo(nil)
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("read\n%x, want\n%x", a, b)
	}
	if reflect.TypeOf(got) != reflect.TypeOf(want) {
		t.Fatalf("read a %T, want a %T", got, want)
	}
}

func sameRecords(a, b []Records) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].Len() != b[i].Len() || a[i].Digest() != b[i].Digest() {
			return false
		}
	}
	return true
}
