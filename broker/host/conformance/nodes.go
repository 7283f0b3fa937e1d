package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/host/conformance/kafka"
)

// nodes are a controller and brokers, each a process of its own.
type nodes struct {
	r          *runner
	data       string
	flags      []string
	voter      string
	addresses  []string // where the brokers 1, 2, ... listen
	doors      []string // where clients find them: addresses, or doors before them
	most       versions // what doors tell of ApiVersions, unless nil
	controller *launched
	listeners  []net.Listener
	mu         sync.Mutex // guards brokers: some tests stop and start them
	brokers    []*launched
	over       bool // all are to be ended
}

// quickFailover has a broker that is gone be noticed soon: by the controller, whose setting
// broker.session.timeout.ms is, and by other brokers.
var quickFailover = []string{"--set", "broker.broker.session.timeout.ms=4000", "--set", "broker.broker.heartbeat.interval.ms=300",
	"--set", "broker.replica.lag.time.max.ms=3000", "--metrics", "none"}

// nodes starts them and waits until they serve. Where the brokers listen is given, or
// there are three on free ports.
func (r *runner) nodes(ctx context.Context, data string, listen []string, most versions, flags ...string) (*nodes, error) {
	ports, err := kafka.FreePorts(4)
	if err != nil {
		return nil, err
	}
	n := &nodes{r: r, data: data, most: most, flags: append(slices.Clone(flags), quickFailover...), voter: ports[0], addresses: listen, doors: listen}
	if listen == nil {
		n.flags = append(n.flags, "--advertise", "127.0.0.1")
		n.doors = ports[1:]
		for _, at := range n.doors {
			behind := strings.Replace(at, "127.0.0.1", "127.0.0.2", 1)
			if err := n.door(at, behind); err != nil {
				n.end()
				return nil, err
			}
			n.addresses = append(n.addresses, behind)
		}
	}
	n.brokers = make([]*launched, len(n.addresses))
	n.controller = r.launch(append([]string{"serve", "--role", "controller", "--voters", n.voter, "--data", data}, quickFailover...)...)
	if err := n.controller.await(ctx, "controller: "); err != nil {
		n.end()
		return nil, err
	}
	for i := range n.brokers {
		n.launch(i)
	}
	for i := range n.brokers {
		if err := n.brokers[i].await(ctx, "bootstrap.servers="); err != nil {
			n.end()
			return nil, err
		}
	}
	return n, nil
}

// door passes connections on to a broker. While the broker is down they wait for it for a
// second and are closed then, and are not refused: franz-go's members of groups give up if
// they are refused while they look for their coordinator.
func (n *nodes) door(at, behind string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	n.listeners = append(n.listeners, l)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				b, err := net.Dial("tcp", behind)
				for until := time.Now().Add(time.Second); err != nil; b, err = net.Dial("tcp", behind) {
					if time.Now().After(until) {
						return
					}
					time.Sleep(20 * time.Millisecond)
				}
				defer b.Close()
				if n.most != nil {
					n.most.pass(c, b)
					return
				}
				go func() {
					_, _ = io.Copy(b, c)
					b.Close()
				}()
				_, _ = io.Copy(c, b)
			}()
		}
	}()
	return nil
}

// launch starts a broker anew.
func (n *nodes) launch(i int) *launched {
	b := n.r.launch(append([]string{"serve", "--role", "broker", "--id", fmt.Sprint(i + 1), "--voters", n.voter,
		"--listen", n.addresses[i], "--data", n.data}, n.flags...)...)
	n.mu.Lock()
	over := n.over
	n.brokers[i] = b
	n.mu.Unlock()
	if over {
		b.end()
	}
	return b
}

func (n *nodes) broker(i int) *launched {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.brokers[i]
}

// kill ends a broker with SIGKILL, and starts it again some time later: it returns when
// the broker serves.
func (n *nodes) kill(ctx context.Context, i int, down time.Duration) error {
	n.broker(i).end()
	select {
	case <-ctx.Done():
	case <-time.After(down):
	}
	return n.launch(i).await(ctx, "bootstrap.servers=")
}

// killing kills brokers until stop is called: the first so many times, then the second, and
// so on; every is from when one serves again to the next end. Several times, because what a
// coordinator ends by its clock (the session of a member whose leave was lost) must be able to
// end: the next coordinator begins a session anew, in Kafka as here (GroupMetadataManager.onLoaded).
// What stop returns is why a broker did not come back, and how many were killed.
func (n *nodes) killing(ctx context.Context, every, down time.Duration, times int) (stop func() (kills int, err error)) {
	inner, cancel := context.WithCancel(ctx)
	var kills int
	done := make(chan error, 1)
	go func() {
		for {
			i := kills / times % len(n.brokers)
			select {
			case <-inner.Done():
				done <- nil
				return
			case <-time.After(every):
			}
			n.awaitAssignments(inner, i)
			kills++
			if err := n.kill(ctx, i, down); err != nil {
				done <- fmt.Errorf("broker %d was killed and does not come back: %w", i+1, err)
				return
			}
		}
	}()
	return func() (int, error) {
		cancel()
		err := <-done
		return kills, err
	}
}

// awaitAssignments waits until no classic group of a broker is between JoinGroup and SyncGroup,
// a few seconds at most. A member that has joined and has no assignment yet is in no record, in
// Kafka as here, so the next coordinator answers its SyncGroup UNKNOWN_MEMBER_ID, or
// ILLEGAL_GENERATION if it knows it of the generation before. The Java client joins again; to
// franz-go that is the end of a session, and to its tests a failure.
func (n *nodes) awaitAssignments(ctx context.Context, i int) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	c, err := kgo.NewClient(kgo.SeedBrokers(n.doors...))
	if err != nil {
		return
	}
	defer c.Close()
	req := kmsg.NewPtrListGroupsRequest()
	req.StatesFilter = []string{"CompletingRebalance"}
	for ctx.Err() == nil {
		resp, err := c.Broker(i+1).Request(ctx, req)
		if err == nil && len(resp.(*kmsg.ListGroupsResponse).Groups) == 0 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// end kills all.
func (n *nodes) end() {
	for _, l := range n.listeners {
		l.Close()
	}
	n.mu.Lock()
	n.over = true
	n.mu.Unlock()
	for i := range n.brokers {
		if b := n.broker(i); b != nil {
			b.end()
		}
	}
	if n.controller != nil {
		n.controller.end()
	}
}

// launched is one process of a cluster.
type launched struct {
	p     *process
	lines chan string
	err   error
}

// launch starts brokersim; what it prints is to be awaited.
func (r *runner) launch(args ...string) *launched {
	p, stdout, stderr, err := r.start(args...)
	l := &launched{p: p, lines: make(chan string, 1000), err: err}
	if err != nil {
		return l
	}
	var readers sync.WaitGroup
	for _, from := range []*bufio.Scanner{bufio.NewScanner(stdout), bufio.NewScanner(stderr)} {
		readers.Go(func() {
			for from.Scan() {
				select {
				case l.lines <- from.Text():
				default: // nobody awaits so many
				}
			}
		})
	}
	go func() {
		readers.Wait()
		p.exit = p.cmd.Wait()
		close(p.ended)
	}()
	return l
}

// await waits for a line.
func (l *launched) await(ctx context.Context, prefix string) error {
	if l.err != nil {
		return l.err
	}
	var seen []string
	for {
		select {
		case line := <-l.lines:
			if seen = append(seen, line); strings.HasPrefix(line, prefix) {
				return nil
			}
		case <-l.p.ended:
			return fmt.Errorf("%w: %s", orNone(l.p.exit), strings.Join(seen, "; "))
		case <-ctx.Done():
			return fmt.Errorf("no line %q; %s", prefix, strings.Join(seen, "; "))
		}
	}
}

// end kills it.
func (l *launched) end() {
	if l.err == nil {
		l.p.kill()
	}
}
