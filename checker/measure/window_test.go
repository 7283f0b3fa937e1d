package measure

import (
	"bytes"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// TestAWindow counts what lies in it, merges histograms, and keeps none.
func TestAWindow(t *testing.T) {
	var seen []int64
	var text bytes.Buffer
	log := NewLog(&text)
	w := NewWindow(1000*ms, 3000*ms, Limits{Ack: 10 * ms}, func(i *Interval) {
		seen = append(seen, i.Ack.TotalCount())
		log.Add(i)
	})
	for second := range int64(4) {
		for k := range second + 1 {
			at := second*1000*ms + k*ms
			w.Due(1)
			w.Acked(at+20*ms, at, at+15*ms)
			w.Acked(at+10*ms, at, at+10*ms)
			w.Read(at+30*ms, at)
		}
		w.Close((second+1)*1000*ms, second, 0, 0)
	}
	s := w.Sums()
	if s.Acked != 10 || s.Read != 5 || s.Due != 5 || s.AckOver != 5 || s.Ack.TotalCount() != 10 || s.From != 1000*ms || s.Until != 3000*ms {
		t.Errorf("%+v", s)
	}
	if p := TailOf(s.Ack); p.P50/100 != 100 || p.P99/100 != 200 || p.P999 != 0 || p.N != 10 {
		t.Errorf("%+v", p)
	}
	if len(seen) != 4 || seen[0] != 2 || seen[3] != 8 {
		t.Errorf("intervals of %v acknowledgements", seen)
	}
	if log.Err() != nil {
		t.Fatal(log.Err())
	}
	reader, intervals := hdrhistogram.NewHistogramLogReader(strings.NewReader(text.String())), int64(0)
	for h, err := reader.NextIntervalHistogram(); h != nil; h, err = reader.NextIntervalHistogram() {
		if err != nil {
			t.Fatal(err)
		}
		if h.Tag() == "ack" {
			intervals += h.TotalCount()
		}
	}
	if intervals != 20 {
		t.Errorf("the log has %d acknowledgements: want 20\n%s", intervals, text.String())
	}
}
