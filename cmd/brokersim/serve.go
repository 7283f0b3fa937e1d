package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"brokersim/broker/host/cluster"
	"brokersim/broker/log/acl"
	"brokersim/broker/log/config"
	"brokersim/broker/log/sasl"
	"brokersim/checker/result"
	"brokersim/faults"

	"github.com/spf13/cobra"
)

// serveFlags is the command line of serve.
type serveFlags struct {
	kind              string
	brokers           int
	controllers       int
	data              string
	listen, advertise string
	metrics           string
	saslListen        string
	saslUsers         []string
	set, properties   []string
	transactions      int16
	faults, seed      string
	role              string
	voters            []string
	id                int32
}

const serveAbout = `Runs a cluster of log brokers for real clients over TCP: the broker that the simulator
runs, on real files and the wall clock, in one process. It prints the addresses that
clients want as bootstrap.servers when all brokers serve, and stops in good order at an
interrupt (Ctrl-C) or SIGTERM. With --data it goes on where the last one has stopped, or
was killed: after a kill as in Kafka when broker.session.timeout.ms is over, since until
then the brokers that were killed are taken to live.

With --sasl-listen clients may come to another port of each broker, where they must show who
they are first: by PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512, unless sasl.enabled.mechanisms is
set. --sasl-user names users of all three; those of SCRAM are in a cluster's metadata, which
has them from its beginning on, and whoever may alter them (kafka-configs --entity-type users).

With the settings authorizer.class.name, that of Kafka's StandardAuthorizer, and super.users
ACLs decide who may do what. Who need not show who he is is User:ANONYMOUS, as brokers are to
each other.

Settings have Kafka's names, units and defaults: broker.X. The later decides: Kafka's
defaults, the property files, --set.

--faults applies a schedule to the nodes b1, ... and c101, ... in real time, so that your
own client meets a fault: a preset, a file, or the text itself with ";" between two steps.
Times count from when the cluster serves. What cannot be done to a real process, disk or
connection is refused.
  5s for 3s pause leader(orders-0); 10s for 5s cut-both b1 b2; 20s for 4s crash leader
`

const serveExamples = `  brokersim serve                                        three brokers from 127.0.0.1:9092 on
  brokersim serve --brokers 1 --data /var/tmp/kafka      kept for the next time
  brokersim serve --set broker.min.insync.replicas=2 --set broker.default.replication.factor=3
  brokersim serve --faults '10s for 5s crash leader'     what will your client do?
  brokersim serve --sasl-listen 127.0.0.1:9192 --sasl-user alice:secret
  brokersim serve --kind queue                           a work queue for clients of RabbitMQ
  brokersim serve --role controller --voters 127.0.0.1:9090 --data d
  brokersim serve --role broker --id 2 --voters 127.0.0.1:9090 --listen 127.0.0.1:9093 --data d`

func (a *app) serveVerb() *cobra.Command {
	f := &serveFlags{}
	cmd := &cobra.Command{
		Use:     "serve",
		Short:   "Serve real clients over TCP with the same broker",
		Long:    serveAbout,
		Example: serveExamples,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := filled(cmd, "data", "listen", "advertise", "metrics", "sasl-listen", "faults", "voters"); err != nil {
				return err
			}
			return a.serve(cmd, f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.kind, "kind", cluster.KindLog, "serve a `log`, or one broker that is a queue (AMQP 0-9-1) or pubsub (RESP)")
	flags.IntVar(&f.brokers, "brokers", 3, "run `N` brokers, 1 to 100")
	flags.IntVar(&f.controllers, "controllers", 1, "run `N` controllers, 1 to 9: of three one may be down")
	flags.StringVar(&f.data, "data", "", "keep the files of all nodes in `DIR`; without it they are gone at the end")
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9092", "the first broker listens on `HOST:PORT`, the others on the ports after it; 0 is any free port")
	flags.StringVar(&f.advertise, "advertise", "", "tell clients `HOST` instead (advertised.listeners)")
	flags.StringVar(&f.saslListen, "sasl-listen", "", "listen on `HOST:PORT`, and the ports after it, for clients who authenticate by SASL")
	flags.StringArrayVar(&f.saslUsers, "sasl-user", nil, "let `NAME:PASSWORD` in by SASL; may be repeated")
	flags.StringVar(&f.metrics, "metrics", "127.0.0.1:0", "serve OpenMetrics on `HOST:PORT` under /metrics; none for none")
	flags.StringArrayVar(&f.set, "set", nil, "change a setting of Kafka's, `key=value`; may be repeated")
	flags.StringArrayVar(&f.properties, "server-properties", nil, "take broker settings from `FILE`, as Kafka's server.properties")
	flags.Int16Var(&f.transactions, "transaction-version", 2, "finalize the feature transaction.version at level `N`, 0 to 2: clients go by it (KIP-890)")
	flags.StringVar(&f.faults, "faults", "none", "let `PRESET|FILE|TEXT` go wrong, in real time")
	flags.StringVar(&f.seed, "seed", "1", "draw the times of windows in the schedule by seed `N`")
	flags.StringVar(&f.role, "role", "all", "run `all`, only a broker, or only a controller: a process for each node")
	flags.Int32Var(&f.id, "id", 1, "with --role: the broker is b`N`, or the controller is the Nth of --voters")
	flags.StringSliceVar(&f.voters, "voters", nil, "with --role: the addresses of all controllers, `HOST:PORT,...`")
	return cmd
}

// serve runs the cluster until it is told to stop.
func (a *app) serve(cmd *cobra.Command, f *serveFlags) error {
	cfg, err := a.clusterConfig(cmd, f)
	if err != nil {
		return err
	}
	schedule, err := a.serveSchedule(f)
	if err != nil {
		return err
	}
	draws, err := seed(f.seed)
	if err != nil {
		return err
	}
	if cfg.Data == "" {
		dir, err := os.MkdirTemp("", "brokersim-")
		if err != nil {
			return plainPathError(err)
		}
		defer os.RemoveAll(dir)
		cfg.Data = dir
	}
	interrupt := make(chan os.Signal, 1)
	signal.Notify(interrupt, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(interrupt)

	c, err := cluster.Start(cfg)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	defer c.Kill() // of what is left on an error
	stop, err := a.serveMetrics(f, c)
	if err != nil {
		return err
	}
	defer stop()
	if err := a.awaitReady(c, interrupt); err != nil {
		return err
	}
	if f.kind != cluster.KindLog {
		fmt.Fprintf(a.stdout, "%s=%s\n", f.kind, strings.Join(c.Bootstrap(), ","))
	} else if f.role == "controller" {
		fmt.Fprintf(a.stderr, "controller: %s\n", strings.Join(c.Controllers(), ","))
	} else {
		fmt.Fprintf(a.stdout, "bootstrap.servers=%s\n", strings.Join(c.Bootstrap(), ","))
	}
	if list := c.SASLBootstrap(); len(list) > 0 {
		fmt.Fprintf(a.stdout, "sasl.bootstrap.servers=%s\n", strings.Join(list, ","))
	}
	a.serveUntil(c, schedule, draws, interrupt)
	if err := c.Stop(stopWithin); err != nil {
		return &failure{result.ExitInternal, fmt.Errorf("serve: what was written is not durable: %w", err)}
	}
	return nil
}

// stopWithin is how long a node may take to stop: a broker to hand over what it leads, clients
// to take their answers.
const stopWithin = 2 * cluster.ShutdownWait

// serveUntil applies the schedule until there is a signal.
func (a *app) serveUntil(c *cluster.Cluster, schedule faults.Schedule, seed uint64, interrupt <-chan os.Signal) {
	over := make(chan struct{})
	var applying sync.WaitGroup
	applying.Go(func() { c.Apply(schedule, seed, over) })
	<-interrupt
	close(over)
	applying.Wait()
}

// awaitReady waits until all nodes serve, or there is a signal.
func (a *app) awaitReady(c *cluster.Cluster, interrupt <-chan os.Signal) error {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	done := make(chan error, 1)
	go func() { done <- c.Ready(ctx) }()
	select {
	case err := <-done:
		if err != nil {
			return &failure{result.ExitInternal, fmt.Errorf("serve: %w", err)}
		}
		return nil
	case <-interrupt:
		cancel(errors.New("interrupted"))
		return &failure{result.ExitInterrupted, fmt.Errorf("serve: %w", <-done)}
	}
}

// clusterConfig is what the flags mean.
func (a *app) clusterConfig(cmd *cobra.Command, f *serveFlags) (cluster.Config, error) {
	if err := f.checkKind(cmd); err != nil {
		return cluster.Config{}, err
	}
	cfg := cluster.Config{Kind: f.kind, Brokers: f.brokers, Controllers: f.controllers, Listen: f.listen, Advertise: f.advertise, Data: f.data, Log: a.serveLog()}
	if err := f.checkRole(cmd); err != nil {
		return cfg, err
	}
	switch f.role {
	case "broker":
		cfg.Brokers, cfg.FirstID, cfg.Voters = 1, f.id, f.voters
	case "controller":
		cfg.Brokers, cfg.Voters, cfg.Voter = 0, f.voters, int(f.id)
	}
	if f.transactions < 0 || f.transactions > 2 {
		return cfg, fmt.Errorf("serve: --transaction-version %d is not 0, 1 or 2", f.transactions)
	}
	cfg.TransactionVersion = f.transactions
	settings, err := a.serveSettings(f)
	if err != nil {
		return cfg, err
	}
	cfg.Settings, cfg.Set = settings.Broker(), make(map[string]string)
	for _, s := range settings.Changed() {
		cfg.Set[strings.TrimPrefix(s.Key, "broker.")] = s.Value
	}
	if f.role == "all" {
		fewBrokers(&cfg)
	}
	if err := authorizes(&cfg.Settings); err != nil {
		return cfg, err
	}
	return cfg, f.authenticates(&cfg)
}

// authorizes refuses an authorizer that would keep brokers from each other: they come to the
// first listener, where nobody shows who he is.
func authorizes(s *config.Broker) error {
	const class = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
	switch {
	case s.AuthorizerClassName == "" || s.AllowEveryoneIfNoACLFound || slices.Contains(acl.SuperUsers(s.SuperUsers), "User:ANONYMOUS"):
	case s.AuthorizerClassName == class:
		return errors.New("serve: with an authorizer brokers want broker.super.users=User:ANONYMOUS, who they are to each other, or broker.allow.everyone.if.no.acl.found=true")
	}
	if s.AuthorizerClassName != "" && s.AuthorizerClassName != class {
		return fmt.Errorf("serve: broker.authorizer.class.name: want %s, the only one that there is", class)
	}
	return nil
}

// authenticates sets who may come how.
func (f *serveFlags) authenticates(cfg *cluster.Config) error {
	if f.saslListen == "" && len(f.saslUsers) == 0 {
		return nil
	}
	if f.saslListen == "" && f.role != "controller" {
		return errors.New("serve: --sasl-user wants --sasl-listen HOST:PORT, where its user may come")
	}
	cfg.SASL = &cluster.SASL{Listen: f.saslListen, Users: make(map[string]string)}
	for _, s := range f.saslUsers {
		user, password, ok := strings.Cut(s, ":")
		if !ok || user == "" || password == "" {
			return errors.New("serve: --sasl-user: want NAME:PASSWORD")
		}
		cfg.SASL.Users[user] = password
	}
	const key = "sasl.enabled.mechanisms"
	switch set := cfg.Set[key]; {
	case set == "":
		cfg.Settings.SASLEnabledMechanisms = strings.Join(sasl.Mechanisms(), ",")
		cfg.Set[key] = cfg.Settings.SASLEnabledMechanisms
	case strings.Contains(set, "GSSAPI"):
		return errors.New("serve: broker." + key + ": GSSAPI is not served; want PLAIN, SCRAM-SHA-256, SCRAM-SHA-512")
	}
	return nil
}

// fewBrokers has coordinators of groups, transactions and share groups work where there are fewer brokers
// than Kafka's defaults ask replicas of, as Kafka's own server.properties for one broker do.
func fewBrokers(cfg *cluster.Config) {
	n, s := cfg.Brokers, &cfg.Settings
	if n < 3 && cfg.Set["offsets.topic.replication.factor"] == "" {
		s.OffsetsTopicReplicationFactor = int16(n)
		cfg.Set["offsets.topic.replication.factor"] = strconv.Itoa(n)
	}
	if n < 3 && cfg.Set["transaction.state.log.replication.factor"] == "" {
		s.TransactionLogReplicationFactor = int16(n)
		cfg.Set["transaction.state.log.replication.factor"] = strconv.Itoa(n)
	}
	if n < 2 && cfg.Set["transaction.state.log.min.isr"] == "" {
		s.TransactionLogMinISR = int32(n)
		cfg.Set["transaction.state.log.min.isr"] = strconv.Itoa(n)
	}
	if n < 3 && cfg.Set["share.coordinator.state.topic.replication.factor"] == "" {
		s.ShareStateTopicReplicationFactor = int16(n)
		cfg.Set["share.coordinator.state.topic.replication.factor"] = strconv.Itoa(n)
	}
	if n < 2 && cfg.Set["share.coordinator.state.topic.min.isr"] == "" {
		s.ShareStateTopicMinISR = int16(n)
		cfg.Set["share.coordinator.state.topic.min.isr"] = strconv.Itoa(n)
	}
}

// checkKind refuses what only a cluster of log brokers has, of another kind of broker, which
// listens where its clients look for it.
func (f *serveFlags) checkKind(cmd *cobra.Command) error {
	switch f.kind {
	case cluster.KindLog:
		return nil
	case cluster.KindQueue, cluster.KindPubSub:
	default:
		return fmt.Errorf("serve: %w", unknown("kind", f.kind, []string{cluster.KindLog, cluster.KindQueue, cluster.KindPubSub}))
	}
	for _, flag := range []string{"brokers", "controllers", "advertise", "sasl-listen", "sasl-user", "set", "server-properties", "transaction-version", "role", "id", "voters"} {
		if cmd.Flags().Changed(flag) {
			return fmt.Errorf("serve: --%s is for --kind log", flag)
		}
	}
	f.brokers, f.controllers = 1, 1
	if !cmd.Flags().Changed("listen") {
		f.listen = map[string]string{cluster.KindQueue: "127.0.0.1:5672", cluster.KindPubSub: "127.0.0.1:6379"}[f.kind]
	}
	return nil
}

// checkRole refuses flags that do not go together.
func (f *serveFlags) checkRole(cmd *cobra.Command) error {
	changed := func(flag string) bool { return cmd.Flags().Changed(flag) }
	switch f.role {
	case "all":
		switch {
		case changed("id") || changed("voters"):
			return errors.New("serve: --id and --voters are for --role broker and --role controller")
		case f.brokers < 1 || f.brokers > 100:
			return fmt.Errorf("serve: --brokers %d: want 1 to 100", f.brokers)
		case f.controllers < 1 || f.controllers > 9:
			return fmt.Errorf("serve: --controllers %d: want 1 to 9", f.controllers)
		}
		return nil
	case "broker", "controller":
	default:
		return fmt.Errorf("serve: %w", unknown("role", f.role, []string{"all", "broker", "controller"}))
	}
	most := 100
	if f.role == "controller" {
		most = len(f.voters)
	}
	switch {
	case len(f.voters) == 0 || changed("brokers") || changed("controllers"):
		return fmt.Errorf("serve: --role %s wants --voters HOST:PORT,..., and neither --brokers nor --controllers", f.role)
	case f.id < 1 || int(f.id) > most:
		return fmt.Errorf("serve: --id %d: want 1 to %d", f.id, most)
	}
	return nil
}

func (a *app) serveSettings(f *serveFlags) (*config.Settings, error) {
	layers, err := a.layers(&runFlags{properties: propertyFiles(f.properties, nil, nil)})
	if err != nil {
		return nil, err
	}
	if len(f.set) > 0 {
		l, err := config.Set("--set", f.set)
		if err != nil {
			return nil, err
		}
		for _, e := range l.Entries {
			if !strings.HasPrefix(e.Key, "broker.") {
				return nil, fmt.Errorf("--set %s=%s: serve takes settings of brokers only, such as broker.min.insync.replicas; topics and clients bring their own", e.Key, e.Value)
			}
		}
		layers = append(layers, l)
	}
	s, err := config.Resolve(config.Targets{}, layers...)
	if err != nil {
		return nil, err
	}
	for _, name := range s.NotModelled() {
		a.warn([]string{"not modelled: " + name})
	}
	a.warn(s.Warnings())
	return s, nil
}

// serveSchedule is the schedule of --faults.
func (a *app) serveSchedule(f *serveFlags) (faults.Schedule, error) {
	text, err := a.schedule(f.faults)
	if err != nil || text == "" {
		return nil, err
	}
	if f.role != "all" {
		return nil, errors.New("serve: --faults needs all nodes in one process: leave --role out")
	}
	s, err := cluster.Parse(text, f.brokers, f.controllers)
	if err != nil {
		at := "--faults"
		if slices.Contains(faults.Presets(), f.faults) || isScheduleFile(f.faults) {
			at = f.faults
		}
		if wrong := (*faults.Error)(nil); errors.As(err, &wrong) {
			return nil, fmt.Errorf("%s:%d:%d: %s", at, wrong.Line, wrong.Column, wrong.Msg)
		}
		return nil, fmt.Errorf("%s: %w", at, err)
	}
	return s, nil
}

// serveMetrics serves the metrics, and says where.
func (a *app) serveMetrics(f *serveFlags, c *cluster.Cluster) (stop func(), err error) {
	if f.metrics == "none" {
		return func() {}, nil
	}
	l, err := net.Listen("tcp", f.metrics)
	if err != nil {
		return nil, fmt.Errorf("serve: --metrics: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/metrics", c)
	s := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.Serve(l) }() // it says that it was closed
	fmt.Fprintf(a.stderr, "metrics: http://%s/metrics\n", l.Addr())
	return func() { s.Close() }, nil
}

// serveLog writes what happens to the nodes, with the time since the start.
func (a *app) serveLog() func(string) {
	var mu sync.Mutex
	began := time.Now()
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(a.stderr, "%9.3fs  %s\n", time.Since(began).Seconds(), oneLine(line))
	}
}
