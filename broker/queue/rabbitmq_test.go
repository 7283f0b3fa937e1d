package queue

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"brokersim/broker/machine"
	"brokersim/broker/queue/wire"
)

var withRabbitMQ = flag.Bool("rabbitmq", false, "tell the stories of testdata/rabbitmq to a RabbitMQ of this machine; with -rewrite its answers are recorded")

// quiet is how long nothing must come before all has been heard.
const quiet = 150 * time.Millisecond

// patience is how long an answer that must come is waited for.
const patience = 10 * time.Second

// rabbitmq is a transport to a RabbitMQ that was started for it: an ordinary process
// of this user, with everything it owns in a temporary directory.
type rabbitmq struct {
	t     *testing.T
	home  string
	port  int
	cmd   *exec.Cmd
	conns map[string]*tcpConn

	awaited []string
}

type tcpConn struct {
	net.Conn
	buf   []byte
	ended bool
}

func freePort(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// rabbitServer finds the server's own script; the one in the path of some
// distributions changes users.
func rabbitServer() (path string, ok bool) {
	for _, path := range []string{"/usr/lib/rabbitmq/bin/rabbitmq-server", "/opt/homebrew/sbin/rabbitmq-server"} {
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	path, err := exec.LookPath("rabbitmq-server")
	return path, err == nil
}

func startRabbitMQ(t *testing.T) *rabbitmq {
	if _, ok := rabbitServer(); !ok {
		t.Skip("rabbitmq-server is not installed: the recorded answers are compared alone")
	}
	home, err := os.MkdirTemp("", "rabbitmq")
	if err != nil {
		t.Fatal(err)
	}
	r := &rabbitmq{t: t, home: home, port: freePort(t), conns: make(map[string]*tcpConn)}
	t.Cleanup(func() {
		r.stop()
		os.RemoveAll(home)
	})
	os.WriteFile(filepath.Join(home, "enabled_plugins"), []byte("[].\n"), 0o600)
	os.WriteFile(filepath.Join(home, "rabbitmq.conf"), []byte("disk_free_limit.absolute = 1MB\nlog.file = false\nlog.console = false\n"), 0o600)
	r.start()
	return r
}

func (r *rabbitmq) environment() []string {
	return append(os.Environ(), "HOME="+r.home, "RABBITMQ_NODENAME=differential"+strconv.Itoa(r.port)+"@localhost",
		"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT="+strconv.Itoa(r.port), "RABBITMQ_DIST_PORT="+strconv.Itoa(freePort(r.t)),
		"RABBITMQ_MNESIA_BASE="+r.home+"/mnesia", "RABBITMQ_LOG_BASE="+r.home+"/log", "RABBITMQ_ENABLED_PLUGINS_FILE="+r.home+"/enabled_plugins",
		"RABBITMQ_CONFIG_FILE="+r.home+"/rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE="+r.home+"/none", "RABBITMQ_GENERATED_CONFIG_DIR="+r.home+"/config",
		"ERL_EPMD_ADDRESS=127.0.0.1", "ERL_EPMD_PORT="+strconv.Itoa(r.port+1))
}

func (r *rabbitmq) start() {
	path, _ := rabbitServer()
	r.cmd = exec.Command(path)
	r.cmd.Env = r.environment()
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var output bytes.Buffer
	r.cmd.Stdout, r.cmd.Stderr = &output, &output
	if err := r.cmd.Start(); err != nil {
		r.t.Fatal(err)
	}
	r.t.Logf("rabbitmq-server starts on port %d", r.port)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if c, err := net.Dial("tcp", r.address()); err == nil {
			c.Close()
			return
		}
	}
	r.t.Fatalf("RabbitMQ does not start:\n%s", output.String())
}

func (r *rabbitmq) address() string { return "127.0.0.1:" + strconv.Itoa(r.port) }

// stop ends the server and the port mapper that it has started, and nothing else.
func (r *rabbitmq) stop() {
	for name := range r.conns {
		r.kill(name)
	}
	syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
	r.cmd.Wait()
	kill := exec.Command("epmd", "-port", strconv.Itoa(r.port+1), "-kill")
	kill.Env = r.environment()
	if out, err := kill.CombinedOutput(); err != nil {
		r.t.Logf("epmd -kill: %v: %s", err, out)
	}
}

func (r *rabbitmq) restart(string) {
	for name := range r.conns {
		r.kill(name)
	}
	syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
	r.cmd.Wait()
	r.start()
}

func (r *rabbitmq) open(name string) {
	c, err := net.Dial("tcp", r.address())
	if err != nil {
		r.t.Fatal(err)
	}
	r.conns[name] = &tcpConn{Conn: c}
}

func (r *rabbitmq) send(name string, b machine.Bytes) {
	r.conns[name].Write(b.Contiguous()) // one that has hung up is heard of by hear
}

// await notes that an answer must come, however long it takes.
func (r *rabbitmq) await(name string) { r.awaited = append(r.awaited, name) }

// hear reads all connections until nothing has come for a while.
func (r *rabbitmq) hear() map[string][]wire.Frame {
	got := make(map[string][]wire.Frame)
	waiting := func() bool {
		return slices.ContainsFunc(r.awaited, func(name string) bool { c := r.conns[name]; return c != nil && !c.ended && len(got[name]) == 0 })
	}
	start := time.Now()
	for last := start; time.Since(last) < quiet || waiting() && time.Since(start) < patience; {
		for name, c := range r.conns {
			var buf [65536]byte
			c.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
			n, err := c.Read(buf[:])
			if n > 0 {
				last = time.Now()
				c.buf = append(c.buf, buf[:n]...)
				got[name] = append(got[name], r.frames(c)...)
			}
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
				c.ended = true
			}
		}
		if len(r.conns) == 0 {
			time.Sleep(5 * time.Millisecond)
		}
	}
	r.awaited = r.awaited[:0]
	return got
}

// frames takes the whole frames off what was read.
func (r *rabbitmq) frames(c *tcpConn) (list []wire.Frame) {
	for {
		n, err := wire.Split(c.buf)
		if err != nil {
			r.t.Fatalf("RabbitMQ sent what is no frame: %v: %q", err, c.buf)
		}
		if n == 0 {
			return list
		}
		f, _, err := wire.Next(machine.Literal(bytes.Clone(c.buf[:n])))
		if err != nil {
			r.t.Fatal(err)
		}
		c.buf = c.buf[n:]
		list = append(list, f)
	}
}

func (r *rabbitmq) closed(name string) bool {
	c := r.conns[name]
	if c == nil || !c.ended {
		return false
	}
	c.Close()
	delete(r.conns, name)
	return true
}

func (r *rabbitmq) kill(name string) {
	if c := r.conns[name]; c != nil {
		c.Conn.(*net.TCPConn).SetLinger(0)
		c.Close()
		delete(r.conns, name)
	}
}

func (r *rabbitmq) sleep(d time.Duration) { time.Sleep(d) }

// reset deletes what a story has left behind.
func (r *rabbitmq) reset(k *talk, story string) {
	for name := range r.conns {
		r.kill(name)
	}
	*k = *newTalk(r)
	var queues, exchanges []string
	for _, word := range strings.Fields(story) {
		if q, is := strings.CutPrefix(word, "queue="); is && !strings.HasPrefix(q, "amq.") {
			queues = append(queues, q)
		}
		if x, is := strings.CutPrefix(word, "exchange="); is && !strings.HasPrefix(x, "amq.") {
			exchanges = append(exchanges, x)
		}
	}
	for _, q := range queues {
		k.do(fmt.Sprintf("z1 queue.delete queue=%s nowait", q))
	}
	for _, x := range exchanges {
		k.do(fmt.Sprintf("z1 exchange.delete exchange=%s nowait", x))
	}
	k.do("z kill")
}
