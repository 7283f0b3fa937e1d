// Package faults says when and where things go wrong.
//
// A schedule is text: it is written by hand or kept with a failing seed, read by
// [Parse], printed again by [Schedule.String], given times by [Schedule.Plan],
// and applied step by step to a [World]. The package knows neither a simulator
// nor a kind of broker: which roles, nodes and classes of frames there are is
// the [Vocabulary] of the caller.
//
//	# a follower is cut off for longer than it may lag, then the leader dies
//	1s for 700ms     cut follower leader
//	900ms..1400ms    power-loss leader(orders-0)
//	3s               restart *
//	3.2s             drop produce-response leader any 2
//
// # Grammar
//
//	schedule  = { [ step ] [ "#" comment ] newline }
//	step      = when [ "for" duration ] action
//	when      = duration | duration ".." duration
//	duration  = what time.ParseDuration reads, with a unit, 0s to 24h
//	action    = "cut" target target                one way: frames from the first
//	                                               to the second wait in order
//	          | "cut-both" target target           both ways
//	          | "heal" target target               one way: ends cut, slow, clog and
//	                                               throttle
//	          | "heal-both" target target
//	          | "heal" "*"                         every link
//	          | "slow" target target duration      one way: frames take that much
//	                                               longer; 0s ends it
//	          | "drop" class target target [ n ]   one way: the next n (1) frames of
//	                                               the class are lost, and what
//	                                               follows on their connection
//	          | "reset" target target              every connection between the two
//	          | "reset" "after-accept" class target target
//	                                               one way: the next frame of the
//	                                               class arrives, then its
//	                                               connection is reset, so that the
//	                                               answer is lost
//	          | "memory" target n                  the process is killed when more than
//	                                               that many bytes that it has sent wait
//	                                               to be taken; 0 ends it
//	          | "duplicate" class target target duration
//	                                               one way: the next frame of the
//	                                               class arrives that much later,
//	                                               while its sender has lost the
//	                                               connection and may send it again
//	                                               on another
//	          | "crash" target                     the process; its page cache stays
//	          | "power-loss" target                un-synced bytes are lost or torn
//	          | "stop" target                      the process is asked to end in good
//	                                               order, and ends when it has; one that
//	                                               has not when it is to start again is
//	                                               killed
//	          | "restart" target                   after a crash, a power loss or a stop
//	          | "restart" "*"                      every node that is down
//	          | "crash-at" step target             the process, when it next passes a
//	                                               named step, such as "append": what it
//	                                               wrote stays, what it wanted sent is
//	                                               lost. A restart ends the waiting, too
//	          | "power-loss-at" step target
//	          | "pause" target                     stands still
//	          | "resume" target
//	          | "skew" target offset               the wall clock jumps
//	          | "drift" target ( "+" | "-" ) n     the monotonic clock goes that many
//	                                               parts per million faster
//	          | "clog" target target               one way: frames pile up, and all
//	                                               arrive at once when it is healed
//	          | "throttle" target target n "/s"    one way: so many bytes a second;
//	                                               0/s ends it
//	          | "bit-rot" target [ files ]         a bit that is on the disk flips
//	          | "latent-error" target [ files ]    a sector on the disk cannot be read
//	                                               until it is written again
//	          | "io-error" target [ files ] [ "off" ]
//	                                               appends and syncs fail
//	          | "sync-error" target [ files ] [ "off" ]
//	                                               syncs fail, and keep nothing
//	                                               from then on
//	          | "disk-full" target [ "off" ]       appends fail for want of room
//	          | "disk-slow" target n               n times slower; 1 ends it
//	          | "disk-stall" target [ "off" ]      the disk does not answer
//	          | "fsync-lies" target [ "off" ]      syncs claim success, keep nothing
//	          | "disk-reorders" target [ "off" ]   a power loss keeps any of the sectors
//	                                               that were not synced
//	          | "disk-misdirects" target [ "off" ] a power loss finds one of them
//	                                               written over another sector,
//	                                               synced or not
//	          | "mend" target                      ends io-error, sync-error, disk-...
//	                                               and fsync-lies
//	          | "wipe" target                      the disk is empty at the next start
//	files     = pattern                            of path.Match: "orders-0",
//	                                               "orders-*", "orders-0/*.log"; what
//	                                               it matches is a file, or a directory
//	                                               with all in it
//	offset    = ( "+" | "-" ) duration
//	target    = role [ "(" [ partition ] ")" ]     who has the role when the step
//	                                               is applied
//	          | role "(" [ partition "=" ] nodes ")"
//	                                               those nodes, which had the role
//	          | nodes
//	          | "*" | "all"                        every node
//	nodes     = node { "," node }
//
// Words are separated by spaces or tabs. With several nodes a step is applied to
// each, or to each pair of two different ones. "for" goes with cut, cut-both,
// slow, clog, throttle, crash, stop, power-loss, crash-at, power-loss-at, memory, pause, skew, drift, io-error, sync-error,
// fsync-lies and each of disk-...: after that time the same nodes get the heal,
// restart, resume, the opposite offset, or the end of it, whoever has the role then.
//
// # What may be relied upon
//
//   - A window is drawn from the seed by the identity of its step, in whole
//     microseconds, both ends included: removing a step leaves the times of all
//     others as they were.
//   - What [At.Apply] returns for the steps of a run is a schedule again, with
//     every role resolved. It repeats the run without a [View].
//   - A step whose role is nobody's is not applied, and says so in a comment.
//     Nothing is dropped silently, and what it would have been undone by is not
//     applied either.
package faults
