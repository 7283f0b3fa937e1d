// Package cluster runs a log broker cluster in one process, for clients over TCP: brokers
// and their controllers, each a [host.Node] on a directory and a listener of its own; or
// one broker of another kind. What the simulator does to machines by a schedule, it does
// in real time, as far as real time allows: see [Parse].
package cluster
