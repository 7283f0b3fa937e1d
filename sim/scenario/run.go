package scenario

import (
	"fmt"
	"slices"

	"brokersim/broker/machine"
	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/measure"
	"brokersim/checker/result"
	"brokersim/sim"
)

// Run makes one run. It is pure: the same case gives the same result, byte for
// byte. It runs nothing for a case that [Check] refuses: the verdict is unknown
// then, the exit code that of bad input, and the error the first warning.
//
// A panic of a broker or of the controller is a finding of the run. Any other
// panic is a mistake of the simulator and comes out of Run.
func Run(c Case) result.Result {
	p, err := c.plan()
	if err == nil && p.Spec.Bulk != nil {
		err = fmt.Errorf("%s: has a bulk load, which is not run as others are", p.Spec.Name)
	}
	if err != nil {
		return refused(c, err)
	}
	r := newRun(p)
	r.play()
	return r.result()
}

// run is one run under way.
type run struct {
	*plan
	sim      *sim.Sim
	topology topology
	header   *history.Header
	rec      *history.Recorder
	checker  *checker.Checker
	measure  *measure.Measure

	cluster *cluster // nobody is in it where there is a solo
	clients *clients
	solo    *solo // the broker and the services of another kind than the log
	audits  audits
	trace   trace
	moment  Moment
	shown   int // audits that the watcher has seen

	observing bool            // in After: a panic is ours, not the node's
	stepped   machine.Instant // when a node was last looked at
	faults    []string        // as applied
	late      []string        // due after the load
	core      core
	load      *underLoad      // of [Load]; else nil
	healed    machine.Instant // when everything was
	liveness  liveness
	forgiving bool // what losses of power may keep from its end need not have come to it
	stopped   bool // by Until
}

// newRun builds the world of a case and nothing has happened in it yet.
func newRun(p *plan) *run {
	r := &run{plan: p, topology: newTopology(p.Spec), sim: sim.New(sim.Config{Seed: p.Seed, Latency: p.Spec.machines().Latency}), faults: []string{}}
	r.header = p.header(&r.topology)
	r.checker, r.measure = checker.New(r.header), measure.New(0)
	sinks := []history.Sink{r.checker, r.measure}
	if p.History != nil {
		sinks = append(sinks, p.History(r.header))
	}
	r.rec = history.NewRecorder(func() int64 { return int64(r.sim.Now()) }, sinks...)
	if p.Spec.Bulk != nil {
		r.load = newLoad(r)
	}
	if p.Spec.log() {
		r.cluster = newCluster(r)
		r.clients = newClients(r)
		r.cluster.coordinators = slices.Repeat([]int32{-1}, len(r.clients.groups))
		r.sim.After = r.after
	} else {
		r.solo = newSolo(r)
	}
	r.sim.OutOfMemory = r.outOfMemory
	r.look()
	if p.Fork.At > 0 {
		r.sim.At(machine.Instant(p.Fork.At), func() { r.sim.Reseed(p.Fork.Seed) })
	}
	r.planFaults()
	r.planCore()
	return r
}

// play lets the run happen: the load and its faults, what a core of the cluster has
// to do alone, the heal, rest, the final read and the last audit.
func (r *run) play() {
	defer r.blame()
	rest, readAll := r.comeToRest, r.readAll
	if r.solo != nil {
		rest, readAll = r.solo.comeToRest, r.solo.drainAll
	}
	for _, phase := range []func(){
		func() { r.runTo(machine.Instant(r.Spec.For)) },
		r.coreProgress,
		r.healAll,
		rest,
		readAll,
		r.auditEnd,
	} {
		if phase(); r.stopped {
			return
		}
	}
}

// runTo lets the run go on to an instant, or to Until if that comes first.
func (r *run) runTo(at machine.Instant) {
	if until := machine.Instant(r.Until); until > 0 && at >= until {
		at, r.stopped = until, true
	}
	r.sim.Run(at)
}

// blame makes a panic of the cluster a finding of the run, which is over then.
func (r *run) blame() {
	v := recover()
	if v == nil {
		return
	}
	p, ofNode := v.(*sim.Panic)
	if ofNode && r.Broker != nil {
		if what, told := p.Value.(stranger); told {
			r.audits.add(p.At, fmt.Sprintf("panic: %s: %v", p.Node, what))
			return
		}
	}
	if !ofNode || r.observing || !r.cluster.has(p.Node) {
		panic(v)
	}
	r.audits.add(p.At, fmt.Sprintf("panic: %s, told %s: %v", p.Node, p.Input, p.Value))
}

// result is what the run came to.
func (r *run) result() result.Result {
	res := result.Result{
		V:         result.Version,
		Scenario:  r.Spec.Name,
		Seed:      fmt.Sprintf("%#x", r.Seed),
		TraceHash: fmt.Sprintf("%016x", r.sim.TraceHash()),
		Events:    r.sim.Events(),
		VirtualNS: int64(r.sim.Now()),
		Audits:    r.audits.list,
		Faults:    r.faults,
		Reached:   r.cluster.reached(r.bugs),
		Warnings:  r.warnings,
		Repro:     r.repro(r.sim.TraceHash()),
	}
	if r.trace.err != nil {
		res.Warnings = append(slices.Clone(res.Warnings), fmt.Sprintf("the trace ends early: %v", r.trace.err))
	}
	v := r.checker.Finish()
	v.Fill(&res)
	s := r.measure.Finish()
	s.Fill(&res)
	r.judge(&res)
	return res
}

// judge adds what the checker cannot see. That everything came to rest in the
// end makes no verdict by itself: a run in which nothing was looked at has shown
// nothing, even if nothing of it is pending.
func (r *run) judge(res *result.Result) {
	res.Findings = slices.DeleteFunc(res.Findings, func(f result.Finding) bool { return f.Property == livenessProperty })
	res.Verdict = result.Overall(res.Findings)
	f := r.liveness.finding()
	res.Findings = append(res.Findings, f)
	if !slices.Contains(res.Promise.Properties, livenessProperty) {
		res.Promise.Properties = append(res.Promise.Properties, livenessProperty)
	}
	switch {
	case f.Outcome == result.Broken || len(res.Audits) > 0:
		res.Verdict = result.Broken
	case r.cluster.opaque:
		res.Findings = append(res.Findings, unaudited())
	}
	if r.stopped {
		r.noVerdict(res)
	}
	res.Exit = res.Verdict.Exit()
}

// noVerdict takes back what was said of a run that was stopped: a record that is
// missing may only not have been read yet.
func (r *run) noVerdict(res *result.Result) {
	res.Verdict = result.Unknown
	for i := range res.Findings {
		f := &res.Findings[i]
		f.Outcome, f.Violations, f.More = result.Unknown, []result.Violation{}, 0
	}
	res.Warnings = append(slices.Clone(res.Warnings), fmt.Sprintf("stopped at %s, as asked: this is no verdict", seconds(r.sim.Now())))
}

// refused is the result of a case that cannot be run.
func refused(c Case, err error) result.Result {
	res := result.Result{
		V: result.Version, Seed: fmt.Sprintf("%#x", c.Seed), Verdict: result.Unknown, Exit: result.ExitUsage,
		Promise: result.Promise{Properties: []string{}}, Findings: []result.Finding{}, Faults: []string{},
		Reached: map[string]int64{}, Warnings: []string{err.Error()},
	}
	if c.Spec != nil {
		res.Scenario = c.Spec.Name
	}
	return res
}
