// Hash prints the trace hash of some runs, a line each: built for other
// architectures and run in other ways, it must print the same.
package main

import (
	"fmt"

	"brokersim/sim/scenario"
)

func main() {
	for _, name := range []string{"healthy", "orders", "acks1-leader-crash"} {
		src, _ := scenario.Source(name)
		spec, err := scenario.Parse(name+".yaml", src)
		if err != nil {
			panic(err)
		}
		for _, seed := range []uint64{1, 7} {
			r := scenario.Run(scenario.Case{Spec: spec, Seed: seed})
			fmt.Println(name, r.Seed, r.TraceHash, r.Events, r.Verdict)
		}
	}
}
