// Package cluster runs a log broker cluster in one process, for clients over TCP: brokers
// and their controller, each a [host.Node] on a directory and a listener of its own.
// What the simulator does to machines by a schedule, it does in real time, as far as
// real time allows: see [Supported].
package cluster
