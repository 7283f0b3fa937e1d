package cluster

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"brokersim/broker/host"
	"brokersim/broker/log"
	"brokersim/broker/log/config"
	"brokersim/broker/log/controller"
	"brokersim/broker/log/sasl"
	"brokersim/broker/log/scram"
	"brokersim/broker/log/wire"
	"brokersim/broker/machine"
)

// The kinds of broker. The zero value is that of a log.
const (
	KindLog    = "log"
	KindQueue  = "queue"
	KindPubSub = "pubsub"
)

// Config says what runs.
type Config struct {
	// Kind is what runs: a cluster of log brokers, or one broker of another kind, b1,
	// for which only Listen, Data and Log matter.
	Kind    string
	Brokers int // b1, b2, ...; 0: only the controller
	// FirstID is the id of the first broker, 1 if it is 0.
	FirstID int32
	// Listen is the address of the first broker; the others have the ports after it.
	// Port 0 is any free one, for each.
	Listen string
	// Advertise is the host that clients are told, unless it is empty: that of Listen.
	Advertise string
	// Controllers is how many controllers run here, c101, c102, ..., on free loopback
	// ports; if Voters is empty.
	Controllers int
	// Voters are the addresses of all controllers, if they do not all run here. The
	// one whose place in it is Voter, counted from 1, does.
	Voters []string
	Voter  int

	// SASL, unless nil, has each broker listen for clients who must show who they are, too.
	SASL *SASL

	Data     string // the directory of all files; each node has its own in it
	Settings config.Broker
	Set      map[string]string // the settings that differ from Kafka's defaults
	// TransactionVersion is the finalized level of the feature transaction.version.
	TransactionVersion int16
	// Log takes what an operator should know, a line each; nil is nobody.
	Log func(string)
}

// SASL is the listener for clients who must show who they are, and who there is.
type SASL struct {
	// Listen is the address of the first broker's, as [Config.Listen] is of its other one;
	// empty: only users are known.
	Listen string
	// Users are passwords by user: of PLAIN in any case, and of SCRAM in a cluster that
	// begins (kafka-storage format --add-scram).
	Users map[string]string
}

// firstController is the id of the first controller.
const firstController = 101

func controllerName(i int) string { return fmt.Sprintf("c%d", firstController+i) }

// Cluster is a cluster that runs.
type Cluster struct {
	cfg   Config
	nodes []*node // the controllers that are here first
	ways  map[[2]string]*host.Way
	names map[string]string // of addresses
	real  map[string]string // the address to dial for an advertised one
}

// node is a broker or the controller through its lives.
type node struct {
	cluster *Cluster
	name    string
	addr    string         // that it listens on
	sasl    string         // and for clients who must show who they are; empty: nowhere
	planned []net.Listener // there, until the first life begins
	split   host.Split
	boot    func() machine.Machine
	told    error // that it has given up with
	found   int   // how much of what it has found on the disk was said

	mu      sync.Mutex // for who starts and ends lives
	life    *host.Node // nil while down
	machine machine.Machine
	skew    time.Duration
	// stopping says that somebody ends the life, and it may take a while.
	stopping bool
}

// Start starts all nodes. It does not wait for them to know each other: see [Cluster.Ready].
func Start(cfg Config) (*Cluster, error) {
	if cfg.FirstID == 0 {
		cfg.FirstID = 1
	}
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	c := &Cluster{cfg: cfg, ways: make(map[[2]string]*host.Way), names: make(map[string]string), real: make(map[string]string)}
	err := c.plan()
	if err == nil {
		err = c.startAll()
	}
	if err != nil {
		for _, n := range c.nodes {
			closeAll(n.planned)
		}
		c.Kill()
		return nil, err
	}
	return c, nil
}

func closeAll(listeners []net.Listener) {
	for _, l := range listeners {
		l.Close()
	}
}

// plan takes the addresses of all nodes, so that each can be told those of the others.
func (c *Cluster) plan() error {
	add := func(name, addr string) (net.Addr, error) {
		n := &node{cluster: c, name: name, split: wire.Split}
		bound, err := n.plan(addr)
		if err != nil {
			return nil, err
		}
		n.addr = bound.String()
		c.nodes = append(c.nodes, n)
		c.names[n.addr] = name
		return bound, nil
	}
	if c.cfg.Kind == KindQueue || c.cfg.Kind == KindPubSub {
		_, err := add("b1", c.cfg.Listen)
		if err == nil {
			c.planOther(c.nodes[0])
		}
		return err
	}
	voters, err := c.planControllers(add)
	if err != nil {
		return err
	}
	defer c.planWays()
	if c.cfg.Brokers == 0 {
		return nil
	}
	addrs, err := consecutive(c.cfg.Listen, c.cfg.Brokers)
	if err != nil {
		return err
	}
	for i, addr := range addrs {
		id := c.cfg.FirstID + int32(i)
		bound, err := add(fmt.Sprintf("b%d", id), addr)
		if err != nil {
			return err
		}
		c.planBroker(c.nodes[len(c.nodes)-1], id, bound.(*net.TCPAddr), voters)
	}
	return c.planSASL()
}

// plan takes an address for the first life.
func (n *node) plan(addr string) (net.Addr, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("%s cannot listen: %w", n.name, err)
	}
	n.planned = append(n.planned, l)
	return l.Addr(), nil
}

// planSASL takes the addresses for clients who must show who they are.
func (c *Cluster) planSASL() error {
	if c.cfg.SASL == nil || c.cfg.SASL.Listen == "" {
		return nil
	}
	addrs, err := consecutive(c.cfg.SASL.Listen, c.cfg.Brokers)
	if err != nil {
		return err
	}
	for _, n := range c.nodes {
		if !strings.HasPrefix(n.name, "b") {
			continue
		}
		bound, err := n.plan(addrs[0])
		if err != nil {
			return err
		}
		n.sasl, addrs = bound.String(), addrs[1:]
	}
	return nil
}

func (c *Cluster) planWays() {
	for _, a := range c.nodes {
		for _, b := range c.nodes {
			if a != b {
				c.ways[[2]string{a.name, b.name}] = &host.Way{}
			}
		}
	}
}

// remembered is how many of the last batches of a log are found without its index: what
// readers who keep up ask for.
const remembered = 4096

// ShutdownWait is how long a broker that is to stop waits until others lead what it has led.
// It takes two heartbeats of theirs if there are others.
const ShutdownWait = 5 * time.Second

func (c *Cluster) planBroker(n *node, id int32, l *net.TCPAddr, voters []log.Voter) {
	cfg := log.BrokerConfig{
		ID: id, Host: c.cfg.Advertise, Port: int32(l.Port),
		Controllers: voters, Settings: c.cfg.Settings, Remember: remembered, CheckRecords: true, ShutdownWait: ShutdownWait, Coordinators: true,
		TransactionVersion: c.cfg.TransactionVersion, ShareVersion: 1,
		Admin: &log.Admin{LogDir: filepath.Join(c.cfg.Data, n.name), Set: c.cfg.Set, Tools: true},
	}
	if dir, err := filepath.Abs(cfg.Admin.LogDir); err == nil {
		cfg.Admin.LogDir = dir
	}
	if cfg.Host == "" {
		cfg.Host = l.IP.String()
		if host, _, err := net.SplitHostPort(c.cfg.Listen); err == nil && host != "" && !l.IP.IsUnspecified() {
			cfg.Host = host // as it was said: clients compare names
		}
	}
	advertised := net.JoinHostPort(cfg.Host, strconv.Itoa(l.Port))
	c.names[advertised] = n.name
	c.real[advertised] = n.addr
	n.boot = func() machine.Machine {
		cfg := cfg
		_, _ = rand.Read(cfg.Incarnation[:]) // never fails
		cfg.Security = c.security(n.sasl, cfg.Host)
		return log.NewBroker(cfg)
	}
}

// security is how clients of a broker show who they are.
func (c *Cluster) security(addr, host string) *log.Security {
	s := &log.Security{Nonce: nonce, Scram: scram.New}
	if c.cfg.SASL != nil {
		s.Passwords = c.cfg.SASL.Users
	}
	if _, port, err := net.SplitHostPort(addr); err == nil {
		s.Host = host
		n, _ := strconv.ParseUint(port, 10, 16) // it is the kernel's
		s.Port = int32(n)
	}
	return s
}

// nonce is as long as Kafka's (ScramFormatter.secureRandomString), and as hard to guess.
func nonce() string { return rand.Text() }

// credentials are those of SCRAM that a cluster begins with.
func (c *Cluster) credentials() (list []controller.ScramCredential, err error) {
	if c.cfg.SASL == nil {
		return nil, nil
	}
	for _, user := range slices.Sorted(maps.Keys(c.cfg.SASL.Users)) {
		for _, m := range []sasl.Scram{sasl.SHA256, sasl.SHA512} {
			salt := []byte(rand.Text())
			salted, err := sasl.Salted(m, c.cfg.SASL.Users[user], salt, sasl.MinIterations)
			if err != nil {
				return nil, fmt.Errorf("the password of %s: %w", user, err)
			}
			list = append(list, controller.ScramCredential{User: user, Mechanism: m, Credential: sasl.CredentialOf(m, salt, salted, sasl.MinIterations)})
		}
	}
	return list, nil
}

// planControllers takes the addresses of the controllers that run here.
func (c *Cluster) planControllers(add func(name, addr string) (net.Addr, error)) (voters []log.Voter, err error) {
	addrs := slices.Clone(c.cfg.Voters)
	if len(addrs) == 0 {
		addrs = slices.Repeat([]string{"127.0.0.1:0"}, c.cfg.Controllers)
	}
	if len(c.cfg.Voters) == 0 {
		if err := sameControllers(c.cfg.Data, len(addrs)); err != nil {
			return nil, err
		}
	}
	for i, addr := range addrs {
		if len(c.cfg.Voters) == 0 || c.cfg.Voter == i+1 {
			l, err := add(controllerName(i), addr)
			if err != nil {
				return nil, err
			}
			addr = l.String()
		}
		voters = append(voters, log.Voter{ID: int32(firstController + i), Addr: addr})
		c.names[addr] = controllerName(i)
	}
	users, err := c.credentials()
	if err != nil {
		return nil, err
	}
	for _, n := range c.nodes {
		id := voters[slices.IndexFunc(voters, func(v log.Voter) bool { return v.Addr == n.addr })].ID
		n.boot = func() machine.Machine {
			var seed [8]byte
			_, _ = rand.Read(seed[:]) // never fails
			cfg := log.ControllerConfig{ID: id, Settings: c.cfg.Settings, Seed: binary.BigEndian.Uint64(seed[:]), Admin: true, Tools: true, PlaceOnFenced: true, Set: c.cfg.Set,
				Security: true, Scram: users}
			if len(voters) > 1 {
				cfg.Voters = voters
			}
			return log.NewController(cfg)
		}
	}
	return voters, nil
}

// sameControllers refuses to begin with other controllers than those whose files there are:
// a majority of the new ones may not have what a majority of the old ones has committed,
// and would begin without it. Kafka compares controller.quorum.voters with the voters in
// quorum-state; voters that change one at a time are KIP-853.
func sameControllers(data string, n int) error {
	var have, want []string
	began := false
	for i := range 9 {
		dir := filepath.Join(data, controllerName(i))
		if _, err := os.Stat(dir); err == nil {
			have = append(have, controllerName(i))
		}
		if _, err := os.Stat(filepath.Join(dir, log.MetadataDir)); err == nil {
			began = true
		}
		if i < n {
			want = append(want, controllerName(i))
		}
	}
	if !began || slices.Equal(have, want) {
		return nil
	}
	return fmt.Errorf("%s has the files of controllers %s, not of %s: what a quorum has committed is certain only with the voters that it had", data, strings.Join(have, ", "), strings.Join(want, ", "))
}

// consecutive are n addresses with ports from that of the first.
func consecutive(first string, n int) ([]string, error) {
	name, text, err := net.SplitHostPort(first)
	port, bad := strconv.ParseUint(text, 10, 16)
	if err != nil || bad != nil {
		return nil, fmt.Errorf("%q is no address to listen on: want HOST:PORT", first)
	}
	if port > 0 && port+uint64(n)-1 > 65535 {
		return nil, fmt.Errorf("%d brokers from port %d on need ports above 65535", n, port)
	}
	addrs := make([]string, n)
	for i := range addrs {
		addrs[i] = net.JoinHostPort(name, strconv.FormatUint(port, 10))
		if port > 0 {
			port++
		}
	}
	return addrs, nil
}

func (c *Cluster) startAll() error {
	for _, n := range c.nodes {
		if err := n.start(); err != nil {
			return err
		}
	}
	return nil
}

// listen takes the addresses of a node, or has them since it was planned.
func (n *node) listen() error {
	if len(n.planned) > 0 {
		return nil
	}
	for _, addr := range []string{n.addr, n.sasl} {
		if addr == "" {
			continue
		}
		if _, err := n.plan(addr); err != nil {
			closeAll(n.planned)
			n.planned = nil
			return err
		}
	}
	return nil
}

// start begins a life. Nobody listens for it if it cannot.
func (n *node) start() error {
	if err := n.listen(); err != nil {
		return err
	}
	planned := n.planned
	n.planned = nil
	dir := filepath.Join(n.cluster.cfg.Data, n.name)
	if kind := n.cluster.cfg.Kind; kind != KindQueue && kind != KindPubSub {
		if err := identify(dir, n.name); err != nil {
			closeAll(planned)
			return err
		}
	}
	var listeners []host.Listener
	for _, l := range planned {
		listeners = append(listeners, host.Listener{Listener: l, Split: n.split})
	}
	m := n.boot()
	n.told, n.found = nil, 0
	life, err := host.Start(host.Config{
		Name: n.name, Machine: m, Dir: dir,
		Listeners: listeners, Split: n.split,
		Route: func(addr string) host.Route { return n.cluster.route(n.name, addr) },
		After: func() { n.complain(m) },
	})
	if err != nil {
		return err
	}
	life.Skew(n.skew)
	n.life, n.machine = life, m
	return nil
}

// complain says once what a machine has found on its disk, and why it has given up.
func (n *node) complain(m machine.Machine) {
	if x, ok := m.(interface{ Found() []string }); ok {
		for list := x.Found(); n.found < len(list); n.found++ {
			n.cluster.cfg.Log(n.name + " found " + list[n.found])
		}
	}
	if err := errorOf(m); err != nil && n.told == nil {
		n.told = err
		n.cluster.cfg.Log(fmt.Sprintf("%s serves no more until it is started again: %v", n.name, err))
	}
}

// errorOf is why a machine has given up; nil if it has not, or never does.
func errorOf(m machine.Machine) error {
	if x, ok := m.(interface{ Err() error }); ok {
		return x.Err()
	}
	return nil
}

func (c *Cluster) route(from, addr string) host.Route {
	r := host.Route{Addr: c.real[addr]}
	if to := c.names[addr]; to != "" && to != from {
		r.Out, r.In = c.ways[[2]string{from, to}], c.ways[[2]string{to, from}]
	}
	return r
}

// Bootstrap are the addresses that clients are told, of all brokers.
func (c *Cluster) Bootstrap() []string {
	var list []string
	for _, n := range c.nodes {
		if c.cfg.Kind == KindQueue || c.cfg.Kind == KindPubSub {
			list = append(list, n.addr)
		}
		for advertised, addr := range c.real {
			if addr == n.addr {
				list = append(list, advertised)
			}
		}
	}
	return list
}

// SASLBootstrap are the addresses that clients are told who must show who they are.
func (c *Cluster) SASLBootstrap() []string {
	var list []string
	for _, n := range c.nodes {
		if n.sasl == "" {
			continue
		}
		for advertised, addr := range c.real {
			if _, port, err := net.SplitHostPort(n.sasl); err == nil && addr == n.addr {
				host, _, _ := net.SplitHostPort(advertised) // as it was joined
				list = append(list, net.JoinHostPort(host, port))
			}
		}
	}
	return list
}

// Controllers are the addresses of the controllers that run here.
func (c *Cluster) Controllers() []string {
	var list []string
	for _, n := range c.nodes {
		if strings.HasPrefix(n.name, "c") {
			list = append(list, n.addr)
		}
	}
	return list
}

// Ready waits until all brokers serve.
func (c *Cluster) Ready(ctx context.Context) error {
	for {
		waits := ""
		for _, n := range c.nodes {
			ready, err := n.ready()
			if err != nil {
				return fmt.Errorf("%s: %w", n.name, err)
			}
			if !ready && waits == "" {
				waits = n.name
			}
		}
		if waits == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not serve yet: %w", waits, context.Cause(ctx))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (n *node) ready() (ok bool, err error) {
	n.look(func(m machine.Machine) {
		switch m := m.(type) {
		case *log.Broker:
			info := m.Image().Brokers[m.ID()]
			ok, err = m.Epoch() >= 0 && info != nil && info.Alive(), m.Err()
		case *log.ControllerNode:
			// Of several, one that stands by has nothing to do. That one is active, the
			// brokers tell.
			ok, err = m.Active() || len(n.cluster.cfg.Voters) > 1 || n.cluster.cfg.Controllers > 1, m.Err()
		default:
			ok, err = true, errorOf(m)
		}
	})
	return ok, err
}

// look has f see the machine between two steps; not if the node is down.
func (n *node) look(f func(machine.Machine)) bool {
	n.mu.Lock()
	life, m := n.life, n.machine
	n.mu.Unlock()
	return life != nil && life.Do(func() { f(m) })
}

// Stop ends all nodes in good order, all brokers and then all controllers, and makes their
// files durable. What grace is too short for, a broker's next start pays for: see
// [ShutdownWait].
func (c *Cluster) Stop(grace time.Duration) error {
	errs := make([]error, len(c.nodes))
	for _, controllers := range []bool{false, true} {
		var ended sync.WaitGroup
		for i, n := range c.nodes {
			if strings.HasPrefix(n.name, "c") == controllers {
				ended.Go(func() { errs[i] = n.stop(grace) })
			}
		}
		ended.Wait()
	}
	return errors.Join(errs...)
}

// stop ends the life that the node is in. It may be looked at meanwhile.
func (n *node) stop(grace time.Duration) error {
	n.mu.Lock()
	life := n.life
	n.stopping = life != nil
	n.mu.Unlock()
	if life == nil {
		return nil
	}
	err := life.Stop(grace)
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life == life {
		n.life, n.stopping = nil, false
	}
	if err != nil {
		return fmt.Errorf("%s: %w", n.name, err)
	}
	return nil
}

// Kill ends all nodes as a crash of the process would.
func (c *Cluster) Kill() {
	for _, n := range c.nodes {
		n.kill()
	}
}

func (n *node) kill() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil {
		n.life.Kill()
		n.life = nil
	}
}

// restart begins a new life, if the node is down, or when it is.
func (n *node) restart() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.life != nil && n.stopping {
		n.life.Kill() // which waits for whoever stops it
		n.life, n.stopping = nil, false
	}
	if n.life != nil {
		return nil
	}
	return n.start()
}
