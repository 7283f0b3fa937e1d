package log

import (
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestShareSessionForgets(t *testing.T) {
	a, b := [16]byte{1}, [16]byte{2}
	x := &shareSession{told: make(map[sharedTP]bool)}
	for _, tp := range []sharedTP{{a, 0}, {a, 1}, {b, 0}, {a, 0}, {b, 1}} {
		x.add(tp)
	}
	x.forget([]kmsg.ShareFetchRequestForgottenTopicsData{{TopicID: a, Partitions: []int32{0, 7, 0}}, {TopicID: b, Partitions: []int32{1}}})
	if want := []sharedTP{{a, 1}, {b, 0}}; !slices.Equal(x.parts, want) || len(x.told) != len(want) {
		t.Errorf("left are %v and %v, not %v", x.parts, x.told, want)
	}
}

// A session of any number of partitions costs each of them the same.
func BenchmarkShareSession(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		b.Run(map[int]string{1_000: "1k", 100_000: "100k"}[n], func(b *testing.B) {
			for b.Loop() {
				x := &shareSession{told: make(map[sharedTP]bool)}
				for i := range n {
					x.add(sharedTP{[16]byte{byte(i)}, int32(i)})
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/partition")
		})
	}
}
