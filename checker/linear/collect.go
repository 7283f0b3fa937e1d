package linear

import (
	"fmt"

	"brokersim/checker/history"
)

// Collector is a sink that makes operations on partitions of a history. It keeps
// them all: it is for the history of one failing run.
type Collector struct {
	header *history.Header
	parts  map[history.TP][]*Op
	asked  map[int64]question // reads under way, by id
	sends  map[int64][]*Op    // sends under way, by id
	notes  []note
}

// question is a read that was asked and not answered yet.
type question struct {
	at     int64
	latest bool // of ListOffsets
}

// note is something that happened beside the operations.
type note struct {
	at   int64
	what string
}

// NewCollector returns a sink for the history with that head.
func NewCollector(h *history.Header) *Collector {
	return &Collector{header: h, parts: map[history.TP][]*Op{}, asked: map[int64]question{}, sends: map[int64][]*Op{}}
}

// Event takes an event.
func (c *Collector) Event(e *history.Event) {
	switch {
	case e.E == history.Note:
		c.note(e)
	case e.F == history.Send && e.E == history.Inv:
		c.sent(e)
	case e.F == history.Send:
		c.answered(e)
	case e.F == history.Poll || e.F == history.Dump || e.F == history.Offsets:
		c.read(e)
	}
}

func (c *Collector) note(e *history.Event) {
	switch e.F {
	case history.Fault, history.Heal:
		c.notes = append(c.notes, note{e.I, e.Why})
	case history.Leader:
		c.notes = append(c.notes, note{e.I, fmt.Sprintf("%s leads %s in epoch %d", e.Broker, c.name(e.TP), e.Epoch)})
	}
}

func (c *Collector) name(tp history.TP) string { return c.header.TPs[tp] }

func (c *Collector) sent(e *history.Event) {
	for _, s := range e.Sends {
		o := &Op{Kind: Append, Client: int(e.P), Call: e.I, Return: Unknown, Records: []Record{{Unknown, s.Value}}}
		c.parts[s.TP] = append(c.parts[s.TP], o)
		c.sends[e.ID] = append(c.sends[e.ID], o)
	}
}

// answered gives each record of a send its outcome. What has certainly failed is as
// never sent.
func (c *Collector) answered(e *history.Event) {
	for i, o := range c.sends[e.ID] {
		if i >= len(e.Sends) {
			break
		}
		switch s := &e.Sends[i]; {
		case e.E == history.Fail || s.Err != "" && e.E == history.OK:
			o.Records = nil
		case s.Err == "" && s.Offset != history.None:
			o.Return, o.Records[0].Offset = e.I, s.Offset
		}
	}
	delete(c.sends, e.ID)
}

func (c *Collector) read(e *history.Event) {
	if e.E == history.Inv {
		c.asked[e.ID] = question{e.I, e.Spec == "latest"}
		return
	}
	q, known := c.asked[e.ID]
	delete(c.asked, e.ID)
	if !known || e.E != history.OK || e.F == history.Offsets && !q.latest {
		return
	}
	for _, claim := range e.At {
		o := &Op{Kind: Fetch, Client: int(e.P), Call: q.at, Return: e.I, From: claim.From, Limited: claim.Limited, Final: e.Fin, End: claim.End}
		if e.F == history.Offsets {
			o.Kind = End
		}
		for _, run := range e.Runs {
			if run.TP != claim.TP {
				continue
			}
			for _, r := range run.Records {
				o.Records = append(o.Records, Record{r.Offset, r.Value})
			}
		}
		c.parts[claim.TP] = append(c.parts[claim.TP], o)
	}
}
