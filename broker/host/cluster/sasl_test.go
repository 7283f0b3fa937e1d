package cluster

import (
	"context"
	"crypto/sha256"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	kgosasl "github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"brokersim/broker/host"
	"brokersim/broker/log/sasl"
)

// Clients of others come to the listener for those who show who they are, by every mechanism,
// when the cluster has started again too. Who does not know a password is not let in.
func TestSASL(t *testing.T) {
	dir := t.TempDir()
	s := settings(t, "broker.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512", "broker.default.replication.factor=2")
	begin := func() *Cluster {
		c, err := Start(Config{Brokers: 2, Controllers: 1, Listen: "127.0.0.1:0", Data: dir, Settings: s, Log: func(s string) { t.Log(s) },
			SASL: &SASL{Listen: "127.0.0.1:0", Users: map[string]string{"alice": "secret"}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Kill)
		ready(t, c)
		return c
	}
	login := func(user, password string) map[string]kgosasl.Mechanism {
		auth := scram.Auth{User: user, Pass: password}
		return map[string]kgosasl.Mechanism{
			sasl.Plain:       plain.Auth{User: user, Pass: password}.AsMechanism(),
			sasl.ScramSHA256: auth.AsSha256Mechanism(),
			sasl.ScramSHA512: auth.AsSha512Mechanism(),
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dial := func(c *Cluster, m kgosasl.Mechanism) *kgo.Client {
		client, err := kgo.NewClient(kgo.SeedBrokers(c.SASLBootstrap()...), kgo.SASL(m), kgo.AllowAutoTopicCreation(), kgo.DefaultProduceTopic("orders"), kgo.RetryTimeout(20*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(client.Close)
		return client
	}
	c := begin()
	for range 2 {
		for name, m := range login("alice", "secret") { // unordered: independent rows
			client := dial(c, m)
			if err := client.ProduceSync(ctx, kgo.StringRecord(name)).FirstErr(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if err := dial(c, login("alice", "wrong")[name]).Ping(ctx); err == nil {
				t.Errorf("%s lets in who does not know the password", name)
			}
		}
		if err := c.Stop(10 * time.Second); err != nil {
			t.Fatal(err)
		}
		c = begin()
	}

	// bob is made by who need not show who he is, with the keys that his client makes.
	open, err := kgo.NewClient(kgo.SeedBrokers(c.Bootstrap()...))
	if err != nil {
		t.Fatal(err)
	}
	defer open.Close()
	req := kmsg.NewPtrAlterUserSCRAMCredentialsRequest()
	x := kmsg.NewAlterUserSCRAMCredentialsRequestUpsertion()
	salt := sha256.Sum256([]byte("bob"))
	x.Name, x.Mechanism, x.Iterations, x.Salt = "bob", int8(sasl.SHA512), 8192, salt[:]
	x.SaltedPassword, _ = sasl.Salted(sasl.SHA512, "pw", x.Salt, x.Iterations)
	req.Upsertions = append(req.Upsertions, x)
	resp, err := req.RequestWith(ctx, open)
	if err != nil || resp.Results[0].ErrorCode != 0 {
		t.Fatal(resp, err)
	}
	client := dial(c, login("bob", "pw")[sasl.ScramSHA512])
	for client.Ping(ctx) != nil { // until all brokers have heard of him
		if ctx.Err() != nil {
			t.Fatal(ctx.Err())
		}
	}
}

// A node has its addresses from when it is planned: nobody else may have them before it is
// started, such as a connection of the node before.
func TestAddressesAreKept(t *testing.T) {
	c := &Cluster{
		cfg: Config{Data: t.TempDir(), Brokers: 2, Controllers: 1, FirstID: 1, Listen: "127.0.0.1:0", Settings: settings(t),
			SASL: &SASL{Listen: "127.0.0.1:0"}},
		ways: make(map[[2]string]*host.Way), names: make(map[string]string), real: make(map[string]string),
	}
	if err := c.plan(); err != nil {
		t.Fatal(err)
	}
	for _, n := range c.nodes {
		defer closeAll(n.planned)
		for _, addr := range []string{n.addr, n.sasl} {
			if addr == "" {
				continue
			}
			if l, err := net.Listen("tcp", addr); err == nil {
				l.Close()
				t.Errorf("%s of %s can be had by another", addr, n.name)
			}
		}
	}
}
