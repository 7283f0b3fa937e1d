package controller

import (
	"brokersim/broker/log/acl"
	"brokersim/broker/log/sasl"
)

// Record is one fact of the cluster metadata. The log of records is the cluster
// metadata: an [Image] is what replaying it gives.
//
// Records have the names and numbers of Kafka's (KIP-631), but their own
// encoding: see [EncodeRecord].
type Record interface {
	kind() kind
	body(e *encoder)
}

// TopicID is the identity of a topic: one that is deleted and created again
// under the same name has another (KIP-516).
type TopicID [16]byte

// RegisterBroker says that a process has taken a broker id. Its own offset is
// the broker epoch, except when the same incarnation registers again.
type RegisterBroker struct {
	ID           int32
	Incarnation  [16]byte // differs with each start of the broker's process
	Epoch        int64    // the broker epoch
	Host         string
	Port         int32
	Rack         string // empty: none
	Fenced       bool
	ShuttingDown bool
	// Others are its listeners beside the one that Host and Port are of, where other brokers
	// reach it; nil: none.
	Others []Endpoint `json:",omitempty"`
}

// Endpoint is where a listener is reached, as clients are told.
type Endpoint struct {
	Listener string // its name: "SASL_PLAINTEXT"
	Host     string
	Port     int32
}

// FenceBroker says that a broker may not lead, nor join an ISR (KIP-841).
type FenceBroker struct {
	ID    int32
	Epoch int64
}

// UnfenceBroker takes back a FenceBroker, and the fence that every new
// incarnation begins behind.
type UnfenceBroker struct {
	ID    int32
	Epoch int64
}

// ShutDownBroker says that a broker is in controlled shutdown: it may not lead,
// nor join an ISR, but it still serves followers.
type ShutDownBroker struct {
	ID    int32
	Epoch int64
}

// Topic says that a topic exists. Its Config and Partition records follow in
// the same batch.
type Topic struct {
	Name string
	ID   TopicID
}

// Partition says that a partition exists. The partitions of a topic come in
// order, beginning with 0.
type Partition struct {
	TopicID        TopicID
	Partition      int32
	Replicas       []int32 // the first is the preferred leader
	ISR            []int32
	Leader         int32 // or NoLeader
	LeaderEpoch    int32
	PartitionEpoch int32
	// Adding and Removing are those of Replicas that a reassignment brings, and that it
	// takes away when it is completed (KIP-455); nil: none.
	Adding, Removing []int32
}

// NoLeader is the leader of a partition that has none.
const NoLeader int32 = -1

// NoLeaderChange in a PartitionChange leaves the leader and its epoch alone.
const NoLeaderChange int32 = -2

// PartitionChange changes a partition. The partition epoch rises by one with
// every change, and the leader epoch with every change that names a leader, be
// it the same again or [NoLeader].
type PartitionChange struct {
	TopicID   TopicID
	Partition int32
	ISR       []int32  // nil: as before
	Leader    int32    // NoLeaderChange: as before
	Recovery  Recovery // as of this change
	// Of a reassignment. Replicas nil: all three as before; else Adding and Removing are
	// what they are from now on, nil for none.
	Replicas, Adding, Removing []int32
}

// Recovery says whether a partition's leader was elected uncleanly and has not
// yet recovered from that (KIP-704).
type Recovery int8

// The states of recovery, with Kafka's numbers.
const (
	Recovered  Recovery = 0
	Recovering Recovery = 1
)

// ProducerIDs says that all producer ids below Next have been handed out in
// blocks, the last one to a broker (KIP-730).
type ProducerIDs struct {
	Broker      int32
	BrokerEpoch int64
	Next        int64
}

// RemoveTopic says that a topic exists no more, nor its partitions and configuration.
type RemoveTopic struct{ ID TopicID }

// RemoveConfig has a topic not have a configuration value of its own any more.
type RemoveConfig struct {
	Topic string
	Name  string
}

// AllBrokers is the broker id of a setting that is every broker's.
const AllBrokers int32 = -1

// BrokerConfig sets one setting of a broker, or of [AllBrokers], while they run (KIP-226).
type BrokerConfig struct {
	Broker int32
	Name   string
	Value  string
}

// RemoveBrokerConfig takes a BrokerConfig back.
type RemoveBrokerConfig struct {
	Broker int32
	Name   string
}

// GroupConfig sets one setting of a group (KIP-848, KIP-932).
type GroupConfig struct {
	Group string
	Name  string
	Value string
}

// RemoveGroupConfig takes a GroupConfig back.
type RemoveGroupConfig struct {
	Group string
	Name  string
}

// ClientQuota sets one quota of a user, a client id or an address, or takes it back
// (KIP-546).
type ClientQuota struct {
	Entity QuotaEntity
	Key    string
	Value  uint64 // the bits of a float64; 0 if Remove
	Remove bool
}

// ScramCredential is what is kept of a user's password for one mechanism of SCRAM (KIP-554).
type ScramCredential struct {
	User      string
	Mechanism sasl.Scram
	sasl.Credential
}

// RemoveScramCredential takes a ScramCredential back.
type RemoveScramCredential struct {
	User      string
	Mechanism sasl.Scram
}

// AccessControlEntry says that a principal may do something, or may not.
type AccessControlEntry struct {
	ID [16]byte
	acl.Entry
}

// RemoveAccessControlEntry takes an AccessControlEntry back.
type RemoveAccessControlEntry struct{ ID [16]byte }

// Config sets one configuration value of a topic.
type Config struct {
	Topic string
	Name  string
	Value string
}
