package faults

import (
	"fmt"
	"strings"
	"time"
)

// kind is a kind of trouble. Its draw is not ok when there are too few nodes for
// it.
type kind struct {
	name string
	draw func(d dice) (Trouble, bool)
}

// kinds are all there are. A kind more leaves the draws of the others as they
// were.
var kinds = []kind{
	{"crash", func(d dice) (Trouble, bool) { return d.stop("crash", false) }},
	{"power-loss", func(d dice) (Trouble, bool) { return d.stop("power-loss", true) }},
	{"pause", func(d dice) (Trouble, bool) { return d.stop("pause", false) }},
	{"restart-storm", dice.storm},
	{"rolling-restart", dice.rolling},
	{"cut-one-way", func(d dice) (Trouble, bool) { return d.link("cut") }},
	{"cut-both-ways", func(d dice) (Trouble, bool) { return d.link("cut-both") }},
	{"slow", dice.slow},
	{"drop", dice.drop},
	{"reset", dice.reset},
	{"reset-after-accept", dice.resetAfterAccept},
	{"duplicate", dice.duplicate},
	{"out-of-memory", dice.outOfMemory},
	{"flapping", dice.flapping},
	{"isolated", dice.isolated},
	{"bridge", dice.bridge},
	{"ring", dice.ring},
	{"controller-stop", dice.controllerStop},
	{"controller-cut", dice.controllerCut},
	{"client-cut", dice.clientCut},
	{"client-stop", dice.clientStop},
	{"wall-skew", dice.skew},
	{"drift", dice.drift},
	{"throttle", dice.throttle},
	{"clog", func(d dice) (Trouble, bool) { return d.link("clog") }},
	{"swizzle", dice.swizzle},
	{"rack-crash", dice.rack},
	{"crash-at-step", dice.crashAt},
	{"disk-slow", dice.diskSlow},
	{"disk-stall", dice.diskStall},
	{"disk-full", dice.diskFull},
	{"sick-disk", dice.sickDisk},
	{"io-error", func(d dice) (Trouble, bool) { return d.failing("io-error") }},
	{"sync-error", func(d dice) (Trouble, bool) { return d.failing("sync-error") }},
	{"reordered-sectors", func(d dice) (Trouble, bool) { return d.badPowerLoss("disk-reorders", false) }},
	{"misdirected-write", dice.misdirected},
	{"fsync-lies", func(d dice) (Trouble, bool) { return d.badPowerLoss("fsync-lies", true) }},
	{"bit-rot", dice.bitRot},
	{"latent-error", dice.latentError},
	{"wipe", dice.wipe},
}

// Kinds are the names of all kinds of trouble that [Draw] knows.
func Kinds() []string {
	var names []string
	for _, k := range kinds {
		names = append(names, k.name)
	}
	return names
}

// stop takes one broker down, or to a stand, for a while.
func (d dice) stop(verb string, power bool) (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 50, 2000)
	return Trouble{From: at, To: at + length, Dark: 1, Brokers: true, Power: power,
		Steps: []string{during(at, length, "%s %s", verb, d.broker("broker"))}}, true
}

// storm restarts one broker again and again, some times before it is in sync.
func (d dice) storm() (Trouble, bool) {
	verb, power := "crash", false
	if d.upTo("power", 3) == 0 {
		verb, power = "power-loss", true
	}
	at, broker := d.begin(), d.one("broker", d.Brokers)
	down, up := d.ms("down", 10, 300), d.ms("up", 20, 700)
	t := Trouble{From: at, Dark: 1, Brokers: true, Power: power}
	for range 3 + d.upTo("times", 4) {
		t.Steps = append(t.Steps, during(at, down, "%s %s", verb, broker))
		t.To = at + down
		at += down + up
	}
	return t, true
}

// crashAt ends a broker between two steps that belong together, if it comes to the
// first of them in time.
func (d dice) crashAt() (Trouble, bool) {
	if len(d.Steps) == 0 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 100, 2000)
	verb := d.one("verb", []string{"crash-at", "crash-at", "power-loss-at"})
	return Trouble{From: at, To: at + length, Dark: 1, Brokers: true, Power: verb == "power-loss-at",
		Steps: []string{during(at, length, "%s %s %s", verb, d.one("step", d.Steps), d.broker("broker"))}}, true
}

// rolling restarts all brokers, one after the other, as an upgrade does.
func (d dice) rolling() (Trouble, bool) {
	at, down, up := d.begin(), d.ms("down", 50, 400), d.ms("up", 50, 800)
	t := Trouble{From: at, Dark: 1, Brokers: true}
	for _, b := range d.Brokers {
		t.Steps = append(t.Steps, during(at, down, "crash %s", b))
		t.To = at + down
		at += down + up
	}
	return t, true
}

// link has the frames from one broker to another wait.
func (d dice) link(verb string) (Trouble, bool) {
	if len(d.Brokers) < 2 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 50, 2500)
	from, to := d.pair()
	return Trouble{From: at, To: at + length, Dark: 1, Brokers: true,
		Steps: []string{during(at, length, "%s %s %s", verb, from, to)}}, true
}

// pair is two brokers, or one and everybody. They may turn out to be the same
// node when the step is applied, which then does nothing.
func (d dice) pair() (from, to string) {
	from, to = d.broker("from"), d.broker("to")
	if from == to || d.upTo("all", 6) == 0 {
		to = everyone
	}
	return from, to
}

func (d dice) slow() (Trouble, bool) {
	at, length, by := d.begin(), d.ms("length", 100, 2500), d.ms("by", 1, 400)
	from, to := d.pair()
	return Trouble{From: at, To: at + length, Brokers: true, Steps: []string{during(at, length, "slow %s %s %v", from, to, by)}}, true
}

// throttle leaves little of a link: some kilobytes a second keep it alive and far
// behind.
func (d dice) throttle() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 100, 2500)
	from, to := d.ends()
	return Trouble{From: at, To: at + length, Dark: 1, Brokers: true,
		Steps: []string{during(at, length, "throttle %s %s %d/s", from, to, 1000*(1+d.upTo("rate", 200)))}}, true
}

// ends are two nodes of which at least one is a broker.
func (d dice) ends() (from, to string) {
	others := append([]string{d.Controller, everyone}, d.Clients...)
	from, to = d.pair()
	switch d.upTo("ends", 3) {
	case 0:
		from, to = d.one("other", others), from
	case 1:
		to = d.one("other", others)
	}
	return from, to
}

// passing is a trouble of one moment. What hangs on it lasts until a time-out.
const passing = time.Millisecond

func (d dice) drop() (Trouble, bool) {
	at := d.begin()
	from, to := d.ends()
	return Trouble{From: at, To: at + passing, Brokers: true,
		Steps: []string{fmt.Sprintf("%v drop %s %s %s %d", at, d.one("class", d.Classes), from, to, 1+d.upTo("frames", 3))}}, true
}

func (d dice) reset() (Trouble, bool) {
	at := d.begin()
	from, to := d.ends()
	return Trouble{From: at, To: at + passing, Brokers: true, Steps: []string{fmt.Sprintf("%v reset %s %s", at, from, to)}}, true
}

func (d dice) resetAfterAccept() (Trouble, bool) {
	at := d.begin()
	from, to := d.ends()
	return Trouble{From: at, To: at + passing, Brokers: true,
		Steps: []string{fmt.Sprintf("%v reset after-accept %s %s %s", at, d.one("class", d.Classes), from, to)}}, true
}

// outOfMemory leaves a broker little memory, and starts it again when there is more: it
// is killed as soon as somebody is slow to take what it sends.
func (d dice) outOfMemory() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 50, 1500)
	broker := d.one("broker", d.Brokers)
	bytes := []int{300, 1000, 5000, 20000}[d.upTo("bytes", 4)]
	return Trouble{From: at, To: at + length + passing, Dark: 1, Brokers: true, Steps: []string{
		during(at, length, "memory %s %d", broker, bytes),
		fmt.Sprintf("%v restart %s", at+length, broker),
	}}, true
}

// duplicate has a client, or a broker, send again what is still under way.
func (d dice) duplicate() (Trouble, bool) {
	at, late := d.begin(), d.ms("late", 1, 700)
	from, to := d.ends()
	return Trouble{From: at, To: at + late, Brokers: true,
		Steps: []string{fmt.Sprintf("%v duplicate %s %s %s %v", at, d.one("class", d.Classes), from, to, late)}}, true
}

// flapping cuts a link and heals it, again and again.
func (d dice) flapping() (Trouble, bool) {
	if len(d.Brokers) < 2 {
		return Trouble{}, false
	}
	at, cut, whole := d.begin(), d.ms("cut", 20, 400), d.ms("whole", 20, 400)
	a := d.upTo("a", len(d.Brokers))
	b := (a + 1 + d.upTo("b", len(d.Brokers)-1)) % len(d.Brokers)
	t := Trouble{From: at, Dark: 1, Brokers: true}
	for range 3 + d.upTo("times", 5) {
		t.Steps = append(t.Steps, during(at, cut, "cut-both %s %s", d.Brokers[a], d.Brokers[b]))
		t.To = at + cut
		at += cut + whole
	}
	return t, true
}

// isolated has nobody reach one broker, nor it anybody.
func (d dice) isolated() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 100, 2500)
	return Trouble{From: at, To: at + length, Dark: 1, Brokers: true,
		Steps: []string{during(at, length, "cut-both %s *", d.broker("broker"))}}, true
}

// bridge parts the brokers in two halves that only one broker of them all
// reaches both of; the controller and clients reach everybody.
func (d dice) bridge() (Trouble, bool) {
	n := len(d.Brokers)
	if n < 3 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 200, 2500)
	first := d.upTo("bridge", n)
	left := 1 + d.upTo("left", n-2)
	var sides [2][]string
	for i := 1; i < n; i++ { // the first is the bridge
		side := 0
		if i > left {
			side = 1
		}
		sides[side] = append(sides[side], d.Brokers[(first+i)%n])
	}
	return Trouble{From: at, To: at + length, Dark: min(len(sides[0]), len(sides[1])), Brokers: true,
		Steps: []string{during(at, length, "cut-both %s %s", strings.Join(sides[0], ","), strings.Join(sides[1], ","))}}, true
}

// ring has each broker reach its two neighbours only.
func (d dice) ring() (Trouble, bool) {
	n := len(d.Brokers)
	if n < 4 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 200, 2500)
	t := Trouble{From: at, To: at + length, Dark: n / 2, Brokers: true}
	for i := range n {
		for j := i + 2; j < n && (i > 0 || j < n-1); j++ {
			t.Steps = append(t.Steps, during(at, length, "cut-both %s %s", d.Brokers[i], d.Brokers[j]))
		}
	}
	return t, true
}

// controllerStop takes the controller away, and always brings it back.
func (d dice) controllerStop() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 50, 1500)
	verb := d.one("verb", []string{"crash", "power-loss", "pause"})
	return Trouble{From: at, To: at + length, Brokers: true, Controller: true,
		Steps: []string{during(at, length, "%s %s", verb, d.Controller)}}, true
}

// controllerCut parts the controller from some brokers, while these reach each
// other and their clients.
func (d dice) controllerCut() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 100, 2000)
	t := Trouble{From: at, To: at + length, Brokers: true, Controller: true, Dark: 1}
	who := d.broker("broker")
	if d.upTo("all", 3) == 0 {
		who, t.Dark = strings.Join(d.Brokers, ","), 0 // nobody is replaced while nobody can be
	}
	verb := d.one("verb", []string{"cut-both", "cut"})
	from, to := who, d.Controller
	if d.upTo("way", 2) == 0 {
		from, to = to, from
	}
	t.Steps = []string{during(at, length, "%s %s %s", verb, from, to)}
	return t, true
}

// clientCut parts a client from brokers that reach each other.
func (d dice) clientCut() (Trouble, bool) {
	if len(d.Clients) == 0 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 50, 2500)
	from, to := d.one("client", d.Clients), d.broker("broker")
	if d.upTo("all", 3) == 0 {
		to = strings.Join(d.Brokers, ",")
	}
	if d.upTo("way", 2) == 0 {
		from, to = to, from
	}
	return Trouble{From: at, To: at + length, Steps: []string{during(at, length, "%s %s %s", d.one("verb", []string{"cut", "cut-both"}), from, to)}}, true
}

// clientStop ends a client, or has it stand still. One that is back has another
// producer id, or the position that it has stored.
func (d dice) clientStop() (Trouble, bool) {
	if len(d.Clients) == 0 {
		return Trouble{}, false
	}
	at, length := d.begin(), d.ms("length", 20, 1500)
	verb := d.one("verb", []string{"crash", "power-loss", "pause"})
	return Trouble{From: at, To: at + length, Steps: []string{during(at, length, "%s %s", verb, d.one("client", d.Clients))}}, true
}

// drift has the clock of a broker or of the controller go faster or slower, by up
// to a tenth. When records are due is in the time of the run: clients do not drift.
func (d dice) drift() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 200, 3000)
	ppm := []int{50, 1000, 20_000, mostDrift}[d.upTo("size", 4)]
	if d.upTo("slower", 2) == 0 {
		ppm = -ppm
	}
	return Trouble{From: at, To: at + length, Brokers: true,
		Steps: []string{during(at, length, "drift %s %+d", d.one("node", append([]string{d.Controller}, d.Brokers...)), ppm)}}, true
}

// skew has the wall clock of a node jump, and back.
func (d dice) skew() (Trouble, bool) {
	at, length := d.begin(), d.ms("length", 100, 3000)
	by := d.ms("by", 1, 5000)
	if d.upTo("back", 2) == 0 {
		by = -by
	}
	nodes := append(append([]string{d.Controller}, d.Brokers...), d.Clients...)
	return Trouble{From: at, To: at + length, Steps: []string{during(at, length, "skew %s %s", d.one("node", nodes), signed(by))}}, true
}
