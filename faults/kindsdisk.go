package faults

import (
	"fmt"
	"time"
)

// Whoever is hit by a fault of a disk and must be started again for it goes by
// name: a role may be somebody else's by then.

// disk is a broker, or now and then the controller, by its name.
func (d dice) disk() (node string, controller bool) {
	if d.upTo("controller", 6) == 0 {
		return d.Controller, true
	}
	return d.one("broker", d.Brokers), false
}

// ofDisk is a trouble of whoever has the disk, who does nothing for its time, but
// for a step or two.
func ofDisk(from, to time.Duration, controller bool) Trouble {
	t := Trouble{From: from, To: to, Dark: 1, Brokers: true, Controller: controller}
	if controller {
		t.Dark = 0
	}
	return t
}

// someFiles is a pattern of the files that a fault of a broker's disk is about:
// those of one partition, or all.
func (d dice) someFiles() string {
	if d.upTo("files", 2) == 0 {
		return ""
	}
	return " " + d.one("files-of", d.Partitions)
}

// diskSlow has a disk take many times longer. One that takes some hundred
// milliseconds for a sync keeps its broker from being in sync.
func (d dice) diskSlow() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 100, 2500)
	node, controller := d.disk()
	factor := []int{3, 20, 100, 500}[d.upTo("factor", 4)]
	t := ofDisk(at, at+length, controller)
	if factor < 100 {
		t.Dark = 0
	}
	t.Steps = []string{during(at, length, "disk-slow %s %d", node, factor)}
	return t, true
}

// diskStall has a disk not answer for a while.
func (d dice) diskStall() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 50, 2000)
	node, controller := d.disk()
	t := ofDisk(at, at+length, controller)
	t.Steps = []string{during(at, length, "disk-stall %s", node)}
	return t, true
}

// diskFull leaves a broker no room, which ends it (Kafka halts when its last log
// directory has failed). It is started again when there is room, and now and then
// before that, in vain.
func (d dice) diskFull() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 50, 1500)
	node, controller := d.disk()
	t := ofDisk(at, at+length+passing, controller)
	t.Steps = []string{during(at, length, "disk-full %s", node)}
	if d.upTo("in-vain", 3) == 0 {
		t.Steps = append(t.Steps, fmt.Sprintf("%v restart %s", at+length/2, node))
	}
	t.Steps = append(t.Steps, fmt.Sprintf("%v restart %s", at+length, node))
	return t, true
}

// sickDisk has several things be wrong with one disk, which are mended together.
func (d dice) sickDisk() (Trouble, bool) {
	at, until := d.begin(), d.ms("slow", 50, 800)
	node, controller := d.disk()
	t := ofDisk(at, at, controller)
	t.Steps = append(t.Steps, fmt.Sprintf("%v disk-slow %s %d", at, node, 2+d.upTo("factor", 100)))
	for _, worse := range []string{"disk-stall", "disk-full"} {
		if d.upTo(worse, 2) == 0 {
			t.Steps = append(t.Steps, fmt.Sprintf("%v %s %s", at+until, worse, node))
			until += d.ms("until-"+worse, 20, 600)
		}
	}
	until += d.ms("end", 20, 600)
	t.Steps = append(t.Steps, fmt.Sprintf("%v mend %s", at+until, node), fmt.Sprintf("%v restart %s", at+until, node))
	t.To = at + until + passing
	return t, true
}

// failing has writes of a disk fail, which ends who sees it. Then the machine is
// rebooted: what the page cache holds of a file whose sync has failed is taken for
// clean, and only a boot shows what the disk has of it.
func (d dice) failing(verb string) (Trouble, bool) {
	at, length, down := d.begin(), d.ms("length", 50, 1000), d.ms("down", 20, 800)
	node, controller := d.disk()
	files := ""
	if !controller {
		files = d.someFiles()
	}
	t := ofDisk(at, at+length+down, controller)
	t.Power = !controller
	t.Steps = []string{during(at, length, "%s %s%s", verb, node, files), during(at+length, down, "power-loss %s", node)}
	return t, true
}

// badPowerLoss has a broker's disk be one that does something of its own with what
// it was writing, and lose power. loses: what was synced may be gone by that.
func (d dice) badPowerLoss(verb string, loses bool) (Trouble, bool) {
	at, before, down := d.begin(), d.ms("before", 1, 1500), d.ms("down", 20, 1000)
	node := d.one("broker", d.Brokers)
	return Trouble{From: at, To: at + before + down, Dark: 1, Brokers: true, Power: true, Loses: loses,
		Steps: []string{during(at, before+passing, "%s %s", verb, node), during(at+before, down, "power-loss %s", node)}}, true
}

// misdirected puts a sector over another. Where there are two logs it may be one of the
// other log, whole batches with right checksums: nothing in a batch says of which
// partition it is, and Kafka cannot tell.
func (d dice) misdirected() (Trouble, bool) {
	if len(d.Partitions) > 1 {
		return Trouble{}, false
	}
	return d.badPowerLoss("disk-misdirects", true)
}

// bitRot flips a bit of a broker's log. The page cache hides it until the power is
// lost. Then the batch fails its checksum, and what follows it goes with it. What the
// checksum does not cover, such as the leader epoch of a batch, or what is read
// without a recovery keeps followers from going on for ever, in Kafka as well: who
// has such a disk gets another in the end.
func (d dice) bitRot() (Trouble, bool) {
	return d.flawed("bit-rot", " "+d.one("files-of", d.Partitions)), true
}

// latentError has a sector of a broker's disk not be readable. The broker cannot
// start with it.
func (d dice) latentError() (Trouble, bool) { return d.flawed("latent-error", d.someFiles()), true }

// flawed is a flaw of a disk that is found by a loss of power, and ends with an
// exchange.
func (d dice) flawed(verb, files string) Trouble {
	at, hidden, down := d.begin(), d.ms("hidden", 1, 500), d.ms("down", 20, 400)
	node := d.one("broker", d.Brokers)
	exchange := at + hidden + down + d.ms("noticed", 20, 600)
	t := Trouble{From: at, Dark: 1, Brokers: true, Power: true, Loses: true,
		Steps: []string{fmt.Sprintf("%v %s %s%s", at, verb, node, files), during(at+hidden, down, "power-loss %s", node)}}
	return d.exchanged(t, node, exchange)
}

// wipe has a broker get another disk, an empty one.
func (d dice) wipe() (Trouble, bool) {
	at := d.begin()
	t := Trouble{From: at, Dark: 1, Brokers: true, Power: true, Loses: true}
	return d.exchanged(t, d.one("broker", d.Brokers), at), true
}

// exchanged ends a trouble with another disk for a broker.
func (d dice) exchanged(t Trouble, node string, at time.Duration) Trouble {
	down := d.ms("exchange", 20, 1000)
	t.Steps = append(t.Steps, fmt.Sprintf("%v wipe %s", at, node), during(at, down, "crash %s", node))
	t.To = at + down
	return t
}
