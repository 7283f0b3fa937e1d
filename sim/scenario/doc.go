// Package scenario makes one run: a cluster, its clients and what goes wrong, as
// a scenario file says, in the simulator, judged. [Run] is pure: case in, result
// out, no file, no clock, no goroutine.
//
// # The journey of a run
//
//  1. plan (case.go) resolves settings, schedule, planted bugs and promise, and
//     finds every mistake in them. A bad case is refused, never half run.
//  2. newRun builds the world: brokers b1.. at the first places of the simulator,
//     the controller c101, clients p1001.. and k1002.. in the order of the file,
//     and an admin client that no schedule can name.
//  3. Time 0 is when everything boots. The schedule and "for" count from there, as
//     the command line promises. The admin creates the topics at once, which takes
//     some milliseconds. Records are due from 200 ms on (a fifth of a shorter run),
//     whether the topics exist by then or not: the arrivals are then the same
//     whatever went wrong before, and runs that differ in one fault can be compared.
//     A record that is due too early waits, and its latency counts.
//  4. Steps of the schedule are applied at their times. Roles are asked of the
//     newest metadata that anybody has (roles.go). What was applied, or why not, is
//     a line of the result, and what was applied is a note in the history.
//  5. After each step of a broker or of the controller, watch.go tells the history
//     of new leader epochs and has the auditor compare the brokers; lost.go tells
//     what a power loss has taken from the last disk that had it.
//  6. In some runs of a swarm only a core of the brokers is well at the end of the
//     load, and until it has made progress alone (core.go).
//     When the load ends everything is healed, restarted and resumed. settle.go
//     waits until nothing is under way, for no longer than "settle" allows; what
//     still is then is a liveness violation. A last client reads every partition.
//  7. The checker and the measure, which have seen every event of the history,
//     say what it came to. A broken promise, a broken invariant, a panic of a
//     broker and a run that does not come to rest make it BROKEN.
//
// # Files
//
//	spec.go      a scenario as data; parse.go reads its file, catalog.go has those
//	             that come with the program
//	case.go      a run to be made, and all that can be wrong with it
//	set.go       a case with settings above its own
//	repro.go     the string that names a run
//	edit.go      what a run leaves out of its scenario
//	run.go       Run: the phases, the result, the verdict
//	header.go    the head of the history: what the clients were promised
//	topology.go  partitions and their numbers
//	cluster.go   brokers and controller, their lives, who leads what
//	foreign.go   brokers that somebody brings along
//	clients.go   producers, readers, the admin, the final read
//	kind.go      brokers of other kinds than the log: which there are, how they are used
//	solo.go      the one broker of such a kind, its services, its rest and final read
//	moves.go     replicas that are moved during the load
//	recreate.go  topics that are deleted and created again before the load
//	membership.go readers that are members of consumer groups: what they may say, and when a
//	             group has nothing left to do
//	grow.go      topics that are given more partitions during the load
//	ungroup.go   groups that are deleted during the load
//	trim.go      records that are deleted during the load
//	transactions.go
//	             who writes in transactions, processors, and the roles of coordinators
//	bulk.go      loads of very many records, followed by a ledger instead of a history
//	machines.go  what the nodes of such a load run on
//	ways.go      where the time of one of its records goes
//	watcher.go   who looks on while a run is made
//	roles.go     who is meant by "leader"
//	fault.go     steps of the schedule, and the heal
//	steps.go     nodes that are ended between two steps
//	watch.go     leader epochs, audits
//	lost.go      which bytes are on no disk any more
//	eaten.go     disks that may have lost what they had synced
//	forget.go    what coordinators lose with their power, and who need not come to an end then
//	core.go      as few brokers as must suffice, alone
//	settle.go    rest, and liveness
//	swarm.go     a whole scenario drawn from a seed; swarmdraw.go has its cluster,
//	             load and settings, swarmbudget.go what may go wrong at once,
//	             swarmquirks.go what nodes do that is rare and legal, and
//	             swarmpromise.go what Kafka's own flaws take from its promise
//	oracle.go    what an unrestricted swarm may lose although disks have it
//	trace.go     a line for every event
//
// # What must hold
//
//   - after is called for every event of a run: where nothing has changed it costs
//     some comparisons and no allocation.
//   - A leader epoch is in the history before the first answer of that epoch. The
//     first broker that learns of it tells, while its effects have not left.
//   - The controller's metadata are audited as far as they are committed. Beyond,
//     a power loss may take them back, and the next epoch may have the same number.
//   - A dead broker's object is kept: its replicas still say what its log held, by
//     digests in memory. Its files belong to the next life.
//   - A broker that has lost power holds all that it had, as far as anybody can
//     claim, until its next life has recovered. So what two brokers lose together
//     is noted when the second of them has recovered, and what one of them still
//     had is not.
//   - With acks=all, only what was committed is noted as lost with its disks:
//     nobody was promised more, and an offset above may hold other records by then.
//     A broker that acknowledges too early finds no excuse in a power loss.
//   - Where every acknowledgement waits for a disk, a loss of power excuses nothing. A
//     disk that lies, rots, misdirects a write or is exchanged does (eaten.go).
//   - Brokers that nobody can look into are asked nothing but what clients may ask:
//     where a partition ends is what the final read has found.
//   - That nothing is pending in the end does not lift a verdict from vacuous.
//   - Numbers of nodes that no schedule can name are far above those of others, so
//     that a client more or less leaves their draws as they were.
package scenario
