package history

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// The words that the header may have. Empty is allowed everywhere, and says
// nothing.
var (
	fromWords    = []string{"sim", "live", "jepsen"}
	promiseWords = []string{"derived", "stated"}
	cleanupWords = []string{"delete", "compact", "compact,delete", "delete,compact"}
	acksWords    = []string{"all", "-1", "1", "0"}
	isoWords     = []string{"ru", "rc"}
	subWords     = []string{"assign", "subscribe"}
	resetWords   = []string{"earliest", "latest", "none"}
	protoWords   = []string{"eager", "cooperative", "consumer"}
	flushWords   = []string{"page-cache", "fsync"}
	keepsWords   = []string{KeepsUntilSettled, KeepsNothing}
	settleWords  = []string{"reader", "auto", SettleBefore}
)

// header reads the first line.
func (rd *Reader) header() {
	s, h := &rd.s, rd.Header
	kind, version := false, false
	var tps []int // where each name stands
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		name := s.name()
		switch string(name) {
		case "v":
			version = true
			at := s.i
			if v := s.int(0, math.MaxInt64); v != Version {
				s.fail(at, "history version %d: this program reads %d", v, Version)
			}
		case "kind":
			kind = true
			rd.oneOf("kind", []string{"log-history"})
		case "seed":
			h.Seed = rd.seed()
		case "unique":
			h.Unique = s.bool()
		case "topics":
			rd.topics()
		case "tps":
			h.TPs, tps = rd.partitions()
		case "promise":
			rd.promise()
		case "set":
			rd.settings()
		case "from":
			h.From = rd.word("origin", fromWords)
		default:
			s.skip(0)
		}
	}
	if s.err == nil && (!kind || !version) {
		s.fail(0, `no history: the first line needs "v":%d and "kind":"log-history"`, Version)
	}
	rd.sim = h.From == "sim"
	if rd.sim && len(h.Topics) > 0 {
		rd.match(tps)
	}
}

// match compares the partitions of a simulation with its topics: where both are
// listed they are the same.
func (rd *Reader) match(at []int) {
	h := rd.Header
	for i, name := range h.TPs {
		if why := h.strange(name); why != "" {
			rd.s.fail(at[i], "%s", why)
			return
		}
	}
	if len(at) == 0 {
		return
	}
	for _, t := range h.Topics {
		for n := range t.Parts { // ends no later than after the names that there are
			if _, ok := rd.tps[t.Name+"-"+strconv.Itoa(n)]; ok {
				continue
			}
			if _, ok := rd.tps[t.Name+"/"+strconv.Itoa(n)]; !ok {
				rd.s.fail(at[0], `"tps" lacks "%s-%d": topic %s has %d partitions`, t.Name, n, t.Name, t.Parts)
				return
			}
		}
	}
}

// strange says what is wrong with the name of a partition that none of the
// topics has, or nothing.
func (h *Header) strange(name string) string {
	topic, n := name, ""
	if k := strings.LastIndexAny(name, "-/"); k >= 0 {
		topic, n = name[:k], name[k:]
	}
	names := make([]string, len(h.Topics))
	for i, t := range h.Topics {
		names[i] = t.Name
		if t.Name != topic || n == "" {
			continue
		}
		switch x, err := strconv.ParseUint(n[1:], 10, 31); {
		case err != nil || n[1:] != strconv.FormatUint(x, 10):
			return "partition " + strconv.Quote(name) + " has no number" + suggest(topic+"-0")
		case x < uint64(t.Parts):
			return ""
		case t.Parts == 0:
			return "unknown partition " + strconv.Quote(name) + ": topic " + topic + " has none"
		}
		return "unknown partition " + strconv.Quote(name) + ": topic " + topic + " has " + strconv.Itoa(t.Parts) + suggest(topic+n[:1]+strconv.Itoa(t.Parts-1))
	}
	if n == "" {
		n = "-0"
	}
	if t := closest(topic, names); t != "" {
		return "partition " + strconv.Quote(name) + " of an unknown topic" + suggest(t+n)
	}
	return "partition " + strconv.Quote(name) + " of an unknown topic: the topics are " + strings.Join(names, ", ")
}

// word reads a string that is empty or one of the words.
func (rd *Reader) word(what string, words []string) string {
	s := &rd.s
	s.peek()
	at := s.i
	text := string(s.str())
	if text != "" && !slices.Contains(words, text) {
		hint := nearest(text, words)
		if hint == "" {
			hint = ": it is " + strings.Join(words, " or ")
		}
		s.fail(at, "unknown %s %q%s", what, text, hint)
	}
	return text
}

// partitions reads the names of the partitions, each once, and where they stand.
func (rd *Reader) partitions() (names []string, at []int) {
	s := &rd.s
	clear(rd.tps)
	s.expect('[')
	for first := true; s.next(']', first); first = false {
		s.peek()
		at = append(at, s.i)
		name := string(s.str())
		if _, ok := rd.tps[name]; ok {
			s.fail(at[len(at)-1], "partition %q stands here twice", name)
		}
		rd.tps[name] = TP(len(names))
		names = append(names, name)
	}
	return names, at
}

func (rd *Reader) seed() uint64 {
	s := &rd.s
	s.peek()
	at := s.i
	text := s.str()
	if s.err != nil {
		return 0
	}
	v, err := strconv.ParseUint(string(text), 0, 64)
	if err != nil {
		s.fail(at, `seed %q is no number such as "0x7"`, text)
	}
	return v
}

// properties reads the list of what is promised.
func (rd *Reader) properties() (list []string) {
	known := Properties()
	rd.s.expect('[')
	for first := true; rd.s.next(']', first); first = false {
		list = append(list, known[rd.oneOf("property", known)])
	}
	return list
}

func (rd *Reader) topics() {
	s := &rd.s
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		t := Topic{Name: string(s.name())}
		s.expect('{')
		for first := true; s.next('}', first); first = false {
			switch string(s.name()) {
			case "parts":
				t.Parts = int(s.int(0, math.MaxInt32))
			case "rf":
				t.RF = int(s.int(0, math.MaxInt32))
			case "cleanup":
				t.Cleanup = rd.word("cleanup", cleanupWords)
			case "retms":
				t.Retention = s.int(0, math.MaxInt64)
			case "delret":
				t.DeleteRetention = s.int(0, math.MaxInt64)
			default:
				s.skip(0)
			}
		}
		rd.Header.Topics = append(rd.Header.Topics, t)
	}
}

func (rd *Reader) promise() {
	s := &rd.s
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		switch string(s.name()) {
		case "from":
			rd.Header.Promise.From = rd.word("origin of a promise", promiseWords)
		case "properties":
			rd.Header.Promise.Properties = rd.properties()
		case "within":
			rd.Header.Promise.Within = s.int(0, math.MaxInt64)
		case "prompt":
			rd.Header.Promise.Prompt = rd.readers()
		case "settle":
			rd.Header.Promise.Settle = s.int(0, math.MaxInt64)
		case "grace":
			rd.Header.Promise.Grace = s.int(0, math.MaxInt64)
		case "maylate":
			rd.Header.Promise.MayLate = s.int(0, 1000)
		default:
			s.skip(0)
		}
	}
}

func (rd *Reader) readers() (list []int32) {
	s := &rd.s
	s.expect('[')
	for first := true; s.next(']', first); first = false {
		list = append(list, int32(s.int(0, math.MaxInt32)))
	}
	return list
}

func (rd *Reader) settings() {
	s, set := &rd.s, &rd.Header.Set
	s.expect('{')
	for first := true; s.next('}', first); first = false {
		switch string(s.name()) {
		case "acks":
			set.Acks = rd.word("acks", acksWords)
		case "idem":
			set.Idem = s.bool()
		case "iso":
			set.Iso = rd.word("iso", isoWords)
		case "sub":
			set.Sub = rd.word("sub", subWords)
		case "reset":
			set.Reset = rd.word("reset", resetWords)
		case "minisr":
			set.MinISR = int(s.int(0, math.MaxInt32))
		case "flush":
			set.Flush = rd.word("flush", flushWords)
		case "unclean":
			set.Unclean = s.bool()
		case "retries":
			set.Retries = s.bool()
		case "inflight":
			set.InFlight = int(s.int(0, math.MaxInt32))
		case "keeps":
			set.Keeps = rd.word("keeps", keepsWords)
		case "settle":
			set.Settle = rd.word("settle", settleWords)
		case "durable":
			set.Durable = s.bool()
		case "prefetch":
			set.Prefetch = int(s.int(0, math.MaxInt32))
		case "proto":
			set.Protocol = rd.word("protocol", protoWords)
		case "auto":
			set.AutoCommit = s.bool()
		case "txn":
			set.Txn = s.bool()
		case "txnms":
			set.TxnTimeout = s.int(0, math.MaxInt64)
		case "offsetsms":
			set.OffsetsKept = s.int(0, math.MaxInt64/1_000_000) * 1_000_000
		case "window":
			set.Window = s.int(0, math.MaxInt64)
		case "types":
			set.Types = s.int(0, math.MaxInt32)
		case "wall":
			set.Wall = s.int(0, math.MaxInt64)
		case "compacted":
			set.Compacted = s.bool()
		case "competing":
			set.Competing = s.bool()
		default:
			s.skip(0)
		}
	}
}
