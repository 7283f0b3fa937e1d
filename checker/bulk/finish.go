package bulk

import (
	"fmt"
	mathbits "math/bits"
	"slices"

	"brokersim/checker/result"
)

// What is decided here, in the order of reports.
const (
	slotAgreement = iota
	noAckedLoss
	noDuplicate
	perKeyOrder
	noPhantom
	noSkip
	decided
)

var names = [decided]string{"slot-agreement", "no-acked-loss", "no-duplicate", "per-key-order", "no-phantom", "no-skip"}

// Properties are the names of what a ledger decides. Order is stronger than that of a
// key: in a partition the records of a producer come in the order in which it sent
// them.
func Properties() []string { return slices.Clone(names[:]) }

// counts are of records, those of readers of record x group.
type counts struct {
	sent, acked, rejected, unknown    int64
	delivered, reread                 int64
	inLog, lostAcked, lostUnacked     int64
	duplicates, reordered, skipped    int64
	placed, resurrected, undetermined int64
}

// found is what speaks against a property.
type found struct {
	list []string
	n    int64
}

// mostListed is how many violations of a property are told in words.
const mostListed = 5

func (l *Ledger) violate(property int, format string, args ...any) {
	f := &l.found[property]
	if f.n++; f.n <= mostListed {
		f.list = append(f.list, fmt.Sprintf(format, args...))
	}
}

// Pending is how many records wait for their outcome.
func (l *Ledger) Pending() int64 {
	return l.counts.sent - l.counts.acked - l.counts.rejected - l.counts.unknown
}

// Behind is how many acknowledged records the slowest group has not read.
func (l *Ledger) Behind() (behind int64) {
	for g := range l.groups {
		n := int64(0)
		for i := range l.producers {
			for _, b := range l.producers[i].blocks {
				if b != nil {
					n += b.unread[g]
				}
			}
		}
		behind = max(behind, n)
	}
	return behind
}

// settle counts what became of the records of a block. If the readers have read all
// that there is, what was acknowledged and not read is lost.
func (l *Ledger) settle(by int, first uint64, b *block, readAll bool) {
	for w := range b.acked {
		seen, everywhere := uint64(0), ^uint64(0)
		for g := range b.read {
			seen |= b.read[g][w]
			everywhere &= b.read[g][w]
		}
		c := &l.counts
		c.inLog += ones(seen)
		c.resurrected += ones(b.rejected[w] & seen)
		if lied := b.rejected[w] & seen; lied != 0 {
			l.violate(noPhantom, "Record %d of %s was rejected, and has been read.", first+uint64(w*64+mathbits.TrailingZeros64(lied)), l.producers[by].name)
		}
		lost := b.acked[w] &^ everywhere
		switch {
		case !readAll:
			c.undetermined += ones(lost)
		default:
			c.lostAcked += ones(lost)
			c.lostUnacked += ones(b.unknown[w] &^ seen)
			for ; lost != 0; lost &= lost - 1 {
				n := uint64(w*64 + mathbits.TrailingZeros64(lost))
				l.violate(noAckedLoss, "Record %d of %s was acknowledged (%s@%d) and cannot be read.", first+n, l.producers[by].name, l.parts[b.tp[n]], b.offset[n])
			}
		}
	}
}

func ones(x uint64) int64 { return int64(mathbits.OnesCount64(x)) }

// Finish says what the run came to, of the properties that were promised. readAll
// says that every group has read every partition to its end: otherwise a record that
// was not read may only not have been read yet. The ledger must not be used afterwards.
func (l *Ledger) Finish(promised []string, readAll bool) (result.Ledger, []result.Finding) {
	for i := range l.producers {
		p := &l.producers[i]
		for j, b := range p.blocks {
			if b != nil {
				l.settle(i, (p.first+uint64(j))*blockSize, b, readAll)
			}
		}
	}
	findings := []result.Finding{}
	for i, name := range names {
		if slices.Contains(promised, name) {
			findings = append(findings, l.finding(i, readAll))
		}
	}
	c := &l.counts
	return result.Ledger{
		Sent: c.sent, Acked: c.acked, Rejected: c.rejected, Unknown: c.unknown, InLog: c.inLog,
		Delivered: c.delivered, Processed: c.delivered, Readers: int64(len(l.groups)),
		LostAcked: c.lostAcked, LostUnacked: c.lostUnacked, DupLog: c.duplicates, DupProcessed: c.reread,
		Reordered: c.reordered, Skipped: c.skipped, Resurrected: c.resurrected,
	}, findings
}

func (l *Ledger) finding(property int, readAll bool) result.Finding {
	c, f := &l.counts, &l.found[property]
	x := result.Finding{Property: names[property], Outcome: result.Kept, Looked: c.delivered, Violations: []result.Violation{}}
	switch property {
	case slotAgreement:
		x.Looked = c.placed
	case noAckedLoss:
		x.Looked = c.acked - c.undetermined
		if len(l.groups) == 0 {
			x.Looked = 0
		}
	}
	for _, what := range f.list {
		x.Violations = append(x.Violations, result.Violation{What: what, Witness: []string{}})
	}
	x.More = f.n - int64(len(f.list))
	switch {
	case f.n > 0:
		x.Outcome = result.Broken
	case x.Looked == 0:
		x.Outcome = result.Vacuous
	case property == noAckedLoss && c.undetermined > 0:
		x.Outcome = result.Unknown
	}
	return x
}
