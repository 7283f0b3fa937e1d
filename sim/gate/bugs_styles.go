package gate

import "brokersim/faults/failpoint"

// styleBugs are bugs of brokers of other kinds than the log, in scenarios of their kinds.
var styleBugs = []Bug{
	{
		Site: failpoint.Q01ConfirmBeforeSync, Source: "a persistent message is confirmed when it is on the disk (rabbitmq.com/confirms)",
		Mechanism:  "A work queue confirms a persistent message before it is on the disk.",
		Experiment: inQueue(slowDisk),
		Fault:      "a reader is away, a slow disk, power loss of the broker", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.Q02SettleOnDelivery, Source: "what acknowledgements are for (rabbitmq.com/confirms)",
		Mechanism:  "A work queue writes a message off when it has sent it, not when it is acknowledged.",
		Experiment: inQueue(bothCrash),
		Fault:      "crash a reader, then the broker", Property: "no-acked-loss", Difficulty: 3,
	},
	{
		Site: failpoint.Q03RequeueAtTail, Source: "RabbitMQ before 2.7.0 (rabbitmq.com/semantics)",
		Mechanism:  "A work queue puts what it gets back behind everything else.",
		Experiment: inQueue(crashTwice),
		Fault:      "crash a reader that has something to catch up with", Property: "entity-order", Difficulty: 2,
	},
	{
		Site: failpoint.Q04TwoActiveConsumers, Source: "what a single active consumer is for (rabbitmq.com/consumers)",
		Mechanism:  "A queue with a single active consumer sends to all of them.",
		Experiment: inQueue(""),
		Fault:      "none", Property: "entity-order", Difficulty: 1,
	},
	{
		Site: failpoint.Q05DropRequeued, Source: "automatic requeueing (rabbitmq.com/confirms)",
		Mechanism:  "A work queue loses what it gets back from a reader that is gone.",
		Experiment: inQueue(""),
		Fault:      "crash a reader", Property: "no-acked-loss", Difficulty: 1,
	},
	{
		Site: failpoint.Q06IgnorePrefetch, Source: "rabbitmq.com/consumer-prefetch",
		Mechanism:  "A work queue sends a reader more than its prefetch allows.",
		Experiment: inQueue("1s..2s for 800ms crash inventory"),
		Fault:      "a reader has something to catch up with", Property: "prefetch-bound", Difficulty: 1,
	},
	{
		Site: failpoint.Q07ForgetRedelivered, Source: "AMQP 0-9-1, redelivered of basic.deliver",
		Mechanism:  "A work queue sends again as if for the first time.",
		Experiment: inQueue(""),
		Fault:      "crash a reader", Property: "no-duplicate", Difficulty: 1,
	},
	{
		Site: failpoint.Q08LoseDeadLetters, Source: "rabbitmq.com/dlx",
		Mechanism:  "A work queue drops what it should give to its dead letter exchange.",
		Experiment: inQueue("1s..4s for 1s crash inventory", "queue.dead-letter-after=300ms"),
		Fault:      "a reader is away until messages expire", Property: "no-acked-loss", Difficulty: 1,
	},
	{
		Site: failpoint.P01SkipOverflow, Source: "client-output-buffer-limit disconnects, so that a subscriber knows (redis.conf)",
		Mechanism:  "A pub/sub broker leaves out what does not fit into a subscriber's output buffer, and keeps the connection.",
		Experiment: inChannel(slowLink, "pubsub.hard-limit=20000"),
		Fault:      "a subscriber is slow", Property: "no-gap", Difficulty: 2,
	},
	{
		Site: failpoint.P02NewestFirst, Source: "an output buffer is a queue",
		Mechanism:  "A pub/sub broker sends what it held back for a slow subscriber newest first.",
		Experiment: inChannel(slowLink),
		Fault:      "a subscriber is slow", Property: "per-key-order", Difficulty: 2,
	},
	{
		Site: failpoint.P03Retain, Source: "MQTT's retained messages, where nobody has asked for them",
		Mechanism:  "A pub/sub broker keeps a channel's last message and sends it to whoever begins to listen.",
		Experiment: inChannel(resets),
		Fault:      "a connection is reset", Property: "no-duplicate", Difficulty: 1,
	},
	{
		Site: failpoint.P04ShortCopy, Source: "an off-by-one in a copy",
		Mechanism:  "A pub/sub broker loses the last byte of what it holds back.",
		Experiment: inChannel(slowLink),
		Fault:      "a subscriber is slow", Property: "no-phantom", Difficulty: 2,
	},
}

// The schedules of more than a step.
const (
	slowDisk = `
2s..3s for 1500ms        crash inventory
2s for 3s                disk-slow b1 20
3100ms..3400ms for 200ms power-loss b1
`
	bothCrash = `
2s..3s for 1500ms        crash inventory
3100ms..3400ms for 200ms crash b1
`
	crashTwice = `
1s for 1s                crash inventory
2100ms..2400ms for 100ms crash inventory
`
	slowLink = "2s..3s for 2s throttle b1 inventory 100000/s"
	resets   = `
1s..1500ms  reset b1 payment
2s..2500ms  reset b1 payment
3s..3500ms  reset b1 payment
4s..4500ms  reset b1 payment
5s..5500ms  reset b1 payment
`
)

func inQueue(faults string, set ...string) Experiment {
	return Experiment{Scenario: "orders-queue", Set: set, Faults: faults, Seeds: styleSeeds}
}

func inChannel(faults string, set ...string) Experiment {
	return Experiment{Scenario: "orders-channel", Set: set, Faults: faults, Seeds: styleSeeds}
}

const styleSeeds = 100
