package storage

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"

	"brokersim/broker/machine"
	"brokersim/broker/storage/storagetest"
)

func TestParseOffsets(t *testing.T) {
	for text, want := range map[string]string{ // unordered: independent rows; "" is no error
		"0\n0\n":                            "",
		"0\n2\norders 0 5\norders-1 10 0\n": "",
		"":                                  "line 1: there is no more",
		"0\n":                               "line 2: there is no more",
		"1\n0\n":                            `line 1: version "1", not 0`,
		"0\n1\n":                            `line 2: "1" entries, and there are 0`,
		"0\n0\norders 0 5\n":                `line 2: "0" entries, and there are 1`,
		"0\n1\norders 0 5":                  "line 3 has no end",
		"0\n1\norders 0\n":                  "line 3: 2 fields, not 3",
		"0\n1\norders 0 5 6\n":              "line 3: 4 fields, not 3",
		"0\n1\norders -1 5\n":               `line 3: partition "-1"`,
		"0\n2\norders 1 5\norders 1 -5\n":   `line 4: offset "-5"`,
		"0\n1\norders x 5\n":                `line 3: partition "x"`,
		"0\n1\norders 4294967296 5\n":       `line 3: partition "4294967296"`,
		"garbage":                           "line 1 has no end",
	} {
		list, err := ParseOffsets([]byte(text))
		if got := reason(err); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if err == nil && string(FormatOffsets(list)) != text {
			t.Errorf("%q is written again as %q", text, FormatOffsets(list))
		}
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestParseEpochs(t *testing.T) {
	for text, want := range map[string]string{ // unordered: independent rows
		"0\n0\n":               "",
		"0\n2\n0 0\n7 12\n":    "",
		"0\n1\n-1 0\n":         `line 3: leader epoch "-1"`,
		"0\n1\n1 x\n":          `line 3: offset "x"`,
		"0\n2\n3 0\n3 5\n":     "line 4: epoch 3 at 5 after epoch 3 at 0",
		"0\n2\n3 5\n4 5\n":     "line 4: epoch 4 at 5 after epoch 3 at 5",
		"0\n1\n2147483648 0\n": `line 3: leader epoch "2147483648"`,
	} {
		list, err := parseEpochs([]byte(text))
		if got := reason(err); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
		if err == nil && string(formatEpochs(list)) != text {
			t.Errorf("%q is written again as %q", text, formatEpochs(list))
		}
	}
}

func TestParseSnapshot(t *testing.T) {
	list := []ProducerEntry{
		{ProducerID: 1, Epoch: 2, LastSequence: 3, LastOffset: 4, OffsetDelta: 5, Timestamp: 6, CoordinatorEpoch: -1, TxnFirstOffset: -1},
		{ProducerID: 1 << 40, Epoch: -1, LastSequence: -1, LastOffset: 1 << 50, OffsetDelta: 0, Timestamp: -1, CoordinatorEpoch: 9, TxnFirstOffset: 7},
	}
	whole := formatSnapshot(list)
	if got, err := parseSnapshot(whole); err != nil || !slices.Equal(got, list) {
		t.Errorf("%+v, %v", got, err)
	}
	// As Kafka 3.9.1 writes one entry: its schema and no more.
	if one := formatSnapshot(list[:1]); len(one) != 2+4+4+46 || !bytes.Equal(one[6:10], []byte{0, 0, 0, 1}) {
		t.Errorf("%x", one)
	}
	for n := range whole {
		if _, err := parseSnapshot(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes are a snapshot", n, len(whole))
		}
		garbled := slices.Clone(whole)
		garbled[n] ^= 4
		if _, err := parseSnapshot(garbled); err == nil {
			t.Errorf("byte %d is garbled, and nobody sees it", n)
		}
	}
}

func TestMarkers(t *testing.T) {
	if got := string(FormatCleanShutdown(7)); got != `{"version":0,"brokerEpoch":7}` {
		t.Errorf("%s", got)
	}
	for text, want := range map[string]int64{ // unordered: independent rows; -2 is an error
		`{"version":0,"brokerEpoch":7}`: 7, `{"version":0}`: -1, `{"version":1,"brokerEpoch":7}`: -2, `{}`: -2, ``: -2, `{"version":0,"brokerEpoch":"x"}`: -2,
	} {
		if got, err := ParseCleanShutdown([]byte(text)); want == -2 && err == nil || want > -2 && (err != nil || got != want) {
			t.Errorf("%s: %d, %v", text, got, err)
		}
	}
	id := [16]byte{1, 2, 0xff, 15: 0xfe}
	text := FormatPartitionMetadata(id)
	if string(text) != "version: 0\ntopic_id: AQL_AAAAAAAAAAAAAAAA_g\n" {
		t.Errorf("%s", text)
	}
	if got, err := ParsePartitionMetadata(text); err != nil || got != id {
		t.Errorf("%x, %v", got, err)
	}
	for text, want := range map[string]string{ // unordered: independent rows
		"": "line 1: no colon", "version: 1\n": `line 1: version "1", not 0`, "version: 0\n": `no topic_id in "version: 0"`,
		"version: 0\ntopic_id: x\n": `line 2: topic id "x"`, "version: 0\nAQL\n": "line 2: no colon",
	} {
		if _, err := ParsePartitionMetadata([]byte(text)); reason(err) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestParseIndexes(t *testing.T) {
	for text, want := range map[string]string{ // unordered: independent rows
		"":                                    "",
		"\x00\x00\x00\x01\x00\x00\x00\x00":    "",
		"\x00\x00\x00":                        "3 bytes are no whole entries of 8",
		"\x00\x00\x00\x01\x00\x00\x00\x64":    "entry 0: offset 1 at 100 after offset -1 at -1, in 100 bytes",
		"\xff\x00\x00\x01\x00\x00\x00\x00":    "entry 0: offset -16777215 at 0 after offset -1 at -1, in 100 bytes",
		strings.Repeat("\x00\x00\x00\x01", 4): "entry 1: offset 1 at 1 after offset 1 at 1, in 100 bytes",
		strings.Repeat("\x00", 16):            "entry 1: offset 0 at 0 after offset 0 at 0, in 100 bytes",
	} {
		if _, err := parseOffsetIndex([]byte(text), 100); reason(err) != want {
			t.Errorf("%x: %v", text, err)
		}
	}
	for text, want := range map[string]string{ // unordered: independent rows
		"":                         "",
		strings.Repeat("\x00", 12): "",
		strings.Repeat("\x00", 13): "13 bytes are no whole entries of 12",
		strings.Repeat("\x00", 24): "entry 1: timestamp 0 of offset 0 after timestamp 0 of offset 0",
		strings.Repeat("\xff", 12): "entry 0: timestamp -1 of offset -1 after timestamp -1 of offset -1",
	} {
		if _, err := parseTimeIndex([]byte(text)); reason(err) != want {
			t.Errorf("%x: %v", text, err)
		}
	}
}

// What is read is what would be written, whatever the file.
func FuzzBeside(f *testing.F) {
	f.Add([]byte("0\n1\norders 0 5\n"))
	f.Add([]byte("0\n2\n0 0\n7 12\n"))
	f.Add(formatSnapshot([]ProducerEntry{{ProducerID: 1, LastSequence: 3}}))
	f.Add(FormatCleanShutdown(7))
	f.Add(FormatMetaProperties(MetaProperties{ClusterID: "c", NodeID: 3}))
	f.Add([]byte("#\nversion=1\nnode.id = 2\ncluster.id=x\ndirectory.id=AAAAAAAAAAAAAAAAAAAAAA\nmore=1"))
	f.Add(FormatPartitionMetadata([16]byte{1}))
	f.Add([]byte("\x00\x00\x00\x01\x00\x00\x00\x07\x00\x00\x00\x02\x00\x00\x00\x17"))
	f.Fuzz(func(t *testing.T, b []byte) {
		again(t, b, ParseOffsets, FormatOffsets)
		again(t, b, parseEpochs, formatEpochs)
		again(t, b, ParseMetaProperties, FormatMetaProperties)
		again(t, b, parseSnapshot, formatSnapshot)
		again(t, b, ParseCleanShutdown, FormatCleanShutdown)
		again(t, b, ParsePartitionMetadata, FormatPartitionMetadata)
		again(t, b, func(b []byte) ([]offsetEntry, error) { return parseOffsetIndex(b, 1<<31) }, func(list []offsetEntry) (out []byte) {
			for _, e := range list {
				out = e.appendTo(out)
			}
			return out
		})
		again(t, b, parseTimeIndex, func(list []timeEntry) (out []byte) {
			for _, e := range list {
				out = e.appendTo(out)
			}
			return out
		})
	})
}

func again[T any](t *testing.T, b []byte, parse func([]byte) (T, error), format func(T) []byte) {
	v, err := parse(b)
	if err != nil {
		return
	}
	if w, err := parse(format(v)); err != nil || !reflect.DeepEqual(v, w) {
		t.Errorf("%q: %+v, then %+v, %v", b, v, w, err)
	}
}

// The last snapshot that goes with the log is the one that is believed.
func TestSnapshots(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	for at := range int64(6) {
		if err := l.Append(producer(at, 7, int32(at))); err != nil {
			t.Fatal(err)
		}
	}
	put := func(offset, last int64) {
		t.Helper()
		if err := l.PutSnapshot(offset, []ProducerEntry{{ProducerID: 7, LastSequence: int32(last), LastOffset: last, Timestamp: last, CoordinatorEpoch: -1, TxnFirstOffset: -1}}); err != nil {
			t.Fatal(err)
		}
	}
	believed := func(l *Log, want int64, whys int) {
		t.Helper()
		if offset, _, why, err := l.Snapshot(); offset != want || len(why) != whys || err != nil {
			t.Errorf("%d, %q, %v; want %d", offset, why, err, want)
		}
	}
	believed(l, 0, 0)
	put(2, 1)
	put(4, 3)
	believed(l, 4, 0)
	put(5, 5) // is not below
	believed(l, 4, 1)
	put(5, 4)
	if err := l.TruncateTo(4); err != nil {
		t.Fatal(err)
	}
	if err := l.TrimSnapshots(); err != nil {
		t.Fatal(err)
	}
	believed(l, 4, 0)
	for at := int64(4); at < 6; at++ { // of another producer: one that came back would lie
		if err := l.Append(producer(at, 8, int32(at))); err != nil {
			t.Fatal(err)
		}
	}
	put(6, 4)
	believed(l, 4, 1)
	if d.Get("t-0/00000000000000000006.snapshot") != nil {
		t.Error("what is not believed stays")
	}
	again, _ := segmented(t, d)
	believed(again, 4, 0)
	d.Put("t-0/00000000000000000004.snapshot", []byte{0, 1, 2})
	again, _ = segmented(t, d)
	believed(again, 2, 1)
	if l.AdvanceStart(3); l.TrimSnapshots() != nil || d.Get("t-0/00000000000000000002.snapshot") == nil {
		t.Error("the last snapshot below the start has gone")
	}
}

// producer is a batch of one record of an idempotent producer.
func producer(base, id int64, sequence int32) machine.Bytes {
	b := one(base, base).Contiguous()
	putProducer(b, id, sequence)
	return machine.Literal(b)
}

// What stands beside a log is written anew as a whole, and synced with the log.
func TestBeside(t *testing.T) {
	d := storagetest.New()
	l, _ := segmented(t, d)
	if _, err := l.Epochs(); reason(err) != "t-0/leader-epoch-checkpoint: absent" {
		t.Errorf("epochs of a new log: %v", err)
	}
	epochs := []EpochStart{{0, 0}, {3, 5}}
	for _, list := range [][]EpochStart{nil, epochs} {
		if err := l.PutEpochs(list); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.PutTopicID([16]byte{9}); err != nil {
		t.Fatal(err)
	}
	fill(t, l, 1)
	sync(d, l, 0)
	d.PowerLoss(0)
	l, found := segmented(t, d)
	if got, err := l.Epochs(); err != nil || !slices.Equal(got, epochs) {
		t.Errorf("epochs %v, %v", got, err)
	}
	if got, err := l.TopicID(); err != nil || got != [16]byte{9} {
		t.Errorf("topic id %v, %v", got, err)
	}
	// Whether a life that has crashed had it synced nobody knows.
	if list := l.Unsynced(l.End()); found.String() != "" || len(list) != 5 || len(l.Unsynced(l.End())) != 1 {
		t.Errorf("found %v, not synced %q", found, list)
	}
	d.Err = machine.ErrNoSpace
	if err := l.PutEpochs(nil); !isFull(err) {
		t.Errorf("a full disk: %v", err)
	}
}
