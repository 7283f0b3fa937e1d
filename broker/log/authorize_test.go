package log

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"brokersim/broker/log/acl"
	"brokersim/broker/log/config"
	"brokersim/broker/log/wire"
)

// newGuarded is a lab with an authorizer: who need not show who he is may do everything, and
// alice what entries allow.
func newGuarded(t testing.TB, n int, set func(*config.Broker)) *lab {
	return newSecured(t, n, func(s *config.Broker) {
		s.AuthorizerClassName, s.SuperUsers = "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "User:ANONYMOUS"
		if set != nil {
			set(s)
		}
	})
}

// entry reads "allow read topic orders", "deny all group g*": a star at the end is a prefix,
// alone it is all.
func entry(text string) acl.Entry {
	operations := map[string]acl.Operation{"all": acl.All, "read": acl.Read, "write": acl.Write, "create": acl.Create, "delete": acl.Delete, "alter": acl.Alter,
		"describe": acl.Describe, "action": acl.ClusterAction, "describe-configs": acl.DescribeConfigs, "alter-configs": acl.AlterConfigs, "idempotent": acl.IdempotentWrite}
	resources := map[string]acl.Resource{"topic": acl.Topic, "group": acl.Group, "cluster": acl.Cluster, "txn": acl.TransactionalID}
	f := append(strings.Fields(text), acl.ClusterName)
	e := acl.Entry{Permission: acl.Allow, Operation: operations[f[1]], Resource: resources[f[2]], Name: f[3], Pattern: acl.Literal, Principal: "User:alice", Host: "*"}
	if f[0] == "deny" {
		e.Permission = acl.Deny
	}
	if e.Name != "*" && strings.HasSuffix(e.Name, "*") {
		e.Pattern, e.Name = acl.Prefixed, strings.TrimSuffix(e.Name, "*")
	}
	if e.Bad() != "" {
		panic(text + ": " + e.Bad())
	}
	return e
}

func createACLs(list ...acl.Entry) *kmsg.CreateACLsRequest {
	req := kmsg.NewPtrCreateACLsRequest()
	for _, e := range list {
		x := kmsg.NewCreateACLsRequestCreation()
		x.ResourceType, x.ResourcePatternType, x.ResourceName = kmsg.ACLResourceType(e.Resource), kmsg.ACLResourcePatternType(e.Pattern), e.Name
		x.Principal, x.Host, x.Operation, x.PermissionType = e.Principal, e.Host, kmsg.ACLOperation(e.Operation), kmsg.ACLPermissionType(e.Permission)
		req.Creations = append(req.Creations, x)
	}
	return req
}

// grant has the only entries be those.
func (l *lab) grant(texts ...string) {
	l.t.Helper()
	c := l.client(l.brokers[0])
	all := kmsg.NewDeleteACLsRequestFilter()
	all.ResourceType, all.ResourcePatternType, all.Operation, all.PermissionType = 1, 1, 1, 1
	ask[*kmsg.DeleteACLsResponse](c, &kmsg.DeleteACLsRequest{Filters: []kmsg.DeleteACLsRequestFilter{all}}, 3)
	var list []acl.Entry
	for _, s := range texts {
		list = append(list, entry(s))
	}
	for _, x := range ask[*kmsg.CreateACLsResponse](c, createACLs(list...), 3).Results {
		if x.ErrorCode != 0 {
			l.t.Fatal(*x.ErrorMessage)
		}
	}
	c.hangUp()
	l.advance(time.Second)
	if n := l.broker(1).Image().ACLs().Len(); n != len(texts) {
		l.t.Fatalf("%d entries, want %v", n, texts)
	}
}

// codes are all error codes in an answer.
func codes(v reflect.Value) (list []int16) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			list = codes(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			list = append(list, codes(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if name := v.Type().Field(i).Name; strings.HasSuffix(name, "ErrorCode") {
				list = append(list, int16(v.Field(i).Int()))
			} else if name != "UnknownTags" {
				list = append(list, codes(v.Field(i))...)
			}
		}
	}
	return list
}

// Every API that is handled says what it asks for, and none that is not.
func TestEveryHandlerHasAGuard(t *testing.T) {
	cfg := BrokerConfig{Admin: &Admin{Tools: true}, Coordinators: true, Security: &Security{}, ShareVersion: 1}
	for key, h := range handlers(&cfg) {
		if (h != nil) != (guards[key] != nil) {
			t.Errorf("%s: handled %t, guarded %t", kmsg.NameForKey(int16(key)), h != nil, guards[key] != nil)
		}
	}
}

// What each API asks for: with all that it needs no answer is that somebody may not; without
// one of them it is, with Kafka's error.
func TestWhatEachAPINeeds(t *testing.T) {
	const topic, group, cluster, txn = wire.TopicAuthorizationFailed, wire.GroupAuthorizationFailed, wire.ClusterAuthorizationFailed, wire.TransactionalIDAuthorizationFailed
	name := "orders"
	asConfig := func(kind kmsg.ConfigResourceType, name string) *kmsg.DescribeConfigsRequest {
		return &kmsg.DescribeConfigsRequest{Resources: []kmsg.DescribeConfigsRequestResource{{ResourceType: kind, ResourceName: name}}}
	}
	withTxn := produceRequest(name, -1, time.Second, batch("a"))
	withTxn.TransactionID = kmsg.StringPtr("t")
	rows := []struct {
		req     kmsg.Request
		version int16
		needs   map[string]int16
	}{
		{produceRequest(name, -1, time.Second, batch("a")), 9, map[string]int16{"write topic orders": topic}},
		{withTxn, 9, map[string]int16{"write topic orders": topic, "write txn t": txn}},
		{fetchRequest(name, 0, 0, 0), 11, map[string]int16{"read topic orders": topic}},
		{followerFetch(1, 0), 12, map[string]int16{"action cluster": topic}},
		{listRequest(name, -1), 7, map[string]int16{"describe topic orders": topic}},
		{epochRequest(name, 0, 0), 4, map[string]int16{"describe topic orders": topic}},
		{&kmsg.MetadataRequest{Topics: []kmsg.MetadataRequestTopic{{Topic: &name}}}, 12, map[string]int16{"describe topic orders": topic}},
		{&kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1}, 4, map[string]int16{"write topic x": cluster}},
		{&kmsg.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1}, 4, map[string]int16{"idempotent cluster": cluster}},
		{&kmsg.InitProducerIDRequest{TransactionalID: kmsg.StringPtr("t"), TransactionTimeoutMillis: 1000, ProducerID: -1, ProducerEpoch: -1}, 4, map[string]int16{"write txn t": txn}},
		{labCreate("new", 1), 7, map[string]int16{"create topic new": topic, "describe-configs topic new": topic}},
		{labCreate("new2", 1), 7, map[string]int16{"create cluster": topic, "describe-configs topic new2": topic}},
		{&kmsg.DeleteTopicsRequest{TopicNames: []string{"gone"}, TimeoutMillis: 1000}, 4, map[string]int16{"delete topic gone": topic}},
		{&kmsg.DeleteTopicsRequest{Topics: []kmsg.DeleteTopicsRequestTopic{{Topic: kmsg.StringPtr("gone")}}, TimeoutMillis: 1000}, 6, map[string]int16{"delete topic gone": topic}},
		{&kmsg.DeleteRecordsRequest{TimeoutMillis: 1000, Topics: []kmsg.DeleteRecordsRequestTopic{{Topic: name, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{}}}}}, 2, map[string]int16{"delete topic orders": topic}},
		{&kmsg.CreatePartitionsRequest{TimeoutMillis: 1000, Topics: []kmsg.CreatePartitionsRequestTopic{{Topic: name, Count: 1}}}, 3, map[string]int16{"alter topic orders": topic}},
		{&kmsg.DescribeProducersRequest{Topics: []kmsg.DescribeProducersRequestTopic{{Topic: name, Partitions: []int32{0}}}}, 0, map[string]int16{"read topic orders": topic}},
		{asConfig(kmsg.ConfigResourceTypeTopic, name), 4, map[string]int16{"describe-configs topic orders": topic}},
		{asConfig(kmsg.ConfigResourceTypeBroker, "1"), 4, map[string]int16{"describe-configs cluster": cluster}},
		{asConfig(kmsg.ConfigResourceTypeGroupConfig, "g"), 4, map[string]int16{"describe-configs group g": group}},
		{&kmsg.AlterConfigsRequest{Resources: []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: name}}}, 2, map[string]int16{"alter-configs topic orders": topic}},
		{&kmsg.IncrementalAlterConfigsRequest{Resources: []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeTopic, ResourceName: name}}}, 1, map[string]int16{"alter-configs topic orders": topic}},
		{&kmsg.ShareGroupHeartbeatRequest{GroupID: "s", MemberID: "m", SubscribedTopicNames: []string{name}}, 1, map[string]int16{"read group s": group, "describe topic orders": topic}},
		{&kmsg.ShareGroupDescribeRequest{GroupIDs: []string{"s"}}, 1, map[string]int16{"describe group s": group}},
		{&kmsg.ShareFetchRequest{GroupID: kmsg.StringPtr("s"), MemberID: kmsg.StringPtr("m")}, 1, map[string]int16{"read group s": group}},
		{&kmsg.ShareAcknowledgeRequest{GroupID: kmsg.StringPtr("s"), MemberID: kmsg.StringPtr("m")}, 1, map[string]int16{"read group s": group}},
		{&kmsg.DescribeShareGroupOffsetsRequest{Groups: []kmsg.DescribeShareGroupOffsetsRequestGroup{{GroupID: "s", Topics: []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{{Topic: name, Partitions: []int32{0}}}}}}, 0,
			map[string]int16{"describe group s": group, "describe topic orders": topic}},
		{&kmsg.AlterShareGroupOffsetsRequest{GroupID: "s", Topics: []kmsg.AlterShareGroupOffsetsRequestTopic{{Topic: name, Partitions: make([]kmsg.AlterShareGroupOffsetsRequestTopicPartition, 1)}}}, 0, map[string]int16{"read group s": group, "read topic orders": topic}},
		{&kmsg.DeleteShareGroupOffsetsRequest{GroupID: "s", Topics: []kmsg.DeleteShareGroupOffsetsRequestTopic{{Topic: name}}}, 0, map[string]int16{"delete group s": group, "read topic orders": topic}},
		{&kmsg.InitializeShareGroupStateRequest{Topics: []kmsg.InitializeShareGroupStateRequestTopic{{Partitions: make([]kmsg.InitializeShareGroupStateRequestTopicPartition, 1)}}}, 0, map[string]int16{"action cluster": cluster}},
		{&kmsg.ReadShareGroupStateRequest{Topics: []kmsg.ReadShareGroupStateRequestTopic{{Partitions: make([]kmsg.ReadShareGroupStateRequestTopicPartition, 1)}}}, 0, map[string]int16{"action cluster": cluster}},
		{&kmsg.WriteShareGroupStateRequest{Topics: []kmsg.WriteShareGroupStateRequestTopic{{Partitions: make([]kmsg.WriteShareGroupStateRequestTopicPartition, 1)}}}, 0, map[string]int16{"action cluster": cluster}},
		{&kmsg.DeleteShareGroupStateRequest{Topics: []kmsg.DeleteShareGroupStateRequestTopic{{Partitions: make([]kmsg.DeleteShareGroupStateRequestTopicPartition, 1)}}}, 0, map[string]int16{"action cluster": cluster}},
		{&kmsg.ReadShareGroupStateSummaryRequest{Topics: []kmsg.ReadShareGroupStateSummaryRequestTopic{{Partitions: make([]kmsg.ReadShareGroupStateSummaryRequestTopicPartition, 1)}}}, 0, map[string]int16{"action cluster": cluster}},
		{kmsg.NewPtrElectLeadersRequest(), 2, map[string]int16{"alter cluster": cluster}},
		{moveTo(name, 1), 0, map[string]int16{"alter cluster": cluster}},
		{kmsg.NewPtrListPartitionReassignmentsRequest(), 0, map[string]int16{"describe cluster": cluster}},
		{kmsg.NewPtrDescribeLogDirsRequest(), 4, map[string]int16{"describe cluster": cluster}},
		{kmsg.NewPtrDescribeClientQuotasRequest(), 1, map[string]int16{"describe-configs cluster": cluster}},
		{&kmsg.AlterClientQuotasRequest{Entries: make([]kmsg.AlterClientQuotasRequestEntry, 1)}, 1, map[string]int16{"alter-configs cluster": cluster}},
		{kmsg.NewPtrUpdateFeaturesRequest(), 1, map[string]int16{"alter cluster": cluster}},
		{kmsg.NewPtrDescribeUserSCRAMCredentialsRequest(), 0, map[string]int16{"describe cluster": cluster}},
		{scramCredential(1, "bob", "pw"), 0, map[string]int16{"alter cluster": cluster}},
		{&kmsg.DescribeACLsRequest{ResourceType: 1, ResourcePatternType: 1, Operation: 1, PermissionType: 1}, 3, map[string]int16{"describe cluster": cluster}},
		{createACLs(entry("allow read topic orders")), 3, map[string]int16{"alter cluster": cluster}},
		{&kmsg.DeleteACLsRequest{Filters: make([]kmsg.DeleteACLsRequestFilter, 1)}, 3, map[string]int16{"alter cluster": cluster}},
		{&kmsg.WriteTxnMarkersRequest{Markers: []kmsg.WriteTxnMarkersRequestMarker{{Topics: []kmsg.WriteTxnMarkersRequestMarkerTopic{{Topic: name, Partitions: []int32{0}}}}}}, 1, map[string]int16{"action cluster": cluster}},
		{findRequest(ofGroup, "g"), 3, map[string]int16{"describe group g": group}},
		{findRequest(ofTransaction, "t"), 3, map[string]int16{"describe txn t": txn}},
		{&kmsg.FindCoordinatorRequest{CoordinatorKeys: []string{"g"}}, 4, map[string]int16{"describe group g": group}},
		{&kmsg.FindCoordinatorRequest{CoordinatorType: ofShares, CoordinatorKeys: []string{"g:AAAAAAAAAAAAAAAAAAAAAA:0"}}, 6, map[string]int16{"action cluster": cluster}},
		{joinRequest("g", ""), 5, map[string]int16{"read group g": group}},
		{&kmsg.SyncGroupRequest{Group: "g"}, 5, map[string]int16{"read group g": group}},
		{&kmsg.HeartbeatRequest{Group: "g"}, 4, map[string]int16{"read group g": group}},
		{&kmsg.LeaveGroupRequest{Group: "g"}, 5, map[string]int16{"read group g": group}},
		{&kmsg.ConsumerGroupHeartbeatRequest{Group: "g", MemberID: "m", RebalanceTimeoutMillis: 1000, SubscribedTopicNames: []string{name}, Topics: []kmsg.ConsumerGroupHeartbeatRequestTopic{}}, 1,
			map[string]int16{"read group g": group, "describe topic orders": topic}},
		{commitRequest("g", 1, name), 8, map[string]int16{"read group g": group, "read topic orders": topic}},
		{&kmsg.OffsetFetchRequest{Groups: []kmsg.OffsetFetchRequestGroup{{Group: "g", MemberEpoch: -1, Topics: []kmsg.OffsetFetchRequestGroupTopic{{Topic: name, Partitions: []int32{0}}}}}}, 8, map[string]int16{"describe group g": group, "describe topic orders": topic}},
		{&kmsg.OffsetFetchRequest{Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: name, Partitions: []int32{0}}}}, 7, map[string]int16{"describe group g": group, "describe topic orders": topic}},
		{&kmsg.OffsetFetchRequest{Group: "g", Topics: []kmsg.OffsetFetchRequestTopic{{Topic: name, Partitions: []int32{0}}}}, 1, map[string]int16{"describe group g": group, "describe topic orders": topic}},
		{&kmsg.OffsetDeleteRequest{Group: "g", Topics: []kmsg.OffsetDeleteRequestTopic{{Topic: name, Partitions: []kmsg.OffsetDeleteRequestTopicPartition{{}}}}}, 0, map[string]int16{"delete group g": group, "read topic orders": topic}},
		{&kmsg.DescribeGroupsRequest{Groups: []string{"g"}}, 6, map[string]int16{"describe group g": group}},
		{&kmsg.ConsumerGroupDescribeRequest{Groups: []string{"g"}}, 1, map[string]int16{"describe group g": group}},
		{&kmsg.DeleteGroupsRequest{Groups: []string{"g"}}, 2, map[string]int16{"delete group g": group}},
		{&kmsg.AddPartitionsToTxnRequest{TransactionalID: "t", Topics: []kmsg.AddPartitionsToTxnRequestTopic{{Topic: name, Partitions: []int32{0}}}}, 3, map[string]int16{"write txn t": txn, "write topic orders": topic}},
		{&kmsg.AddPartitionsToTxnRequest{Transactions: make([]kmsg.AddPartitionsToTxnRequestTransaction, 1)}, 4, map[string]int16{"action cluster": cluster}},
		{&kmsg.AddOffsetsToTxnRequest{TransactionalID: "t", Group: "g"}, 3, map[string]int16{"write txn t": txn, "read group g": group}},
		{&kmsg.EndTxnRequest{TransactionalID: "t"}, 3, map[string]int16{"write txn t": txn}},
		{&kmsg.TxnOffsetCommitRequest{TransactionalID: "t", Group: "g", Topics: []kmsg.TxnOffsetCommitRequestTopic{{Topic: name, Partitions: make([]kmsg.TxnOffsetCommitRequestTopicPartition, 1)}}}, 3,
			map[string]int16{"write txn t": txn, "read group g": group, "read topic orders": topic}},
		{&kmsg.DescribeTransactionsRequest{TransactionalIDs: []string{"t"}}, 0, map[string]int16{"describe txn t": txn}},
	}
	asked := map[int16]bool{}
	for _, row := range rows {
		asked[row.req.Key()] = true
		if p, is := row.req.(*kmsg.ListPartitionReassignmentsRequest); is {
			p.TimeoutMillis = 1000
		}
		if p, is := row.req.(*kmsg.ElectLeadersRequest); is {
			p.TimeoutMillis = 1000
		}
		if p, is := row.req.(*kmsg.CreateTopicsRequest); is {
			p.TimeoutMillis = 1000
		}
		if p, is := row.req.(*kmsg.AlterPartitionAssignmentsRequest); is {
			p.TimeoutMillis = 1000
		}
		what := fmt.Sprintf("%s version %d", kmsg.NameForKey(row.req.Key()), row.version)
		l := newGuarded(t, 1, nil)
		l.create(name, nil, 1)
		l.create("gone", nil, 1)
		l.coordinate("g")
		encoded := row.req
		encoded.SetVersion(row.version)
		frame := encoded.AppendTo(nil)
		try := func(needs []string) []int16 {
			t.Helper()
			l.grant(needs...)
			req := kmsg.RequestForKey(row.req.Key())
			req.SetVersion(row.version)
			if err := req.ReadFrom(frame); err != nil {
				t.Fatal(what, err)
			}
			if row.req.Key() == wire.CreateTopics {
				ask[*kmsg.DeleteTopicsResponse](l.client(l.brokers[0]), &kmsg.DeleteTopicsRequest{TopicNames: []string{"new", "new2"}, TimeoutMillis: 1000}, 4)
			}
			c := l.known(l.brokers[0])
			c.send(req, row.version)
			l.advance(5 * time.Second)
			if len(c.answers) == 0 {
				t.Fatalf("%s with %q is not answered; closed: %v", what, needs, c.closed)
			}
			defer c.hangUp()
			return codes(reflect.ValueOf(c.answer()))
		}
		var all []string
		for _, need := range slices.Sorted(mapsKeys(row.needs)) {
			all = append(all, "allow "+need)
		}
		for i, need := range all {
			without := slices.Delete(slices.Clone(all), i, i+1)
			if got, want := try(without), row.needs[strings.TrimPrefix(need, "allow ")]; !slices.Contains(got, want) {
				t.Errorf("%s without %q: %d, want %d", what, need, got, want)
			}
			denied := append(slices.Clone(all), "deny"+strings.TrimPrefix(need, "allow"))
			if got, want := try(denied), row.needs[strings.TrimPrefix(need, "allow ")]; !slices.Contains(got, want) {
				t.Errorf("%s denied %q: %d, want %d", what, need, got, want)
			}
		}
		for _, code := range try(all) {
			if slices.Contains([]int16{topic, group, cluster, txn}, code) {
				t.Errorf("%s with %q: %s", what, all, wire.ErrorName(code))
			}
		}
	}
	for key, g := range guards {
		if g != nil && !asked[int16(key)] && !slices.Contains([]int16{wire.ApiVersions, wire.SASLHandshake, wire.SASLAuthenticate, wire.DescribeCluster, wire.ListGroups, wire.ListTransactions}, int16(key)) {
			t.Errorf("nobody has asked for %s", kmsg.NameForKey(int16(key)))
		}
	}
}

func mapsKeys(m map[string]int16) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// Of several topics those are served that may be, and lists are of what may be seen.
func TestPartlyAuthorized(t *testing.T) {
	l := newGuarded(t, 1, func(s *config.Broker) { s.AutoCreateTopics = true })
	for _, name := range []string{"orders", "bills", "secrets"} {
		l.create(name, nil, 1)
	}
	l.coordinate("g")
	l.grant("allow write topic orders", "allow all topic bill*", "deny alter topic bills", "allow describe topic new", "allow read group g", "allow alter cluster")
	c := l.known(l.brokers[0])

	req := produceRequest("secrets", -1, time.Second, batch("s"))
	for _, name := range []string{"orders", "bills"} {
		req.Topics = append(req.Topics, produceRequest(name, -1, time.Second, batch(name)).Topics...)
	}
	got := map[string]int16{}
	for _, x := range ask[*kmsg.ProduceResponse](c, req, 9).Topics {
		got[x.Topic] = x.Partitions[0].ErrorCode
	}
	if want := map[string]int16{"orders": 0, "bills": 0, "secrets": wire.TopicAuthorizationFailed}; !reflect.DeepEqual(got, want) {
		t.Errorf("produced: %v", got)
	}
	for _, name := range []string{"orders", "bills"} {
		r := l.client(l.brokers[0])
		if p := ask[*kmsg.FetchResponse](r, fetchRequest(name, 0, 1, 0), 11).Topics[0].Partitions[0]; !slices.Equal(values(t, p.RecordBatches), []string{name}) {
			t.Errorf("%s has %q", name, values(t, p.RecordBatches))
		}
	}
	if acks := l.known(l.brokers[0]); true {
		if acks.send(produceRequest("secrets", 0, time.Second, batch("s")), 9); acks.closed == nil {
			t.Error("who writes without acks what he may not write hears nothing of it")
		}
	}
	fetch := fetchRequest("orders", 0, 0, 0)
	fetch.Topics = append(fetch.Topics, fetchRequest("bills", 0, 0, 0).Topics...)
	read := ask[*kmsg.FetchResponse](c, fetch, 11)
	if a, b := read.Topics[0].Partitions[0], read.Topics[1].Partitions[0]; a.ErrorCode != wire.TopicAuthorizationFailed || len(a.RecordBatches) > 0 || b.ErrorCode != 0 || len(b.RecordBatches) == 0 {
		t.Errorf("%d with %d bytes, %d with %d bytes", a.ErrorCode, len(a.RecordBatches), b.ErrorCode, len(b.RecordBatches))
	}

	meta := kmsg.NewPtrMetadataRequest()
	meta.IncludeTopicAuthorizedOperations, meta.IncludeClusterAuthorizedOperations = true, true
	seen := map[string]int32{}
	resp := ask[*kmsg.MetadataResponse](c, meta, 9)
	for _, x := range resp.Topics {
		seen[*x.Topic] = x.AuthorizedOperations
	}
	// of bills all but to alter it, which does not keep anybody from what it implies
	if want := map[string]int32{"orders": 1<<4 | 1<<8, "bills": topicOperations &^ (1 << 7)}; !reflect.DeepEqual(seen, want) || resp.AuthorizedOperations != 1<<7|1<<8 {
		t.Errorf("sees %v, and of the cluster %d", seen, resp.AuthorizedOperations)
	}
	meta.Topics, meta.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{{Topic: kmsg.StringPtr("secrets")}, {Topic: kmsg.StringPtr("nothing")}, {Topic: kmsg.StringPtr("new")}, {Topic: kmsg.StringPtr("billion")}}, true
	var found []int16
	for _, x := range ask[*kmsg.MetadataResponse](c, meta, 9).Topics {
		found = append(found, x.ErrorCode)
	}
	if want := []int16{noTopic, noTopic, noTopic, wire.UnknownTopicOrPartition}; !slices.Equal(found, want) {
		t.Errorf("names are answered %d, want %d", found, want)
	}
	l.advance(time.Second)
	if topics := l.broker(1).Image().Topics; topics["billion"] == nil || topics["new"] != nil {
		t.Error("billion is not made, or new is")
	}
	if d := ask[*kmsg.DescribeClusterResponse](c, &kmsg.DescribeClusterRequest{IncludeClusterAuthorizedOperations: true, EndpointType: 1}, 1); d.ClusterAuthorizedOperations != 1<<7|1<<8 {
		t.Errorf("of the cluster %d", d.ClusterAuthorizedOperations)
	}
	if g := ask[*kmsg.DescribeGroupsResponse](c, &kmsg.DescribeGroupsRequest{Groups: []string{"g", "h"}, IncludeAuthorizedOperations: true}, 5).Groups; g[0].AuthorizedOperations != 1<<3|1<<8 || g[1].ErrorCode != noGroup {
		t.Errorf("%+v", g)
	}
	_ = ask[*kmsg.OffsetCommitResponse](c, commitRequest("g", -1, "bills", ""), 7)
	if list := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 4).Groups; len(list) > 1 {
		t.Errorf("%+v", list)
	}
	l.grant()
	if list := ask[*kmsg.ListGroupsResponse](c, kmsg.NewPtrListGroupsRequest(), 4).Groups; len(list) > 0 {
		t.Errorf("who may nothing sees %+v", list)
	}
	if read := ask[*kmsg.FetchResponse](c, fetchRequest("bills", 0, 0, 0), 11).Topics[0].Partitions[0]; read.ErrorCode != noTopic {
		t.Errorf("who may nothing any more reads: %d", read.ErrorCode)
	}
}

// An entry of a host is about who comes from there.
func TestACLsOfHosts(t *testing.T) {
	l := newGuarded(t, 1, nil)
	l.create("orders", nil, 1)
	l.grant("allow describe topic orders")
	c := l.known(l.brokers[0])
	list := func() int16 {
		return ask[*kmsg.ListOffsetsResponse](c, listRequest("orders", -1), 5).Topics[0].Partitions[0].ErrorCode
	}
	admin := l.client(l.brokers[0])
	for _, row := range []struct {
		host string
		want int16
	}{{"elsewhere", 0}, {"client", noTopic}} {
		e := entry("deny describe topic orders")
		e.Host = row.host
		ask[*kmsg.CreateACLsResponse](admin, createACLs(e), 3)
		l.advance(time.Second)
		if got := list(); got != row.want {
			t.Errorf("denied %s: %d, want %d", row.host, got, row.want)
		}
	}
}

// Entries are kept by the controller, in what it begins with again; without an authorizer
// there are none.
func TestACLsAreKept(t *testing.T) {
	l := newGuarded(t, 2, nil)
	l.grant("allow read topic orders", "deny write topic orders", "allow all group g*")
	for _, n := range append(slices.Clone(l.brokers), l.controller) {
		l.crash(n)
	}
	l.start(l.controller)
	for _, b := range l.brokers {
		l.start(b)
	}
	l.advance(20 * time.Second)
	c := l.client(l.brokers[1])
	name := "orders"
	req := &kmsg.DescribeACLsRequest{ResourceType: 1, ResourcePatternType: 2, ResourceName: &name, Operation: 1, PermissionType: 1}
	resp := ask[*kmsg.DescribeACLsResponse](c, req, 3)
	if len(resp.Resources) != 1 || resp.Resources[0].ResourceName != name || len(resp.Resources[0].ACLs) != 2 || resp.Resources[0].ACLs[0].Principal != "User:alice" {
		t.Errorf("%+v", resp)
	}
	req.Operation = 0
	if resp := ask[*kmsg.DescribeACLsResponse](c, req, 3); resp.ErrorCode != wire.InvalidRequest {
		t.Errorf("%+v", resp)
	}

	off := newSecured(t, 1, nil)
	c = off.client(off.brokers[0])
	if resp := ask[*kmsg.DescribeACLsResponse](c, req, 3); resp.ErrorCode != wire.SecurityDisabled {
		t.Errorf("%+v", resp)
	}
	if x := ask[*kmsg.CreateACLsResponse](c, createACLs(entry("allow read topic orders")), 3).Results; x[0].ErrorCode != wire.SecurityDisabled {
		t.Errorf("%+v", x)
	}
	if x := ask[*kmsg.DeleteACLsResponse](c, &kmsg.DeleteACLsRequest{Filters: make([]kmsg.DeleteACLsRequestFilter, 1)}, 3).Results; x[0].ErrorCode != wire.SecurityDisabled {
		t.Errorf("%+v", x)
	}
}

// Whatever somebody asks who may do nothing: nothing changes.
func TestWhateverAStrangerAsks(t *testing.T) {
	l := newGuarded(t, 1, func(s *config.Broker) { s.AutoCreateTopics = true })
	l.create("orders", nil, 1)
	l.create("bills", map[string]string{"cleanup.policy": "delete"}, 1)
	l.coordinate("g")
	b := l.broker(1)
	is := func() string {
		_, image, _ := strings.Cut(b.Image().String(), "\n")
		for _, r := range b.Replicas() {
			image += fmt.Sprint(r.TP(), " ", r.LogStart(), " ", r.LogEnd(), "\n")
		}
		return image
	}
	before := is()
	rapid.Check(t, func(rt *rapid.T) {
		var key int16
		var api wire.API
		for ok := false; !ok; {
			key = int16(rapid.IntRange(0, numAPIs-1).Draw(rt, "key"))
			api, ok = b.serves.Find(key)
		}
		req := kmsg.RequestForKey(key)
		absurd(rt, reflect.ValueOf(req).Elem())
		version := int16(rapid.IntRange(int(max(api.Min, api.ServedFrom)), int(api.Max)).Draw(rt, "version"))
		c := l.known(l.brokers[0])
		c.send(req, version)
		l.advance(time.Minute)
		if p, is := req.(*kmsg.ProduceRequest); len(c.answers) == 0 && c.closed == nil && !(is && p.Acks == 0) && key != wire.Fetch {
			rt.Fatalf("%s version %d is not answered: %+v", kmsg.NameForKey(key), version, req)
		}
		if after := is(); after != before {
			rt.Fatalf("%s version %d: %+v has changed\n%s to\n%s", kmsg.NameForKey(key), version, req, before, after)
		}
		c.hangUp()
	})
}

// A share session lets nobody read what its topics are: who makes use of another's, or may not read
// them any more, is told so.
func TestShareSessionsLetNobodyIn(t *testing.T) {
	l := newGuarded(t, 1, nil)
	l.create("orders", nil, 1)
	l.coordinate("s")
	l.grant("allow read group s", "allow describe cluster")
	id := l.broker(1).Image().Topics["orders"].ID
	group, member := "s", "m"
	fetch := func(epoch int32, named bool) *kmsg.ShareFetchRequest {
		req := kmsg.NewPtrShareFetchRequest()
		req.GroupID, req.MemberID, req.ShareSessionEpoch, req.MaxBytes, req.MaxRecords = &group, &member, epoch, 1<<20, 100
		if named {
			x := kmsg.NewShareFetchRequestTopic()
			x.TopicID, x.Partitions = id, []kmsg.ShareFetchRequestTopicPartition{kmsg.NewShareFetchRequestTopicPartition()}
			req.Topics = append(req.Topics, x)
		}
		return req
	}
	owner, alice := l.client(l.brokers[0]), l.known(l.brokers[0])
	ask[*kmsg.ShareFetchResponse](owner, fetch(0, true), 2)
	r := ask[*kmsg.ShareFetchResponse](alice, fetch(1, false), 2)
	if r.ErrorCode != 0 || len(r.Topics) != 1 || r.Topics[0].Partitions[0].ErrorCode != wire.TopicAuthorizationFailed {
		t.Errorf("who may not read orders is told %+v", r)
	}
	l.grant("allow read group s", "allow read topic orders")
	r = ask[*kmsg.ShareFetchResponse](alice, fetch(2, false), 2)
	for _, x := range r.Topics {
		for _, p := range x.Partitions {
			if p.ErrorCode == wire.TopicAuthorizationFailed {
				t.Errorf("who may read orders is told %+v", r)
			}
		}
	}
}

// What may not be described is told of once, however often its group is named: an answer is not the
// product of what stands in a request.
func TestRefusedTopicsAreToldOfOnce(t *testing.T) {
	l := newGuarded(t, 1, nil)
	l.create("orders", nil, 1)
	l.coordinate("g")
	l.grant("allow describe group g")
	const n = 1000
	fetch := kmsg.NewPtrOffsetFetchRequest()
	describe := kmsg.NewPtrDescribeShareGroupOffsetsRequest()
	for i := range n {
		g := kmsg.NewOffsetFetchRequestGroup()
		x := kmsg.NewDescribeShareGroupOffsetsRequestGroup()
		g.Group, g.Topics = "g", []kmsg.OffsetFetchRequestGroupTopic{}
		x.GroupID, x.Topics = "g", []kmsg.DescribeShareGroupOffsetsRequestGroupTopic{}
		for j := 0; i == 0 && j < n; j++ {
			name := fmt.Sprint("no-", j)
			g.Topics = append(g.Topics, kmsg.OffsetFetchRequestGroupTopic{Topic: name, Partitions: []int32{0}})
			x.Topics = append(x.Topics, kmsg.DescribeShareGroupOffsetsRequestGroupTopic{Topic: name, Partitions: []int32{0}})
		}
		fetch.Groups, describe.Groups = append(fetch.Groups, g), append(describe.Groups, x)
	}
	alice := l.known(l.brokers[0])
	topics := 0
	for _, g := range ask[*kmsg.OffsetFetchResponse](alice, fetch, 8).Groups {
		topics += len(g.Topics)
	}
	if topics != n {
		t.Errorf("OffsetFetch: %d topics are refused, want %d", topics, n)
	}
	topics = 0
	for _, g := range ask[*kmsg.DescribeShareGroupOffsetsResponse](alice, describe, 0).Groups {
		topics += len(g.Topics)
	}
	if topics != n {
		t.Errorf("DescribeShareGroupOffsets: %d topics are refused, want %d", topics, n)
	}
}
