package wire

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// API is one API of a listener: the versions that it advertises, and the lowest
// that it serves.
type API struct {
	Key, Min, Max int16
	// ServedFrom is the lowest version that is answered. Produce advertises 0
	// because librdkafka turns compression off when it does not see the old
	// versions (KAFKA-18659), and answers them with UNSUPPORTED_VERSION.
	ServedFrom int16
}

// Table is what a listener serves, or what a client can speak. ApiVersions is
// answered from it, so that what is said and what is done cannot differ. A table
// belongs to one node: it lends its memory to whoever reads a request by it.
type Table struct {
	apis    []API // sorted by key
	scratch scratch
	used    []*kmsg.FetchRequest // that may be used again
	names   map[string]string    // client ids that have come, or some
}

// NewTable returns a table. Two rows for one key are a mistake in the program.
func NewTable(apis ...API) *Table {
	t := &Table{apis: slices.Clone(apis)}
	slices.SortStableFunc(t.apis, func(a, b API) int { return int(a.Key) - int(b.Key) })
	for i := range t.apis {
		if i > 0 && t.apis[i].Key == t.apis[i-1].Key {
			panic(fmt.Sprintf("wire: two rows for API %d", t.apis[i].Key))
		}
		t.apis[i].ServedFrom = max(t.apis[i].ServedFrom, t.apis[i].Min)
	}
	return t
}

// Find returns the row of a key.
func (t *Table) Find(key int16) (API, bool) {
	i, ok := slices.BinarySearchFunc(t.apis, key, func(a API, k int16) int { return int(a.Key) - int(k) })
	if !ok {
		return API{}, false
	}
	return t.apis[i], true
}

// Supports reports whether a version of an API is answered.
func (t *Table) Supports(key, version int16) bool {
	a, ok := t.Find(key)
	return ok && version >= a.ServedFrom && version <= a.Max
}

// ApiVersions is the answer to an ApiVersions request of any version, without features.
func (t *Table) ApiVersions() *kmsg.ApiVersionsResponse {
	resp := kmsg.NewPtrApiVersionsResponse()
	for _, a := range t.apis {
		k := kmsg.NewApiVersionsResponseApiKey()
		k.ApiKey, k.MinVersion, k.MaxVersion = a.Key, a.Min, a.Max
		resp.ApiKeys = append(resp.ApiKeys, k)
	}
	return resp
}

// The keys of the APIs that are spoken here.
const (
	Produce              int16 = 0
	Fetch                int16 = 1
	ListOffsets          int16 = 2
	Metadata             int16 = 3
	OffsetCommit         int16 = 8
	OffsetFetch          int16 = 9
	FindCoordinator      int16 = 10
	JoinGroup            int16 = 11
	Heartbeat            int16 = 12
	LeaveGroup           int16 = 13
	SyncGroup            int16 = 14
	DescribeGroups       int16 = 15
	ListGroups           int16 = 16
	ApiVersions          int16 = 18
	CreateTopics         int16 = 19
	DeleteTopics         int16 = 20
	DeleteRecords        int16 = 21
	InitProducerID       int16 = 22
	OffsetForLeaderEpoch int16 = 23
	AddPartitionsToTxn   int16 = 24
	AddOffsetsToTxn      int16 = 25
	EndTxn               int16 = 26
	WriteTxnMarkers      int16 = 27
	TxnOffsetCommit      int16 = 28
	DescribeConfigs      int16 = 32
	AlterConfigs         int16 = 33
	DescribeLogDirs      int16 = 35
	CreatePartitions     int16 = 37
	DeleteGroups         int16 = 42
	ElectLeaders         int16 = 43
	IncrementalAlter     int16 = 44
	AlterReassignments   int16 = 45
	ListReassignments    int16 = 46
	OffsetDelete         int16 = 47
	Vote                 int16 = 52
	BeginQuorumEpoch     int16 = 53
	EndQuorumEpoch       int16 = 54
	AlterPartition       int16 = 56
	FetchSnapshot        int16 = 59
	DescribeCluster      int16 = 60
	DescribeProducers    int16 = 61
	BrokerRegistration   int16 = 62
	BrokerHeartbeat      int16 = 63
	DescribeTransactions int16 = 65
	ListTransactions     int16 = 66
	AllocateProducerIDs  int16 = 67

	DescribeClientQuotas int16 = 48
	AlterClientQuotas    int16 = 49
	UpdateFeatures       int16 = 57

	ConsumerGroupHeartbeat int16 = 68
	ConsumerGroupDescribe  int16 = 69

	SASLHandshake                int16 = 17
	DescribeACLs                 int16 = 29
	CreateACLs                   int16 = 30
	DeleteACLs                   int16 = 31
	SASLAuthenticate             int16 = 36
	DescribeUserSCRAMCredentials int16 = 50
	AlterUserSCRAMCredentials    int16 = 51

	ShareGroupHeartbeat  int16 = 76
	ShareGroupDescribe   int16 = 77
	ShareFetch           int16 = 78
	ShareAcknowledge     int16 = 79
	InitializeShareState int16 = 83
	ReadShareState       int16 = 84
	WriteShareState      int16 = 85
	DeleteShareState     int16 = 86
	SummarizeShareState  int16 = 87
	DescribeShareOffsets int16 = 90
	AlterShareOffsets    int16 = 91
	DeleteShareOffsets   int16 = 92
)

// coordinated are the APIs of groups and transactions.
var coordinated = [...]int16{OffsetCommit, OffsetFetch, FindCoordinator, JoinGroup, Heartbeat, LeaveGroup, SyncGroup,
	AddPartitionsToTxn, AddOffsetsToTxn, EndTxn, WriteTxnMarkers, TxnOffsetCommit, ConsumerGroupHeartbeat}

// BrokerTable is what a broker's listener serves to clients and to followers.
func BrokerTable() *Table {
	return NewTable(
		API{Key: Produce, Min: 0, Max: 11, ServedFrom: 3},
		API{Key: Fetch, Min: 4, Max: 15},
		API{Key: ListOffsets, Min: 1, Max: 7},
		API{Key: Metadata, Min: 0, Max: 12},
		API{Key: ApiVersions, Min: 0, Max: 3},
		API{Key: CreateTopics, Min: 2, Max: 7},
		API{Key: InitProducerID, Min: 0, Max: 4},
		API{Key: OffsetForLeaderEpoch, Min: 2, Max: 4},
	)
}

// ControllerTable is what a controller's listener serves to brokers.
func ControllerTable() *Table {
	return NewTable(
		API{Key: Fetch, Min: 4, Max: 12},
		API{Key: ApiVersions, Min: 0, Max: 3},
		API{Key: CreateTopics, Min: 2, Max: 7},
		API{Key: AlterPartition, Min: 2, Max: 3},
		API{Key: BrokerRegistration, Min: 0, Max: 4},
		API{Key: BrokerHeartbeat, Min: 0, Max: 1},
		API{Key: AllocateProducerIDs, Min: 0, Max: 0},
	)
}

// VoterTable is what the listener of one of several controllers serves: to brokers what
// any does, and to the others what a quorum asks.
func VoterTable() *Table {
	return NewTable(append(ControllerTable().apis,
		API{Key: Vote, Min: 0, Max: 2},
		API{Key: BeginQuorumEpoch, Min: 0, Max: 1},
		API{Key: EndQuorumEpoch, Min: 0, Max: 1},
		API{Key: FetchSnapshot, Min: 0, Max: 1},
	)...)
}

// BrokerAdmin is what a broker's listener serves beside that, to operators and their
// tools.
func BrokerAdmin() []API {
	return append(ControllerAdmin(),
		API{Key: FindCoordinator, Min: 0, Max: 4},
		API{Key: DescribeConfigs, Min: 1, Max: 4},
		API{Key: DescribeLogDirs, Min: 1, Max: 4},
		API{Key: DescribeCluster, Min: 0, Max: 1},
	)
}

// BrokerCoordinators is what a broker's listener serves that coordinates groups and
// transactions, some of it in the place of rows of [BrokerTable]. JoinGroup and its kind begin at version 0 for librdkafka's sake, as Produce
// does (KAFKA-19444).
func BrokerCoordinators() []API {
	return []API{
		{Key: Produce, Min: 0, Max: 12, ServedFrom: 3},
		{Key: ApiVersions, Min: 0, Max: 4},
		{Key: InitProducerID, Min: 0, Max: 5},
		{Key: AddPartitionsToTxn, Min: 0, Max: 5},
		{Key: AddOffsetsToTxn, Min: 0, Max: 4},
		{Key: EndTxn, Min: 0, Max: 5},
		{Key: DescribeTransactions, Min: 0, Max: 0},
		{Key: ListTransactions, Min: 0, Max: 2},
		{Key: OffsetCommit, Min: 2, Max: 9},
		{Key: OffsetFetch, Min: 1, Max: 9},
		{Key: FindCoordinator, Min: 0, Max: 6},
		{Key: WriteTxnMarkers, Min: 1, Max: 2},
		{Key: DescribeProducers, Min: 0, Max: 0},
		{Key: JoinGroup, Min: 0, Max: 9},
		{Key: Heartbeat, Min: 0, Max: 4},
		{Key: LeaveGroup, Min: 0, Max: 5},
		{Key: SyncGroup, Min: 0, Max: 5},
		{Key: DescribeGroups, Min: 0, Max: 6},
		{Key: ListGroups, Min: 0, Max: 5},
		{Key: TxnOffsetCommit, Min: 0, Max: 5},
		{Key: DeleteGroups, Min: 0, Max: 2},
		{Key: OffsetDelete, Min: 0, Max: 0},
		{Key: ConsumerGroupHeartbeat, Min: 0, Max: 1},
		{Key: ConsumerGroupDescribe, Min: 0, Max: 1},
	}
}

// BrokerShares is what a broker's listener serves beside that which has share groups (KIP-932, and
// KIP-1206 and KIP-1222 in version 2 of two).
func BrokerShares() []API {
	return append(ShareState(),
		API{Key: ShareGroupHeartbeat, Min: 1, Max: 1},
		API{Key: ShareGroupDescribe, Min: 1, Max: 1},
		API{Key: ShareFetch, Min: 1, Max: 2},
		API{Key: ShareAcknowledge, Min: 1, Max: 2},
		API{Key: DescribeShareOffsets, Min: 0, Max: 0},
		API{Key: AlterShareOffsets, Min: 0, Max: 0},
		API{Key: DeleteShareOffsets, Min: 0, Max: 0},
	)
}

// ShareState is what share coordinators serve to brokers.
func ShareState() []API {
	return []API{
		{Key: InitializeShareState, Min: 0, Max: 0},
		{Key: ReadShareState, Min: 0, Max: 0},
		{Key: WriteShareState, Min: 0, Max: 1},
		{Key: DeleteShareState, Min: 0, Max: 0},
		{Key: SummarizeShareState, Min: 0, Max: 1},
	}
}

// ControllerAdmin is what a broker passes on of that to the controller.
func ControllerAdmin() []API {
	return []API{
		{Key: DeleteTopics, Min: 1, Max: 6},
		{Key: DeleteRecords, Min: 0, Max: 2},
		{Key: CreatePartitions, Min: 0, Max: 3},
		{Key: AlterConfigs, Min: 0, Max: 2},
		{Key: ElectLeaders, Min: 0, Max: 2},
		{Key: IncrementalAlter, Min: 0, Max: 1},
		{Key: AlterReassignments, Min: 0, Max: 0},
		{Key: ListReassignments, Min: 0, Max: 0},
	}
}

// BrokerTools is what a broker's listener serves beside that to tools alone.
func BrokerTools() []API {
	return append(ControllerTools(),
		API{Key: DescribeClientQuotas, Min: 0, Max: 1},
		API{Key: UpdateFeatures, Min: 0, Max: 2},
	)
}

// ControllerTools is what a broker passes on of that to the controller.
func ControllerTools() []API {
	return []API{{Key: AlterClientQuotas, Min: 0, Max: 1}}
}

// BrokerSecurity is what a broker's listener serves beside that to clients that show who
// they are, and to those who say who may.
func BrokerSecurity() []API {
	return append(ControllerSecurity(),
		API{Key: SASLHandshake, Min: 0, Max: 1},
		API{Key: SASLAuthenticate, Min: 0, Max: 2},
		API{Key: DescribeACLs, Min: 1, Max: 3},
		API{Key: DescribeUserSCRAMCredentials, Min: 0, Max: 0},
	)
}

// ControllerSecurity is what a broker passes on of that to the controller.
func ControllerSecurity() []API {
	return []API{
		{Key: CreateACLs, Min: 1, Max: 3},
		{Key: DeleteACLs, Min: 1, Max: 3},
		{Key: AlterUserSCRAMCredentials, Min: 0, Max: 0},
	}
}

// With is the table with more rows.
func (t *Table) With(apis []API) *Table { return NewTable(slices.Concat(t.apis, apis)...) }

// Replace is the table with rows in the place of those that have the same keys, and others.
func (t *Table) Replace(apis []API) *Table {
	return t.Only(func(key int16) bool { return !slices.ContainsFunc(apis, func(a API) bool { return a.Key == key }) }).With(apis)
}

// Only is the table without the rows whose key is not served.
func (t *Table) Only(served func(key int16) bool) *Table {
	return NewTable(slices.DeleteFunc(slices.Clone(t.apis), func(a API) bool { return !served(a.Key) })...)
}
