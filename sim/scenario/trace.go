package scenario

import (
	"fmt"
	"io"
	"strings"

	"brokersim/broker/machine"
	"brokersim/sim"
)

// trace writes a line for every event of the simulator and for every step of the
// schedule. It gives up at the first error of its writer; the run goes on.
type trace struct {
	out io.Writer // nil: off
	err error

	className func(uint16) string // of a frame
}

func (t *trace) event(e *sim.TraceEvent) {
	if t.out == nil {
		return
	}
	text := e.String()
	if e.Kind == machine.Received {
		text = strings.Replace(text, fmt.Sprintf("class=%d ", e.Ident.Class), "class="+t.className(e.Ident.Class)+" ", 1)
	}
	t.line(text)
}

func (t *trace) line(text string) {
	if t.out != nil && t.err == nil {
		_, t.err = io.WriteString(t.out, text+"\n")
	}
}
