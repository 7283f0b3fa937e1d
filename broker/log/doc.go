// Package log is the node of a Kafka-style broker ([Broker]) and that of its
// controller ([ControllerNode]), each a state machine that takes real Kafka frames
// and answers with what should be done. A broker takes requests to its replicas,
// parks what must wait, replicates what others lead, and does what the metadata
// say.
//
// # The journey of a produce request
//
// acks=all, three replicas. A frame arrives on a connection (conn.go); if no other
// request of it is in hand it is decoded and goes to produce.go, which finds the
// partition's replica and has it append the batch. The batch is not committed yet,
// so the request is parked (purgatory.go) and hangs at its partition, which is
// touched: a fetch of a follower that hangs there too can now be answered
// (fetch.go). The follower (fetcher.go, on its own node) appends what it got and
// asks for what comes after it. That second Fetch is the word that it has the
// batch: fetch.go notes it, the high watermark passes the batch, the partition is
// touched again, and the request that hangs there is answered (conn.go), after
// which the connection's next one is served.
//
// # Files
//
//	broker.go            the node: what it holds, the order of things in a step, its deadline
//	start.go             what is on the disk at the start of a life; syncs
//	stop.go              the end of a life in good order: others lead first, then the marker
//	conn.go              connections
//	authenticate.go      who a client is: SASL (package sasl), and the credentials of users
//	authorize.go         what a client may do, and how an answer says what it may not
//	guards.go            what each API asks for: guardtopics.go, guardgroups.go, guardshares.go
//	acls.go              the entries that say so (package acl)
//	handlers.go          which request goes where; ApiVersions is made from it
//	produce.go           Produce
//	verify.go            what waits for the word of a transaction's coordinator (KIP-890)
//	writetxnmarkers.go   WriteTxnMarkers, and what this broker's coordinators append
//	describeproducers.go DescribeProducers
//	fetch.go             Fetch, of consumers and followers
//	fetchsession.go      what a reader need not say again, nor hear (KIP-227)
//	purgatory.go         what waits, what wakes it, when its time is over
//	listoffsets.go       ListOffsets, OffsetForLeaderEpoch
//	describe.go          Metadata
//	describecluster.go   DescribeCluster
//	describeconfigs.go   DescribeConfigs
//	describelogdirs.go   DescribeLogDirs
//	describequotas.go    DescribeClientQuotas: quotas are kept by the controller and bind nobody
//	features.go          what is said of the levels of features; UpdateFeatures
//	findcoordinator.go   FindCoordinator: who leads the partition of a group or a transactional id
//	coordinators.go      coordinators on this broker: which one decides, who waits for it
//	shard.go             one of them: decisions become records, answers wait until those are safe
//	loadcoordinator.go   what it must know first: the log of its partition
//	groups.go            requests about groups: routed, and gathered from several coordinators
//	grouptopics.go       what coordinators of groups know of topics
//	describegroups.go    DescribeGroups and its kind, ListGroups, DeleteGroups
//	offsets.go           OffsetCommit, TxnOffsetCommit, OffsetFetch, OffsetDelete
//	transactions.go      the requests to coordinators of transactions
//	txnverify.go         coordinators asked by the leaders of partitions (KIP-890)
//	txnmarkers.go        the markers that coordinators here want written, and where
//	sharegroups.go       requests about share groups (KIP-932), and what share coordinators do for them
//	sharefetch.go        ShareFetch: records are acquired, and acknowledged
//	shareacknowledge.go  ShareAcknowledge
//	sharesession.go      what a member fetches; it ends with its connection
//	sharepartitions.go   share partitions of the partitions that this broker leads
//	sharepersist.go      what is asked of share coordinators, here or on other brokers
//	sharestate.go        share coordinators on this broker, and the requests to them
//	internaltopics.go    the topics of coordinators, and what nobody else may do with them
//	producerids.go       blocks of producer ids; InitProducerId of idempotent producers
//	deleterecords.go     DeleteRecords
//	createtopics.go      topics that are created because somebody has asked about them
//	forward.go           what is passed on to the controller for an operator
//	reconfigure.go       settings of brokers that change while they run (KIP-226)
//	lifecycle.go         registration and heartbeats
//	activecontroller.go  which controller leads the quorum
//	replay.go            the metadata log: fetched, replayed, applied to the replicas
//	fetchsnapshot.go     what is before it, fetched as a snapshot
//	fetcher.go           following: num.replica.fetchers of each leader
//	remove.go            the files of partitions that are no more, or no more here; stray logs
//	commands.go          what the controller is asked for: ISRs, producer ids, topics
//	link.go              a connection that a broker keeps to another node
//	outbox.go            what other brokers are to be asked, and is put together meanwhile
//	retention.go         what has expired, looked for now and then; what is deleted, removed
//	clean.go             the log cleaner: which log, how fast, what must be synced first
//	flush.go             what is older than flush.ms, made durable now and then
//	checkpoint.go        high watermarks, recovery points, log starts, written down now and then
//	audit.go             brokers held against each other, for simulations
//	auditquorum.go       controllers held against each other, and against what they were
//
//	controllernode.go    the controller's node: its life, its disk, who waits
//	controllerserve.go   its requests
//	controllervoters.go  its connections to the other controllers
//
// # What must hold
//
// Serving:
//
//   - Requests of one connection are served one at a time, as Kafka mutes a channel
//     until the answer is out: answers keep the order of requests, and a long poll
//     holds up what stands behind it.
//   - Nothing is served, led or followed before the broker has replayed its own
//     registration: until then the metadata speak of an earlier life, and a client
//     would be told that there are no topics.
//   - A parked request hangs at each of its partitions, and at nothing else. What
//     changes a partition touches it, and everything that is touched is looked at
//     before the step ends: the high watermark that passes, a new leader epoch, a
//     sync. So a leadership change fails in one step whoever waits for the old
//     leader, an append that the same broker would acknowledge in a later epoch of
//     its own too.
//   - What a timed-out or refused request has appended stays in the log. The client
//     must take it as unknown.
//   - Of a transactional Produce nothing is appended before the coordinator knows of its
//     partitions, and what it has said is good for the transaction that it was asked about:
//     a marker that has come meanwhile ends the guard (KIP-890).
//   - What a member of a share group says of records is answered when its coordinator has written
//     it down, and nobody else has them before. A share partition whose state somebody else has, or
//     has begun anew, ends here, and whoever fetches next has it read again.
//   - The share partitions of a group end with its last session here: an operator may change what is
//     kept of a group in which there is nobody.
//   - An answer to a Fetch is made in memory that the next one uses again.
//   - A Fetch of a session is read as if it named everything that its reader wants; what has
//     not changed is left out when the answer leaves. Followers ask without a session.
//
// Replication:
//
//   - The answer to a follower's Fetch counts only while epoch and log end are those
//     that were asked with. A partition has one fetcher, so nothing else moves its
//     log end meanwhile, but an election may.
//   - A partition that answered with an error is asked for again after a back-off, a
//     fenced one only when the metadata name a later leader.
//   - Fetch between brokers is version 15, which says in which life a follower asks
//     (KIP-903): one of a former life that was held up on its way counts for nothing
//     once the leader has heard of the new one, whose log may be shorter, be it from
//     the metadata or from a later fetch. A leader that has heard of neither takes
//     it as what was true then. Its question about the ISR names the broker epochs
//     of the fetches that it goes by, and the controller refuses an old one.
//
// The controller:
//
//   - There are three connections to it, since it answers those of one connection in
//     order too: a long poll for metadata must not hold up a heartbeat, and neither
//     may wait for a change of the metadata to become durable.
//   - A command is asked until it is answered. It may so be done twice: a second
//     AlterPartition finds the change made, a second block of producer ids leaves a
//     gap, a second CreateTopics finds that the topic exists.
//   - There is one heartbeat at once when the registration has been replayed: that is
//     what the controller waits for before it unfences the broker.
//
// Coordinators:
//
//   - What a coordinator knows is what its log says, and nothing of the log that may be lost is
//     told: an answer, and a marker, waits until the high watermark is above all that had been
//     decided by then. So does one that only reads (Kafka answers that from what is committed).
//   - A coordinator serves when it has replayed its log to the end and the high watermark has
//     passed the start of the leader epoch. Kafka does not wait for the latter, and answers
//     from a state of which what is above may be cut off.
//   - It lives for one leader epoch. A later one, of the same broker too, begins from the log.
//   - Records are appended with acks=all. Below min.insync.replicas a group's coordinator so
//     refuses at once, where Kafka 4 appends with acks=1 and answers the same,
//     COORDINATOR_NOT_AVAILABLE, when offsets.commit.timeout.ms are over. There is no linger
//     (group.coordinator.append.linger.ms): a decision is a batch.
//   - Who waits for an answer hangs at its coordinator by a token. A connection that ends, and a
//     leadership, takes the tokens with it in the same step.
//   - A home is a matter of how many partitions the topic has now; Kafka goes by how many it had
//     when the broker was started. Who adds partitions to an internal topic loses what is in
//     it, there as here.
//
// Clients:
//
//   - What comes on the listener for clients that must show who they are does not reach a
//     handler before they have: it is read by a table of three APIs, and nothing of it that is
//     larger than sasl.server.max.receive.size.
//   - Kafka answers who has failed after connection.failed.authentication.delay.ms; here at once.
//   - What a client may do is decided by what the broker has replayed, before a handler sees a
//     request; of what a controller does, too, which trusts brokers. An API without a guard lets
//     nobody in who is held to something, and a test says so.
//   - What a consumer may read is looked at each time that it is read: a session names it once,
//     and who waits may lose it. A handler's answer is looked at when it leaves.
//   - Addresses in an answer are those of the listener that the client has come to. Brokers
//     use the first.
//
// The disk:
//
//   - A failed write or sync ends the broker's life, as the last log directory does
//     in Kafka: who waits for the append is told KAFKA_STORAGE_ERROR, and nobody is
//     served until it is started again, for only reading the disk again tells what is
//     on it. A full disk is no failure: the append is refused with that error, a
//     follower asks again after a back-off, and what stands beside the logs is written
//     when there is room.
//   - A checkpoint is a hint, for any lower offset is as true: half a file is none, and
//     more than the log holds is cut. It is written beside the old one, which it
//     replaces when it is durable. The high watermark promises that a replica had been
//     told that what is below is committed, the recovery point that it is durable.
//   - That a log may have holes is in the cleaner's checkpoint, durably, before it has one: a
//     log that is compacted, or whose leader's was. How far a log is clean is written down
//     when the segments are durable in which it is.
//   - A log of which the metadata tell nothing when a life begins is not deleted, since they
//     may be what was lost. Its directory gets a name that ends in -stray, as in Kafka; an
//     operator removes it.
//   - The marker of a clean shutdown is written last and removed first: a life that
//     finds one does not register before its removal is durable.
//   - A read may be of what is not resident. That is charged to the step; it is not
//     loaded while the node goes on yet.
//
// Time:
//
//   - A deadline in the past is one that the next Tick resolves. Whatever adds to
//     Broker.nextDeadline must be done by a step of that time, whichever input it has.
package log
