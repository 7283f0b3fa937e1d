// Package host runs one [machine.Machine] on TCP, the files of a directory and the
// clocks of the computer: what package sim does for many machines in virtual time, without
// anything that decides. It knows no protocol; a listener says how frames are split.
//
// # The journey of a frame
//
//  1. A connection's reader (read.go) splits what comes and waits at its gate: two
//     frames may be under way to the machine, none while the machine has stopped
//     reading, and none while the peer does not take what was sent to it. A peer that
//     is held back so is held back by TCP.
//  2. The frame goes into the inbox (inbox.go). One goroutine at a time has the turn to
//     step the machine (loop.go): the reader, if the frame is small and nobody has it,
//     which saves waking another; or else whoever has it takes the frame with what
//     waits, or leaves it to the loop.
//  3. What the step wants done is done at once if it cannot block: files are written
//     by call, frames are put behind others of their connection, dials and syncs are
//     handed to goroutines of their own.
//  4. A small frame that finds room goes to the kernel at once. All else is handed to it
//     by the connection's writer (write.go), what waits in one writev, piece by piece as
//     the machine has made it, without copying.
//
// # Files
//
//	node.go    Config and Node: start, stop, kill, pause, look inside
//	loop.go    the steps of the machine: whose turn it is, the timer, effects
//	inbox.go   what waits to be stepped, and the turn
//	conn.go    a connection, its gate, how it ends
//	read.go    reading and splitting
//	write.go   writing
//	dial.go    dialling, and what errors mean
//	way.go     faults on the way to another node
//	files.go   the page cache: machine.Files on a directory
//	sync.go    group fsync in the background
//	lock_*.go  one process for a directory
//
// # What may be relied upon
//
//   - A frame is one allocation's part, never used again by the host: a machine may
//     keep it as long as it likes. Memory grows with what a peer has sent, never with
//     what it says that it will send.
//   - DiskDone without error means that fsync has returned for the file and for every
//     directory whose entries had changed. After an error the file, or the directory,
//     is refused for the rest of the life: fsync is not asked again and believed.
//   - A directory is held by one life at a time, in this process or another.
//   - Whoever steps never waits for a peer. It does wait for the disk when
//     a write finds no room in the page cache, or a read is not in it. Resident says
//     which reads those are where the kernel does (Linux), and else that there are none;
//     the log broker does not ask yet.
package host
