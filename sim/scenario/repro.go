package scenario

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"io"
	"strconv"
	"strings"

	"brokersim/broker/log/config"
)

// Core is the generation of the simulator: it is raised whenever the scenario
// goldens move, so that a repro string of another core is known to mean another
// run.
const Core = 17

// LongRepro is how long a repro string may be that people are asked to copy;
// a longer one belongs into a file.
const LongRepro = 2000

// Repro is the name of one run, all that decides what happens in it:
//
//	bs1:<scenario>[~<file>]:<seed>[:k=v,..][:~<schedule>]@<core>.<first 8 digits of the trace hash>
//
// The 8 digits of the file stand there if the scenario does not come with the program,
// or not as it was: the beginning of the file's SHA-256. Among the k=v are Kafka's settings by their full keys, the edits of the
// scenario's size ([Edit]), plant=BUG, promise=PROPERTY, and broker=foreign for a
// run of brokers that are not the simulator's own ([Case.Broker]). An item "+" parts two
// layers of settings: within one layer a setting of one client goes before that
// of all, whatever their order. Bytes that would be taken for something else are
// %XX. The schedule, if the run has another than the scenario's, is deflated and
// in base64url.
type Repro struct {
	Scenario string
	File     uint32 // [Spec.Sum]; 0 in strings of before that had it
	Seed     uint64
	Layers   []config.Layer // none of them empty
	Edits    []Edit
	Plant    []string
	Promise  []string
	Faults   *string
	Foreign  bool
	Core     int
	Hash     uint32 // the first half of the trace hash
}

const (
	reproVersion = "bs1"
	nextLayer    = "+"
	plantKey     = "plant"
	promiseKey   = "promise"
	brokerKey    = "broker"
	foreign      = "foreign"
)

// repro names the run of a plan that came to hash.
func (p *plan) repro(hash uint64) string {
	r := Repro{Scenario: p.Spec.Name, File: p.Spec.Sum, Seed: p.Seed, Layers: p.Layers, Edits: p.Edits, Promise: p.Promise, Faults: p.Faults, Foreign: p.Broker != nil, Core: Core, Hash: uint32(hash >> 32)}
	for _, site := range p.bugs {
		r.Plant = append(r.Plant, site.String())
	}
	return r.String()
}

// Case is the run that r names, of a scenario that was looked up by its name.
func (r *Repro) Case(spec *Spec) Case {
	return Case{Spec: spec, Seed: r.Seed, Layers: r.Layers, Edits: r.Edits, Plant: r.Plant, Promise: r.Promise, Faults: r.Faults, Foreign: r.Foreign}
}

// String is the repro string; [ParseRepro] reads it back.
func (r *Repro) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%s", reproVersion, escape(r.Scenario, plainInValue))
	if r.File != 0 {
		fmt.Fprintf(&b, "~%08x", r.File)
	}
	fmt.Fprintf(&b, ":%#x", r.Seed)
	if items := r.items(); len(items) > 0 {
		b.WriteString(":" + strings.Join(items, ","))
	}
	if r.Faults != nil {
		b.WriteString(":~" + deflate(*r.Faults))
	}
	fmt.Fprintf(&b, "@%d.%08x", r.Core, r.Hash)
	return b.String()
}

func (r *Repro) items() (items []string) {
	add := func(key, value string) {
		items = append(items, escape(key, plainInKey)+"="+escape(value, plainInValue))
	}
	for _, l := range r.Layers {
		if len(l.Entries) > 0 && len(items) > 0 {
			items = append(items, nextLayer)
		}
		for _, e := range l.Entries {
			add(e.Key, e.Value)
		}
	}
	for _, e := range r.Edits {
		add(e.Key, e.Value)
	}
	for _, bug := range r.Plant {
		add(plantKey, bug)
	}
	for _, property := range r.Promise {
		add(promiseKey, property)
	}
	if r.Foreign {
		add(brokerKey, foreign)
	}
	return items
}

// What stands for itself; every other byte is escaped.
const (
	plainInKey   = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/+"
	plainInValue = plainInKey + "="
)

func escape(s, plain string) string {
	var b strings.Builder
	for i := range len(s) {
		if strings.IndexByte(plain, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

// unescape takes a % that two hex digits do not follow for itself: the first
// writers of these strings escaped nothing.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if x, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(x))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// ReproError is what is wrong with a repro string, and in which byte of it,
// counted from 1.
type ReproError struct {
	Column int
	Msg    string
}

// Error returns the position and the message in one line.
func (e *ReproError) Error() string {
	return fmt.Sprintf("repro string, column %d: %s", e.Column, e.Msg)
}

// ParseRepro reads a repro string. Whether its scenario, settings, schedule and
// the rest make a run is for [Check] to say. The error is a [*ReproError].
func ParseRepro(text string) (Repro, error) {
	p := reproParser{text: text}
	p.run()
	if p.err != nil {
		return Repro{}, p.err
	}
	return p.r, nil
}

// reproParser keeps the first error.
type reproParser struct {
	text string
	r    Repro
	err  *ReproError
}

func (p *reproParser) fail(at int, format string, args ...any) {
	if p.err == nil {
		p.err = &ReproError{at + 1, fmt.Sprintf(format, args...)}
	}
}

// shape is how errors show what is wanted.
const shape = "bs1:SCENARIO[~FILE]:SEED[:k=v,..][:~SCHEDULE]@CORE.HASH"

func (p *reproParser) run() {
	version, rest, ok := strings.Cut(p.text, ":")
	switch {
	case ok && version != reproVersion && strings.HasPrefix(version, "bs") && strings.Trim(version[2:], "0123456789") == "":
		p.fail(0, "version %s is not known: this program reads %s", clip(version), reproVersion)
		return
	case !ok || version != reproVersion:
		p.fail(0, "want %s", shape)
		return
	}
	at := len(version) + 1
	tail := strings.LastIndexByte(rest, '@')
	if tail < 0 {
		p.fail(len(p.text), "the end is missing: want @CORE.HASH")
		return
	}
	p.tail(rest[tail+1:], at+tail+1)
	name, rest, ok := strings.Cut(rest[:tail], ":")
	if name == "" || !ok {
		p.fail(at, "want a scenario and a seed: %s", shape)
		return
	}
	p.name(name, at)
	at += len(name) + 1
	number, rest, more := strings.Cut(rest, ":")
	p.seed(number, at)
	if more {
		p.body(rest, at+len(number)+1)
	}
}

func (p *reproParser) name(s string, at int) {
	name, file, marked := strings.Cut(s, "~")
	p.r.Scenario = unescape(name)
	if !marked {
		return
	}
	x, err := strconv.ParseUint(file, 16, 32)
	if err != nil || len(file) != 8 || x == 0 || strings.ToLower(file) != file {
		p.fail(at+len(name)+1, "file %s: want 8 hex digits of its contents", clip(file))
	}
	p.r.File = uint32(x)
}

func (p *reproParser) tail(s string, at int) {
	number, hash, _ := strings.Cut(s, ".")
	core, err := strconv.ParseUint(number, 10, 31)
	if err != nil {
		p.fail(at, "core %s: want a number", clip(number))
	}
	x, err := strconv.ParseUint(hash, 16, 32)
	if err != nil || len(hash) != 8 || strings.ToLower(hash) != hash {
		p.fail(at+len(number), "trace hash %s: want a point and the first 8 hex digits of it", clip(hash))
	}
	p.r.Core, p.r.Hash = int(core), uint32(x)
}

func (p *reproParser) seed(s string, at int) {
	digits, base := s, 10
	if hex, ok := strings.CutPrefix(s, "0x"); ok {
		digits, base = hex, 16
	}
	x, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		p.fail(at, "seed %s: want a number from 0 to 18446744073709551615, decimal or 0x...", clip(s))
	}
	p.r.Seed = x
}

// body reads what stands between the seed and the end: settings, the schedule,
// or both.
func (p *reproParser) body(s string, at int) {
	items, packed := s, ""
	scheduled := strings.HasPrefix(s, "~")
	switch i := strings.LastIndex(s, ":~"); {
	case scheduled:
		items, packed = "", s[1:]
	case i >= 0:
		items, packed, scheduled = s[:i], s[i+2:], true
	}
	if scheduled {
		text, err := inflate(packed)
		if err != nil {
			p.fail(at+len(s)-len(packed), "the schedule is damaged: %v", err)
		}
		p.r.Faults = &text
	}
	if items != "" || !scheduled {
		p.items(items, at)
	}
}

func (p *reproParser) items(s string, at int) {
	var last *string // the value before, of which a raw comma may be a part
	layer := -1
	for item := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(item, "=")
		switch {
		case item == nextLayer:
			layer, last = -1, nil
		case !ok && last != nil:
			*last += "," + unescape(item)
		case !ok || key == "":
			p.fail(at, "%s: want key=value", clip(item))
		default:
			last = p.item(unescape(key), unescape(value), &layer)
		}
		at += len(item) + 1
	}
}

// item takes one k=v and returns where its value is kept.
func (p *reproParser) item(key, value string, layer *int) *string {
	r := &p.r
	switch {
	case key == plantKey:
		r.Plant = append(r.Plant, value)
		return &r.Plant[len(r.Plant)-1]
	case key == promiseKey:
		r.Promise = append(r.Promise, value)
		return &r.Promise[len(r.Promise)-1]
	case key == brokerKey && value == foreign:
		r.Foreign = true
		return nil
	case isEdit(key):
		r.Edits = append(r.Edits, Edit{key, value})
		return &r.Edits[len(r.Edits)-1].Value
	}
	if *layer < 0 {
		*layer = len(r.Layers)
		r.Layers = append(r.Layers, config.Layer{Source: "repro string"})
	}
	l := &r.Layers[*layer]
	l.Entries = append(l.Entries, config.Entry{Key: key, Value: value})
	return &l.Entries[len(l.Entries)-1].Value
}

// clip quotes what was read, and not all of it when it is long.
func clip(s string) string {
	if len(s) > 40 {
		s = s[:40] + "..."
	}
	return strconv.Quote(s)
}

func deflate(text string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}

// maxSchedule bounds what a few bytes may be inflated to.
const maxSchedule = 4 << 20

func inflate(packed string) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(packed)
	if err != nil {
		return "", fmt.Errorf("it is no base64url")
	}
	src := bytes.NewReader(raw) // a ByteReader: nothing behind the end is taken
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(src), maxSchedule+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("it cannot be inflated")
	case len(text) > maxSchedule:
		return "", fmt.Errorf("it is longer than %d bytes", maxSchedule)
	case src.Len() > 0:
		return "", fmt.Errorf("%d bytes follow its end", src.Len())
	}
	return string(text), nil
}
