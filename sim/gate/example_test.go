package gate_test

import (
	"fmt"

	"brokersim/broker/machine"
	"brokersim/sim/gate"
	"brokersim/sim/scenario"
)

// printer stands for the *testing.T of a test.
type printer struct{}

func (printer) Helper()                           {}
func (printer) Name() string                      { return "TestMyBroker" }
func (printer) Logf(format string, args ...any)   { fmt.Printf(format+"\n", args...) }
func (printer) Fatalf(format string, args ...any) { fmt.Printf("FAIL "+format+"\n", args...) }

func ExampleTest() {
	var t printer // func TestMyBroker(t *testing.T) {
	one := `
about: my only broker, and a client that loses its connections
for: 2s
brokers: 1
profile: short
topics:
  orders: {partitions: 2, replication: 1}
producers:
  shop: {topic: orders, rate_per_second: 100, keys: 10, size_bytes: 50}
readers:
  desk: {topics: [orders]}
set:
  consumer.auto.offset.reset: earliest
faults: |
  1s reset shop b1
`
	spec, err := scenario.Parse("one.yaml", []byte(one))
	if err != nil {
		t.Fatalf("%v", err)
	}
	gate.Test(t, gate.Options{
		Spec:   spec,
		Seeds:  gate.Seeds{First: 1, N: 10},
		Broker: func(cfg scenario.BrokerConfig) machine.Machine { return newTiny(cfg) },
	})
	// Output:
	// kept: scenario one, seeds 0x1..0xa: P(violation) < 30 % per run (95 %)
}
