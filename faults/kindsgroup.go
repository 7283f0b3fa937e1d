package faults

import (
	"fmt"
	"strings"
)

// swizzle clogs the links of one broker one after the other, and heals them one
// after the other, in another order (FoundationDB's swizzle-clogging): what comes
// late comes from many sides, and in no order that anybody has planned.
func (d dice) swizzle() (Trouble, bool) {
	broker := d.one("broker", d.Brokers)
	var links [][2]string
	for _, other := range append([]string{d.Controller}, d.Brokers...) {
		if other != broker {
			links = append(links, [2]string{broker, other}, [2]string{other, broker})
		}
	}
	at := d.begin()
	t := Trouble{From: at, Dark: 1, Brokers: true}
	for _, i := range d.shuffled("clog", len(links)) {
		t.Steps = append(t.Steps, fmt.Sprintf("%v clog %s %s", at, links[i][0], links[i][1]))
		at += d.with(i).ms("clogged", 5, 200)
	}
	for _, i := range d.shuffled("heal", len(links)) {
		t.Steps = append(t.Steps, fmt.Sprintf("%v heal %s %s", at, links[i][0], links[i][1]))
		t.To = at
		at += d.with(i).ms("healed", 5, 200)
	}
	return t, true
}

// rack has the brokers of a rack go down together, and come back one by one.
func (d dice) rack() (Trouble, bool) {
	if len(d.Racks) == 0 {
		return Trouble{}, false
	}
	rack := d.Racks[d.upTo("rack", len(d.Racks))]
	if len(rack) < 2 {
		return Trouble{}, false // a crash as any other
	}
	at, down := d.begin(), d.ms("down", 50, 1500)
	verb := d.one("verb", []string{"crash", "power-loss", "power-loss", "pause"})
	t := Trouble{From: at, Dark: len(rack), Brokers: true, Power: verb == "power-loss"}
	back := "restart"
	if verb == "pause" {
		back = "resume"
	}
	t.Steps = []string{fmt.Sprintf("%v %s %s", at, verb, strings.Join(rack, ","))}
	at += down
	for _, i := range d.shuffled("back", len(rack)) {
		t.Steps = append(t.Steps, fmt.Sprintf("%v %s %s", at, back, rack[i]))
		t.To = at + passing
		at += d.with(i).ms("between", 0, 300)
	}
	return t, true
}
