package capacity

import (
	"slices"
	"testing"

	"brokersim/sim/scenario"
	"brokersim/workloads"
)

// Every study that comes with the program can be read, and the six use cases are there
// in both sizes.
func TestStudiesAreRead(t *testing.T) {
	for _, name := range Names() {
		src, _ := Source(name)
		s, err := Read(name+".yaml", src)
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if s.Name != name {
			t.Errorf("study %s says that it is %s", name, s.Name)
		}
	}
	for _, name := range []string{"microservices", "event-sourcing", "analytics", "log-aggregation", "cdc", "activity-tracking"} {
		if !slices.Contains(Names(), name) || !slices.Contains(scenario.Names(), name) {
			t.Errorf("%s is not there in both sizes", name)
		}
	}
}

// The benchmark's word for keys and our numbers of them come together.
func TestKeysOfTheBenchmark(t *testing.T) {
	const rest = "slo: {e2e_p99_ms: 50}\ncluster: {profile: aws-i3en.2xlarge}\n"
	for _, row := range []struct {
		src  string
		want workloads.Keys
	}{
		{"keyDistributor: NO_KEY\n", workloads.Keys{}},
		{"keyDistributor: RANDOM_NANO\n", workloads.UniformKeys(10_000)},
		{"keyDistributor: ZIPF\nkeys: {cardinality: 1000000, theta: 0.99}\n", workloads.Keys{Dist: workloads.Zipf, Cardinality: 1_000_000, Theta: 990}},
		{"keyDistributor: SEQUENTIAL\nkeys: {cardinality: 30}\n", workloads.Keys{Dist: workloads.Sequential, Cardinality: 30}},
	} {
		s, err := Read("f.yaml", []byte(row.src+rest))
		if err != nil {
			t.Errorf("%q: %v", row.src, err)
		} else if s.Load.Keys != row.want {
			t.Errorf("%q: keys %+v, want %+v", row.src, s.Load.Keys, row.want)
		}
	}
}
