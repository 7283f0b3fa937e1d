// Package capacity answers how much a cluster carries: the largest rate that meets
// what is asked of it, with all brokers and with one lost, what breaks first, where the
// time goes, and what moves the answer.
//
// # The journey of a study
//
//  1. [Read] takes a load in the words of OpenMessaging Benchmark, an SLO, and a
//     cluster on a hardware profile. [Study.With] puts settings above it.
//  2. [NewPlan] begins a state machine. [Plan.Next] hands out probes, which are runs to
//     be made, and [Plan.Take] takes what they came to. Whoever drives it decides how
//     many runs are made at a time; what is handed out does not depend on it.
//  3. [Run] makes the run of a probe in sim/scenario: clients whose records are checked
//     one by one, brokers on the profile's cores, network and disks. Dirty pages begin
//     in the steady state of the rate. A broker that is lost is dead, and fenced,
//     before the first record is due. A run of which so much waits that its rate cannot
//     be met any more ends there, and says so: its memory is bounded.
//  4. The rates are bracketed by factors of two and narrowed to 2 %, all with the same
//     random numbers, then each seed looks for its own answer in steps of 2 %, so that
//     the answer has an interval. What is asked beside (curves, a killed broker, a
//     reader that was away, other settings, parameters and shapes) is run at the rate
//     to plan on. No run is made twice, and a study of five seeds makes 120 at most:
//     what is left of them goes to the parameters.
//  5. [Plan.Result] says what it came to.
//
// # Files
//
//	study.go        a study as data, and as a scenario
//	read.go         its file; studies/ has those that come with the program
//	with.go         settings above it
//	hardware.go     what its sheets say, as machines
//	point.go        one run, and whether its rate is met
//	usage.go        what was used of each resource, and where the time went
//	search.go       the search, intervals
//	ladder.go       each seed's own answer, in steps
//	faults.go       what goes wrong in every run, if the study says so
//	plan.go         the stages of a study
//	sweep.go        one setting instead
//	roof.go         what no run can exceed, and why it is not reached
//	knees.go        three answers to where a curve bends
//	timeline.go heatmap.go sensitivity.go shapes.go rules.go   what is asked beside
//	answer.go text.go assumptions.go                           what it came to
//
// # What must hold
//
//   - Whether a rate is met is counted, of the latencies themselves. No percentile of a
//     histogram decides, and no floating point.
//   - The same study gives the same result, byte for byte, however many runs are made
//     at a time.
//   - Nothing of a run is kept but its numbers.
package capacity
