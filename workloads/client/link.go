package client

import (
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// linkState is how far a connection to one broker has come.
type linkState uint8

const (
	down    linkState = iota // may be dialled from retryAt on
	dialing                  // waits for Opened until deadline
	opening                  // waits for the ApiVersions answer until deadline
	up
)

// link is the connection to one broker: at most one at a time.
type link struct {
	id        int32 // broker id; negative for a bootstrap address
	addr      string
	bootstrap bool
	gone      bool // not in the metadata any more
	mixed     bool // its requests have time-outs of their own

	state    linkState
	tag      machine.Tag // of the dial
	conn     machine.ConnID
	peer     *wire.Peer
	deadline machine.Instant
	retryAt  machine.Instant
	tired    bool            // is to be closed, though nothing is wrong
	wanted   bool            // somebody asked for it while it had to wait for retryAt
	failures uint32          // in a row, until it is up (KIP-144)
	stalls   uint32          // of these, those in which it was not even opened (KIP-601)
	dialedAt machine.Instant // for the last time
	dials    uint64          // ever: names the draws of its back-offs
	drained  int             // of a producer: the partition after the last that was sent; the next request begins there

	calls []*call           // in flight, oldest first
	fetch kmsg.FetchRequest // of a consumer: the one under way
}

// call is one request, from its leaving to its answer.
type call struct {
	what     callKind
	link     *link
	deadline machine.Instant
	request  kmsg.Request
	most     int16 // the highest version in which it may be sent; 0: any

	batches []*batch // of a Produce, in the order of the request
	fetch   *Fetch   // of a Fetch
	list    *Listing // of a ListOffsets that was asked for by the application
	parts   []asked  // of a ListOffsets or OffsetForLeaderEpoch
	group   *GroupOp // of a request about a group
}

type callKind uint8

const (
	callMetadata callKind = iota
	callInitProducerID
	callProduce
	callFetch
	callListOffsets
	callEpochEnd
	callCreateTopics
	callMove
	callDeleteTopics
	callDeleteRecords
	callCreatePartitions
	callFindCoordinator
	callAddPartitions
	callAddOffsets
	callTxnOffsetCommit
	callEndTxn
	callJoinGroup
	callSyncGroup
	callHeartbeat
	callLeaveGroup
	callConsumerHeartbeat
	callOffsetCommit
	callOffsetFetch
	callDeleteGroups
)

// outcome is how a call ended: with an answer, or with lost set because nobody
// knows what became of the request.
type outcome struct {
	call    *call
	body    kmsg.Response
	records []wire.Records
	lost    bool
}

// leads reports whether the link's broker leads a partition. A bootstrap address
// leads nothing, though its number may be that of no leader.
func (l *link) leads(p *partMeta) bool { return !l.bootstrap && p.leader == l.id }

// due is when the link next wants attention.
func (l *link) due() machine.Instant {
	switch {
	case l.state == dialing || l.state == opening:
		return l.deadline
	case l.state == down && l.wanted:
		return l.retryAt
	}
	return l.expires()
}

// expires is when the first of the requests in flight has waited for too long.
func (l *link) expires() machine.Instant {
	at := machine.Never
	for _, c := range l.calls {
		if at = min(at, c.deadline); !l.mixed {
			break // they leave in the order in which they expire
		}
	}
	return at
}

func (l *link) remove(c *call) {
	for i, x := range l.calls {
		if x == c {
			copy(l.calls[i:], l.calls[i+1:])
			l.calls[len(l.calls)-1] = nil
			l.calls = l.calls[:len(l.calls)-1]
			return
		}
	}
}
