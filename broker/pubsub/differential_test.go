package pubsub

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"brokersim/broker/machine"
	"brokersim/broker/pubsub/wire"
)

var withRedis = flag.Bool("redis", false, "play testdata/redis against a redis-server of this machine (7.0.15), too; with -rewrite, record what it answers")

// What Redis has answered is in testdata/redis, and this broker answers the same.
func TestAsRedis(t *testing.T) { walk(t, "testdata/redis", inLab) }

// And Redis still answers what is recorded.
func TestRedisItself(t *testing.T) {
	if !*withRedis {
		t.Skip("plays sessions against a redis-server: go test ./broker/pubsub -redis")
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Skipf("there is no redis-server: %v", err)
	}
	walk(t, "testdata/redis", startRedis)
}

// redis is a redis-server on a socket, without anything on disk.
type redis struct {
	t      *testing.T
	socket string
	conns  []*redisConn
	marks  int
}

type redisConn struct {
	name   string
	conn   net.Conn
	got    []byte
	closed bool
	silent bool // not asked for anything: what it has got is read at the end
}

func startRedis(t *testing.T, cfg Config) peer {
	r := &redis{t: t, socket: filepath.Join(t.TempDir(), "redis.sock")}
	limit := fmt.Sprintf("pubsub %d %d %d", cfg.Output.Hard, cfg.Output.Soft, int(cfg.Output.SoftFor.Seconds()))
	cmd := exec.Command("redis-server", "--port", "0", "--unixsocket", r.socket, "--save", "", "--appendonly", "no", "--client-output-buffer-limit", limit)
	log, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if strings.Contains(strings.ToLower(lines.Text()), "ready to accept connections") {
			go func() {
				for lines.Scan() { // so that the pipe never fills
				}
			}()
			return r
		}
	}
	t.Fatal("redis-server ended before it was ready")
	return nil
}

func (r *redis) open(name string) {
	c, err := net.Dial("unix", r.socket)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = c.Close() })
	r.conns = append(r.conns, &redisConn{name: name, conn: c})
}

func (r *redis) conn(name string) *redisConn {
	return r.conns[slices.IndexFunc(r.conns, func(c *redisConn) bool { return c.name == name })]
}

func (r *redis) send(name string, b []byte) {
	if _, err := r.conn(name).conn.Write(b); err != nil {
		r.t.Fatalf("%s: %v", name, err)
	}
	r.await(r.conn(name)) // before anybody else says anything
}

func (r *redis) close(name string) {
	c := r.conn(name)
	c.closed = true
	_ = c.conn.Close()
	// Redis takes its clients in turn: once another is answered that came later, the
	// end of this one was taken.
	for _, other := range r.conns {
		if !other.closed {
			r.await(other)
			r.await(other)
		}
	}
}

func (r *redis) names() (list []string) {
	for _, c := range r.conns {
		list = append(list, c.name)
	}
	return list
}

func (r *redis) received(name string) (values []wire.Value, eof bool) {
	c := r.conn(name)
	r.await(c)
	values, c.got = splitValues(c.got)
	return values, c.closed
}

// await reads all that Redis has sent so far: it is asked for a mark, which comes behind.
func (r *redis) await(c *redisConn) {
	if c.closed {
		return
	}
	r.marks++
	mark := fmt.Sprintf("mark-%d", r.marks)
	_, _ = c.conn.Write(wire.EncodeCommand(wire.Words("PING", mark)...).Contiguous()) // an error comes with the read
	var room [64 << 10]byte
	for {
		if i := markAt(c.got, mark); i >= 0 {
			c.got = c.got[:i]
			return
		}
		n, err := c.conn.Read(room[:])
		c.got = append(c.got, room[:n]...)
		if err != nil {
			if !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
				r.t.Fatalf("%s: %v", c.name, err)
			}
			c.closed = true
			return
		}
	}
}

// markAt is where the answer with the mark begins; -1 while it has not come.
func markAt(b []byte, mark string) int {
	for at := 0; ; {
		n, err := wire.SplitValue(b[at:])
		if n == 0 || err != nil {
			return -1
		}
		if v, err := wire.DecodeValue(machine.Literal(b[at : at+n])); err == nil {
			last := v
			if len(v.Elems) == 2 {
				last = v.Elems[1]
			}
			if string(last.Text.Contiguous()) == mark {
				return at
			}
		}
		at += n
	}
}
