package gate

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"brokersim/checker/history"
	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// Matrix is a table to be made of a scenario whose processors write in transactions: what
// each reader of their output sees when somebody crashes at each step of the protocol.
type Matrix struct {
	Spec  *scenario.Spec
	Seeds int64    // of each row: 1 to Seeds
	Plant []string // planted bugs, as in [scenario.Case]

	Workers  int // 0: as many as there are cores
	Progress func(Progress)
	Stop     <-chan struct{} // when closed, interrupts: what is under way is finished
}

// MatrixSeeds is how many seeds a row has if nobody says otherwise.
const MatrixSeeds = 20

// matrixFor is how long the load of each run is: long enough that two crash, one after the
// other, and both are back at work before it ends.
const matrixFor = 3500 * time.Millisecond

// clientSteps are those that a processor passes on its way through a transaction, in their
// order: the positions before the records, because no records leave a Kafka producer while it
// waits for a coordinator, and the positions are known when the records are. Those of the
// second list are requests of their own before transaction.version=2 only (KIP-890).
var (
	clientSteps = []failpoint.Site{
		failpoint.StepJoined, failpoint.StepPolled, failpoint.StepBegun, failpoint.StepPartitionsAdded, failpoint.StepOffsetsAdded,
		failpoint.StepOffsetsSent, failpoint.StepProduceSent, failpoint.StepAcked, failpoint.StepEndSent, failpoint.StepEnded,
	}
	addingSteps = []failpoint.Site{failpoint.StepPartitionsAdded, failpoint.StepOffsetsAdded}
)

// matrix is one under way.
type matrix struct {
	*Matrix
	out     result.Matrix
	columns map[int32]int // of out.Columns, by process
}

// Check says what is wrong with a matrix: one line.
func (m *Matrix) Check() error {
	_, err := m.prepare()
	return err
}

func (m *Matrix) prepare() (*matrix, error) {
	switch s := m.Spec; {
	case s == nil:
		return nil, fmt.Errorf("there is no scenario")
	case m.Seeds < 1:
		return nil, fmt.Errorf("%d seeds: want 1 or more", m.Seeds)
	case len(s.Processors) == 0:
		return nil, fmt.Errorf("%s: nobody processes in transactions", s.Name)
	}
	x := &matrix{Matrix: m}
	if err := x.look(); err != nil {
		return nil, fmt.Errorf("%s: %w", m.Spec.Name, err)
	}
	x.rows()
	for i := range x.out.Rows {
		if _, err := scenario.Check(x.caseOf(cellRun{i, 1})); err != nil {
			return nil, err
		}
	}
	return x, nil
}

// look finds what is read, what is written, and who reads that.
func (x *matrix) look() error {
	s := x.Spec
	first := &s.Processors[0]
	for i := range s.Processors {
		if p := &s.Processors[i]; p.Output != first.Output || !slices.Equal(p.Topics, first.Topics) {
			return fmt.Errorf("processors %s and %s do not do the same work", first.Name, p.Name)
		}
	}
	for i := range s.Producers {
		if p := &s.Producers[i]; p.Transactions.Records > 0 && slices.Contains(first.Topics, p.Topic) {
			return fmt.Errorf("producer %s writes in transactions: what is to be processed is not what is in the log", p.Name)
		}
	}
	set, err := scenario.Settings(scenario.Case{Spec: s})
	if err != nil {
		return err
	}
	x.out = result.Matrix{V: result.Version, Scenario: s.Name, Version: 2, Output: first.Output, Seeds: x.Seeds,
		Columns: []result.MatrixColumn{}, Rows: []result.MatrixRow{}}
	if s.TransactionVersion > 0 {
		x.out.Version = int(s.TransactionVersion)
	}
	x.columns = make(map[int32]int)
	for _, id := range servicesOf(s).readersOf(s, first.Output) {
		x.columns[id.process] = len(x.out.Columns)
		x.out.Columns = append(x.out.Columns, result.MatrixColumn{Reader: id.name, Isolation: set.Consumer(id.name).IsolationLevel})
	}
	if len(x.columns) == 0 {
		return fmt.Errorf("nobody reads %s", first.Output)
	}
	return nil
}

// rows are who crashes where: nobody; a processor, and then the other; the coordinator of the
// transactions; and who appends to a partition, of the output and of the group's positions.
func (x *matrix) rows() {
	first, last := x.Spec.Processors[0].Name, x.Spec.Processors[len(x.Spec.Processors)-1].Name
	who := first
	if last != first {
		who += ", " + last
	}
	x.row(result.None, result.None, "# nobody crashes")
	for _, step := range clientSteps {
		if x.out.Version >= 2 && slices.Contains(addingSteps, step) {
			continue
		}
		at := [2]string{"800ms..1200ms", "2s..2400ms"}
		if step == failpoint.StepJoined { // it is passed when the first begins, and again when that is back
			at = [2]string{"0s", "800ms..1s"}
		}
		x.row(who, step.String(), fmt.Sprintf("%s for 700ms crash-at %v %s\n%s for 1100ms crash-at %v %s", at[0], step, first, at[1], step, last))
	}
	// The first crash is over before a session is; after the second there is another leader.
	broker := func(step failpoint.Site, role string) {
		x.row(role, step.String(), fmt.Sprintf("800ms..1200ms for 600ms crash-at %v %s\n2s..2400ms for 1300ms crash-at %v %s", step, role, step, role))
	}
	for _, step := range []failpoint.Site{failpoint.StepPrepared, failpoint.StepMarkers, failpoint.StepCompleted} {
		broker(step, "txn-coordinator")
	}
	broker(failpoint.StepAppend, "coordinator")
	broker(failpoint.StepAppend, "leader("+x.out.Output+"-0)")
	broker(failpoint.StepAppendFetched, "follower("+x.out.Output+"-0)")
}

func (x *matrix) row(who, step, schedule string) {
	x.out.Rows = append(x.out.Rows, result.MatrixRow{Who: who, Step: step, Schedule: schedule, Cells: make([]result.MatrixCell, len(x.out.Columns))})
}

// cellRun is one run: which row, which seed.
type cellRun struct {
	row  int
	seed int64
}

func (x *matrix) caseOf(j cellRun) scenario.Case {
	return scenario.Case{
		Spec: x.Spec, Seed: uint64(j.seed), Faults: &x.out.Rows[j.row].Schedule, Plant: x.Plant,
		Edits: []scenario.Edit{{Key: scenario.EditFor, Value: matrixFor.String()}},
	}
}

// seen is what one run came to.
type seen struct {
	cellRun
	result.Result
	inputs   int64
	cells    []result.MatrixCell
	internal string
}

// MakeMatrix makes a matrix. What it comes to does not depend on the number of workers.
func MakeMatrix(m Matrix) (result.Matrix, error) {
	x, err := m.prepare()
	if err != nil {
		return result.Matrix{}, err
	}
	workers := m.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	inOrder(workers, x.next(), x.run, x.collect)
	return x.out, nil
}

// next yields all rows of a seed before those of the next.
func (x *matrix) next() func() (cellRun, bool) {
	at := cellRun{seed: 1}
	return func() (j cellRun, more bool) {
		select {
		case <-x.Stop:
			x.out.Stopped = "interrupted"
			return j, false
		default:
		}
		if at.seed > x.Seeds {
			return j, false
		}
		j = at
		if at.row++; at.row == len(x.out.Rows) {
			at = cellRun{seed: at.seed + 1}
		}
		return j, true
	}
}

func (x *matrix) run(j cellRun) (s seen) {
	s.cellRun = j
	defer func() {
		if v := recover(); v != nil {
			row := &x.out.Rows[j.row]
			s.internal = fmt.Sprintf("%s at %s, seed %d: panic: %v", row.Who, row.Step, j.seed, v)
		}
	}()
	c := x.caseOf(j)
	var t *outputTally
	c.History = func(h *history.Header) history.Sink {
		t = newOutputTally(h, x.Spec.Processors[0].Topics, x.out.Output, x.columns)
		return t
	}
	s.Result = scenario.Run(c)
	s.inputs, s.cells = t.finish()
	return s
}

func (x *matrix) collect(s seen) (more bool) {
	r := &x.out.Rows[s.row]
	x.out.Runs++
	if x.Progress != nil {
		x.Progress(Progress{Done: x.out.Runs, Of: x.Seeds * int64(len(x.out.Rows))})
	}
	if s.internal != "" {
		x.out.Internal = append(x.out.Internal, s.internal)
		return true
	}
	good := r.Broken+r.Unknown == 0
	switch s.Verdict {
	case result.Broken:
		r.Broken++
	case result.Kept:
	default:
		r.Unknown++
	}
	if r.Repro == "" || good && s.Verdict != result.Kept {
		r.Repro = s.Repro
	}
	r.Runs++
	if n := s.Reached["crash-at-"+r.Step]; n > 0 {
		r.Reached++
		r.Crashes += n
	}
	r.Inputs += s.inputs
	for i := range r.Cells {
		r.Cells[i].Lost += s.cells[i].Lost
		r.Cells[i].Doubled += s.cells[i].Doubled
	}
	return true
}

// named is a reader with its process.
type named struct {
	name    string
	process int32
}

// readersOf are those who read a topic, in their order in the file.
func (x services) readersOf(s *scenario.Spec, topic string) (list []named) {
	for i := range s.Readers {
		if r := &s.Readers[i]; slices.Contains(r.Topics, topic) {
			list = append(list, named{r.Name, x.process[r.Name]})
		}
	}
	return list
}

// outputTally counts, for each reader of what a chain writes, the inputs of which it saw no
// output, and the outputs of one input that it saw beside the first. It reads a history.
type outputTally struct {
	input   []bool // by partition of the history; what it does not announce is none
	output  []bool
	columns map[int32]int
	of      map[int64]int64 // inputs, by what was made of them
	inputs  []int64         // in the log at the end
	saw     []map[int64]bool
	times   []map[int64]int64 // how many outputs of an input
}

func newOutputTally(h *history.Header, from []string, to string, columns map[int32]int) *outputTally {
	t := &outputTally{columns: columns, of: make(map[int64]int64)}
	for _, tp := range h.TPs {
		topic := tp[:max(strings.LastIndexByte(tp, '-'), 0)]
		t.input = append(t.input, slices.Contains(from, topic))
		t.output = append(t.output, topic == to)
	}
	for range columns {
		t.saw, t.times = append(t.saw, make(map[int64]bool)), append(t.times, make(map[int64]int64))
	}
	return t
}

// Event makes it a [history.Sink].
func (t *outputTally) Event(e *history.Event) {
	switch {
	case e.F == history.Send && e.E == history.Inv:
		for i := range e.Sends {
			if s := &e.Sends[i]; s.Of != 0 {
				t.of[s.Value] = s.Of
			}
		}
	case e.F == history.Dump && e.E == history.OK && e.Fin:
		for i := range e.Runs {
			if t.input[e.Runs[i].TP] {
				for _, r := range e.Runs[i].Records {
					t.inputs = append(t.inputs, r.Value)
				}
			}
		}
	case e.F == history.Poll && e.E == history.OK:
		if at, is := t.columns[e.P]; is {
			t.polled(at, e.Runs)
		}
	}
}

func (t *outputTally) polled(at int, runs []history.Run) {
	for i := range runs {
		if !t.output[runs[i].TP] {
			continue
		}
		for _, r := range runs[i].Records {
			if of := t.of[r.Value]; of != 0 && !t.saw[at][r.Value] {
				t.saw[at][r.Value] = true
				t.times[at][of]++
			}
		}
	}
}

func (t *outputTally) finish() (inputs int64, cells []result.MatrixCell) {
	cells = make([]result.MatrixCell, len(t.columns))
	for _, in := range t.inputs {
		for i := range cells {
			if n := t.times[i][in]; n == 0 {
				cells[i].Lost++
			} else {
				cells[i].Doubled += n - 1
			}
		}
	}
	return int64(len(t.inputs)), cells
}
