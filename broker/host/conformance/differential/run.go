package differential

import (
	"context"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Scene is a part of the script.
type Scene struct {
	Name string
	play func(*dialogue)
}

// Outcome is what came out of a scene.
type Outcome struct {
	Steps   int // requests that both sides were asked
	Fields  int // that were compared
	Allowed int
	Wrong   []Difference
}

// Session is a session with two brokers, and the differences that it may find.
type Session struct {
	sides   [2]*side
	allowed []*allowed
}

// Open asks both sides what they offer. The version is Kafka's.
func Open(ctx context.Context, ours, kafka, version string) (*Session, error) {
	list, err := readDifferences(version)
	if err != nil {
		return nil, err
	}
	s := &Session{sides: [2]*side{newSide("ours", ours), newSide("Kafka", kafka)}, allowed: list}
	for _, x := range s.sides {
		resp, err := x.ask(ctx, kmsg.NewPtrApiVersionsRequest())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", x.name, err)
		}
		for _, k := range resp.(*kmsg.ApiVersionsResponse).ApiKeys {
			x.versions[k.ApiKey] = [2]int16{k.MinVersion, k.MaxVersion}
		}
	}
	return s, nil
}

// Play plays a scene.
func (s *Session) Play(ctx context.Context, scene Scene) (o Outcome, err error) {
	d := &dialogue{ctx: ctx, scene: scene.Name, sides: s.sides, used: make(map[string]int32), lines: make(lines)}
	defer func() { d.lines.hangUp(slices.Collect(maps.Keys(d.lines))...) }()
	defer func() {
		o = Outcome{Steps: d.steps, Fields: d.fields, Wrong: split(s.allowed, d.found)}
		o.Allowed = len(d.found) - len(o.Wrong)
		if p := recover(); p != nil {
			err = fmt.Errorf("%v\n%s", p, debug.Stack())
		}
	}()
	scene.play(d)
	return o, nil
}

// Unused are the entries that nothing has needed.
func (s *Session) Unused() (list []string) {
	for _, a := range s.allowed {
		if a.used == 0 {
			list = append(list, fmt.Sprintf("%s:%d: %s | %s", a.file, a.line, a.step, a.field))
		}
	}
	return list
}
