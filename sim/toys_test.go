package sim

import (
	"encoding/binary"
	"fmt"
	"time"

	"brokersim/broker/machine"
)

const ms = machine.Instant(time.Millisecond)

// toy is a machine made of a function.
type toy struct {
	step     func(t *toy, now machine.Now, in *machine.Input, out *machine.Effects)
	deadline machine.Instant
	files    machine.Files
}

func (t *toy) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	if in.Kind == machine.Start {
		t.files = in.Files
	}
	t.step(t, now, in, out)
}

func (t *toy) Deadline() machine.Instant { return t.deadline }

// add puts a toy into a world.
func add(s *Sim, id uint32, name string, step func(t *toy, now machine.Now, in *machine.Input, out *machine.Effects)) *toy {
	t := &toy{step: step, deadline: machine.Never}
	s.Add(NodeConfig{Name: name, ID: id, Listeners: []string{name + ":1"}, Boot: func() machine.Machine {
		t.deadline = machine.Never
		return t
	}})
	return t
}

// frame has a number, and a length of at least 8.
func frame(n uint64, length int) machine.Bytes {
	b := make([]byte, max(length, 8))
	binary.BigEndian.PutUint64(b, n)
	return machine.Literal(b)
}

func numberOf(f machine.Bytes) uint64 { return binary.BigEndian.Uint64(f.Slice(0, 8).Contiguous()) }

// gossip is a machine that passes rumours on: it dials everybody, sends each
// frame that it gets to one of them, and writes some into a file.
type gossip struct {
	seed     machine.Draw
	peers    []string
	conns    []machine.ConnID
	files    machine.Files
	deadline machine.Instant
	state    uint64
	frames   []machine.Bytes // to send: a frame may go to many
	rumours  int
	writes   bool
}

func (g *gossip) Step(now machine.Now, in *machine.Input, out *machine.Effects) {
	switch in.Kind {
	case machine.Start:
		g.files, g.deadline = in.Files, now.Mono.Add(time.Millisecond)
		for i, p := range g.peers {
			out.Dial(p, machine.Tag(i+1))
		}
	case machine.Opened, machine.Accepted:
		g.conns = append(g.conns, in.Conn)
	case machine.Closed:
		for i, c := range g.conns {
			if c == in.Conn {
				g.conns = append(g.conns[:i], g.conns[i+1:]...)
				break
			}
		}
		if in.Conn == 0 {
			g.deadline = min(g.deadline, now.Mono.Add(20*time.Millisecond))
		}
	case machine.Received:
		g.state = uint64(machine.Draw(g.state).With(numberOf(in.Frame)))
		g.pass(in.Frame, out)
		if g.writes && g.state%8 == 0 {
			if err := g.files.Append("rumours", in.Frame); err != nil {
				panic(err)
			}
			if g.state%64 == 0 {
				out.Sync("rumours", 7)
			}
		}
	case machine.Tick:
		g.deadline = now.Mono.Add(50 * time.Millisecond)
		for i := range g.rumours {
			g.pass(g.frames[i%len(g.frames)], out)
		}
		g.rumours = 0
	}
}

func (g *gossip) pass(f machine.Bytes, out *machine.Effects) {
	if len(g.conns) == 0 {
		return
	}
	n := numberOf(f)
	out.Send(g.conns[machine.Draw(g.state).With(n).N(uint64(len(g.conns)))], g.frames[machine.Draw(g.state).With(n+1).N(uint64(len(g.frames)))], machine.Ident{Class: uint16(n % 4), Key: n})
	out.Work(machine.Work{Requests: 1, Bytes: f.Len()})
}

func (g *gossip) Deadline() machine.Instant { return g.deadline }

// gossips is a world of n gossips with so many rumours each.
func gossips(cfg Config, n, rumours int, writes bool) *Sim {
	s := New(cfg)
	for i := range n {
		var peers []string
		for j := i + 1; j < n; j++ {
			peers = append(peers, fmt.Sprintf("g%d:1", j))
		}
		frames := make([]machine.Bytes, 16)
		for k := range frames {
			frames[k] = frame(uint64(i*100+k), 8+k)
		}
		s.Add(NodeConfig{Name: fmt.Sprintf("g%d", i), ID: uint32(i + 1), Listeners: []string{fmt.Sprintf("g%d:1", i)}, Cores: 1 + i%2, Boot: func() machine.Machine {
			return &gossip{seed: machine.NewDraw(cfg.Seed, "gossip"), peers: peers, frames: frames, rumours: rumours, writes: writes, deadline: machine.Never}
		}})
	}
	return s
}
