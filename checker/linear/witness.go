package linear

import (
	"encoding/json"
	"maps"
	"slices"
)

// witness is what the lines of a violation's witness name.
type witness struct {
	window
	partition string
	events    []int64
	offsets   []int64
}

// witnessLine is a line of a history as far as a witness needs it.
type witnessLine struct {
	I  int64
	M  [][]json.RawMessage
	At map[string]json.RawMessage
}

// parseWitness reads what it understands: a line that it does not is passed over.
func parseWitness(lines []string) *witness {
	w := &witness{}
	for _, line := range lines {
		var x witnessLine
		if json.Unmarshal([]byte(line), &x) != nil {
			continue
		}
		w.events = append(w.events, x.I)
		for _, m := range x.M {
			w.operation(m)
		}
		for _, tp := range slices.Sorted(maps.Keys(x.At)) {
			w.name(tp)
		}
	}
	slices.Sort(w.offsets)
	return w
}

func (w *witness) name(tp string) {
	if w.partition == "" {
		w.partition = tp
	}
}

// operation reads ["s", partition, value, offset] or ["p", {partition: [offset, values]}].
func (w *witness) operation(m []json.RawMessage) {
	var tp string
	var offset int64
	var runs map[string][]json.RawMessage
	switch {
	case len(m) >= 3 && json.Unmarshal(m[1], &tp) == nil:
		w.name(tp)
		if len(m) > 3 && json.Unmarshal(m[3], &offset) == nil && tp == w.partition {
			w.offsets = append(w.offsets, offset)
		}
	case len(m) == 2 && json.Unmarshal(m[1], &runs) == nil:
		for _, tp := range slices.Sorted(maps.Keys(runs)) {
			run := runs[tp]
			if w.name(tp); tp == w.partition && len(run) > 0 && json.Unmarshal(run[0], &offset) == nil {
				w.offsets = append(w.offsets, offset)
			}
		}
	}
}

// near reports whether an offset is near one of the witness.
func (w *witness) near(offset int64) bool {
	at, _ := slices.BinarySearch(w.offsets, offset-w.margin)
	return at < len(w.offsets) && w.offsets[at] <= offset+w.margin
}
