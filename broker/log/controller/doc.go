// Package controller holds the cluster metadata and decides about it: who is
// registered, which topics exist, who leads each partition and who is in sync.
//
// A command becomes records ([Controller.Decide], which changes nothing) and
// records become the [Image] ([Controller.Replay], which is the only thing that
// changes it). Whoever replays the same records has the same image: the
// controller that decided, one that starts again, and every broker.
//
// # The journey of a command
//
// A broker's AlterPartition arrives as the bytes of a frame; the node that owns
// the controller decodes it and asks Decide. The answer is one record for each
// partition that changes, and a response. The node appends the records to the
// metadata log as one batch and replays them at once, so that the next decision
// sees them; it holds the response back until the batch is below the high
// watermark, that is, until it cannot be lost. Brokers fetch the log up to the
// high watermark and replay the same records.
//
// # Files
//
//	record.go            the kinds of record
//	codec.go             their bytes
//	image.go             what they add up to
//	controller.go        commands and decisions
//	session.go           which brokers have been heard of lately: soft state
//	broker.go            registration, heartbeat, fencing, controlled shutdown
//	election.go          who leads a partition when its brokers come and go
//	electleaders.go      elections that somebody asks for, and preferred leaders
//	alterpartition.go    what a leader may change about its ISR
//	reassign.go          replicas that are moved (KIP-455)
//	topics.go            creating topics
//	deletetopics.go      deleting them
//	createpartitions.go  more partitions for them
//	alterconfigs.go      other settings for them, and for brokers while they run
//	quotas.go            quotas of clients: kept and described, nobody is held to them
//	snapshot.go          the image as records, and back (KIP-630)
//	placement.go         which brokers hold the replicas of a new partition
//	topicconfig.go       the configuration of topics
//
// # What must stay true
//
//   - After every single record, not only after every batch: a leader is in the
//     ISR, a fenced broker leads nothing. So a fence comes after the elections
//     that it causes, and an unfence before them.
//   - An ISR is never empty. Its last member stays in it even when fenced,
//     because nobody else is known to have what was acknowledged. That it stays
//     electable after it has lost its disk's unsynced end is the rule from before
//     KIP-966, with the loss of data that KIP-966 describes.
//   - Of a reassignment, old replicas leave when all that are added are in sync, and in a new
//     leader epoch: they cannot speak for the partition any more.
//   - The broker epoch is the offset of the record that registered the
//     incarnation, so it rises with each incarnation and a broker that has
//     replayed up to it has seen its own registration.
//   - What a Decide knows beside the image is only the sessions, which are soft:
//     a controller that starts again gives every unfenced broker a whole one.
package controller
