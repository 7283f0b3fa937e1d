package linear

import (
	"fmt"
	"io"
	"strings"

	"github.com/anishathalye/porcupine"
)

// Page searches an order for the operations of the view, in at most budget steps of
// the model (0 is without bound), and writes porcupine's page of what it found: a file that needs nothing
// but a browser, in which each operation can be asked how far an order goes.
func (v *View) Page(w io.Writer, budget int) (Answer, error) {
	steps := newStepper(v.model, budget)
	m := steps.porcupine()
	m.DescribeOperation = func(in, _ any) string { return in.(*Op).describe(v.Partition) }
	m.DescribeState = func(s any) string { return s.(state).describe() }
	found, info := porcupine.CheckOperationsVerbose(m, v.ops, 0)
	answer := steps.answer(found == porcupine.Ok)
	var notes []porcupine.Annotation
	for _, n := range v.notes {
		notes = append(notes, porcupine.Annotation{Tag: "cluster", Start: n.at, Description: n.what})
	}
	info.AddAnnotations(notes)
	steps.left = maxSteps // to walk what was found
	return answer, porcupine.Visualize(m, info, w)
}

// Says is what the answer means, in a sentence for those who know that the checker
// has found a violation.
func (v *View) Says(a Answer) string {
	what := fmt.Sprintf("the %d operations on %s around it", len(v.ops), v.Partition)
	switch a {
	case Illegal:
		return "porcupine: Illegal. There is no order of " + what + " in which a log would have answered so."
	case Legal:
		return "porcupine: Ok. There is an order of " + what + ": it takes more than them to see what is wrong."
	}
	return "porcupine: Unknown. It gave up the search for an order of " + what + "."
}

// mostShown is how many records of a read are named.
const mostShown = 6

// describe is an operation in Kafka's words.
func (o *Op) describe(partition string) string {
	switch {
	case o.Kind == End && o.From >= 0:
		return fmt.Sprintf("k%d Fetch from %d: high watermark %d", o.Client, o.From, o.End)
	case o.Kind == End:
		return fmt.Sprintf("k%d ListOffsets(latest): %d", o.Client, o.End)
	case o.Kind == Append && o.Return == Unknown:
		return fmt.Sprintf("p%d Produce %d: no answer, read at %s@%d", o.Client, o.Records[0].Value, partition, o.Records[0].Offset)
	case o.Kind == Append:
		return fmt.Sprintf("p%d Produce %d: acknowledged at %s@%d", o.Client, o.Records[0].Value, partition, o.Records[0].Offset)
	}
	var b strings.Builder
	if o.Final {
		b.WriteString("final read")
	} else {
		fmt.Fprintf(&b, "k%d Fetch", o.Client)
	}
	fmt.Fprintf(&b, " from %d:", o.From)
	for i, r := range o.Records {
		if i == mostShown {
			fmt.Fprintf(&b, " and %d more", len(o.Records)-i)
			break
		}
		fmt.Fprintf(&b, " %d@%d", r.Value, r.Offset)
	}
	if !o.Limited {
		fmt.Fprintf(&b, " end %d", o.reach())
	}
	return b.String()
}

// describe is the log as the order so far has left it.
func (s state) describe() string {
	text := fmt.Sprintf("log end %d", s.end)
	for n, i := s.top, 0; n != nil; n, i = n.below, i+1 {
		if i == mostShown {
			return text + " ..."
		}
		text += fmt.Sprintf(" %d@%d", n.Value, n.Offset)
	}
	return text
}
