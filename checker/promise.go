package checker

import (
	"slices"

	"brokersim/checker/history"
)

// The properties that this package decides, by the names that everything uses.
const (
	SlotAgreement = "slot-agreement"
	NoAckedLoss   = "no-acked-loss"
	NoDuplicate   = "no-duplicate"
	PerKeyOrder   = "per-key-order"
	NoPhantom     = "no-phantom"
	NoSkip        = "no-skip"
	NoStaleEnd    = "no-stale-end"
	Compaction    = "compaction"
	Retention     = "retention"

	TxnAtomic      = "txn-atomic"
	ReadCommitted  = "read-committed"
	OneOwner       = "one-owner"
	CommitRegister = "commit-register"
	Fencing        = "fencing"
	ProcessedOnce  = "processed-once"
	ExactlyOnce    = "exactly-once"
	Liveness       = "liveness"
)

// Where a promise comes from.
const (
	Derived = "derived"
	Stated  = "stated"
)

// Properties are the names that may be promised, in the order of reports.
// Those after Liveness are part of the vocabulary but decided elsewhere or
// not yet: promised here they come out as unknown.
func Properties() []string { return history.Properties() }

// Derive is what Kafka promises for these settings. Two more things depend on
// the run itself and are decided there: a record whose every copy lost
// un-synced bytes may be lost (unless log.flush.interval.messages=1 says that
// an acknowledgement waits for the disk), and a conflict that involves only an
// acknowledgement is allowed unless acks=all.
func Derive(s history.Settings) history.Promise {
	if s.Keeps != "" {
		return deriveDeliveries(s)
	}
	p := history.Promise{From: Derived}
	add := func(name string, promised bool) {
		if promised {
			p.Properties = append(p.Properties, name)
		}
	}
	// An unclean leader may lack anything, so only what no broker can excuse
	// is left: invented records, and a reader that skips what it could read.
	clean := !s.Unclean
	add(SlotAgreement, clean)
	add(NoAckedLoss, clean && acksAll(s))
	add(NoDuplicate, clean && (s.Idem || !s.Retries))
	add(PerKeyOrder, clean && (s.Idem || !s.Retries || s.InFlight == 1))
	add(NoPhantom, true)
	add(NoSkip, true)
	add(NoStaleEnd, clean)
	add(Compaction, clean && s.Compacted && acksAll(s))
	// An unclean leader of an internal topic may lack what its coordinator has decided.
	add(TxnAtomic, clean && s.Txn)
	add(ReadCommitted, clean && s.Txn && s.Iso == "rc")
	add(OneOwner, clean && s.Sub == "subscribe")
	add(CommitRegister, clean && s.Sub == "subscribe")
	add(Fencing, clean && (s.Sub == "subscribe" || s.Txn))
	return p
}

// deriveDeliveries is what is promised where records have no offsets.
//
// A broker that keeps a record until its reader has settled it loses none that it has
// confirmed, if what it has taken outlives it (rabbitmq.com/confirms.html). Settled by the
// broker itself when it is sent, or kept by nobody, a record is what happens to arrive.
// What is delivered again says so; nothing else comes twice, unless the producer has sent
// it twice. Order is that of one reader, of what is not delivered again. Nobody is sent
// more than he may have and not have settled (rabbitmq.com/consumer-prefetch.html).
func deriveDeliveries(s history.Settings) history.Promise {
	p := history.Promise{From: Derived}
	add := func(name string, promised bool) {
		if promised {
			p.Properties = append(p.Properties, name)
		}
	}
	kept := s.Keeps == history.KeepsUntilSettled
	add(NoAckedLoss, kept && s.Durable && s.Settle == "reader" && acksAll(s))
	add(NoDuplicate, !s.Retries)
	add(PerKeyOrder, !s.Competing && !s.Retries)
	add(NoPhantom, true)
	add(NoGap, !kept)
	add(PrefetchBound, kept && s.Settle == "reader" && s.Prefetch > 0)
	return p
}

// acksAll holds for Kafka's default too.
func acksAll(s history.Settings) bool { return s.Acks == "" || s.Acks == "all" || s.Acks == "-1" }

// rules are a promise, ready to be asked.
type rules struct {
	promise history.Promise
	acksAll bool
	unclean bool
	onDisk  bool // an acknowledgement says that the bytes are on a disk
	early   bool // readers commit before they process: who dies has passed over the rest
	strict  map[string]bool

	applications bool // something is promised to applications
}

// newRules holds a run to what its header says: to the list if it is derived
// and there is one, to what the settings promise if there is none, and to both
// if the list is stated. Only a stated property is strict: then neither lost
// disks nor acks excuse anything.
func newRules(h *history.Header) rules {
	r := rules{
		promise: history.Promise{From: Derived, Properties: h.Promise.Properties},
		acksAll: acksAll(h.Set),
		unclean: h.Set.Unclean,
		onDisk:  h.Set.Flush == "fsync",
		early:   h.Set.Settle == history.SettleBefore,
		strict:  map[string]bool{},
	}
	derived := Derive(h.Set).Properties
	switch {
	case h.Promise.From == Stated:
		r.promise.From = Stated
		for _, name := range h.Promise.Properties {
			r.strict[name] = true
		}
		r.promise.Properties = slices.Concat(derived, h.Promise.Properties)
	case len(h.Promise.Properties) == 0:
		r.promise.Properties = derived
	}
	order := Properties()
	rank := func(name string) int {
		if i := slices.Index(order, name); i >= 0 {
			return i
		}
		return len(order)
	}
	names := slices.Clone(r.promise.Properties)
	slices.SortStableFunc(names, func(a, b string) int { return rank(a) - rank(b) })
	r.promise.Properties = nil
	for _, name := range names {
		if !slices.Contains(r.promise.Properties, name) {
			r.promise.Properties = append(r.promise.Properties, name)
		}
	}
	first := slices.Index(order, Delivered)
	r.applications = slices.ContainsFunc(r.promise.Properties, func(name string) bool {
		n := slices.Index(order, name)
		return n >= first && n < compacts
	})
	return r
}
