// Package failpoint names the places where a run may ask for trouble.
//
// There is one [Set] per node over a private github.com/pingcap/failpoint
// registry. A machine asks its set at a [Site] and gives the key of what it is
// about to do; the set decides from (seed, node, site, key) with an integer
// threshold, and only a site that fires asks the registry for its value. What a
// value means (a delay, an error, a crash) is for the machine to say in its own
// simulated time.
//
// The sites are of four kinds. A planted bug is a historical mistake that the
// checks of a run must find; it is armed with [Always]. A situation is something
// that a run must have met before its verdict says much, and is counted with
// [Set.Hit]. A quirk is something that a correct node may do and seldom does, such as
// to give out one batch where there are many (FoundationDB's BUGGIFY): a run arms a
// quarter of them, and each fires for some keys. A step is a moment between two
// others at which a node may be ended: it is counted, and whoever looks on after the
// node's step ends it there.
//
// # What may be relied upon
//
//   - A decision reads nothing that an earlier decision wrote: asking twice with
//     one key gives one answer, and a site that is asked more or less often
//     leaves every other key as it was. Counters only report. The exception is
//     asked for by name: a counted term ("2*return(1)") is used up in the order
//     of asking, and Set.Eval with it must stay out of Decide functions.
//   - A nil *Set is off and costs a comparison. Nothing here allocates after
//     [Set.Arm].
//   - Only chains of "return(...)" and "N*return(...)" are accepted. Of the
//     library's other terms, "%" draws from a global generator, "sleep" and
//     "pause" leave virtual time, "off" runs the body all the same, "print",
//     "break" and "panic" act on the whole process.
//   - The library must not be told to disable what it failed to enable: that
//     panics there. So a set asks it to disable nothing, ever: a site is
//     switched off by its threshold.
//   - The library links net/http, 9.8 MB of wasm, so that on js the set
//     evaluates the terms itself; one table of tests holds for both.
package failpoint
