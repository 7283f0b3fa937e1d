package gate

import (
	"brokersim/checker/result"
	"brokersim/faults/failpoint"
	"brokersim/sim/scenario"
)

// canaryBug, in the scenario made for it, must be found by canaryProperty.
const (
	canaryScenario = "followers-cut"
	canaryBug      = failpoint.R24AckBeforeISR
	canaryProperty = "no-acked-loss"
)

// canarySeeds is how many seeds the canary gets: the bug shows in three runs of
// four, and a change of the simulator changes what a seed means.
const canarySeeds = 8

// canary runs a broker with a planted bug until it is found. If it is not, the
// check sees nothing, whatever else it says.
func canary(run Runner) *result.Canary {
	src, _ := scenario.Source(canaryScenario)
	spec, err := scenario.Parse(canaryScenario+".yaml", src)
	if err != nil {
		panic(err) // it is part of the program
	}
	c := &result.Canary{Bug: canaryBug.String(), Scenario: canaryScenario, Property: canaryProperty}
	for seed := uint64(1); seed <= canarySeeds; seed++ {
		c.Runs++
		r := run(scenario.Case{Spec: spec, Seed: seed, Plant: []string{c.Bug}})
		for _, f := range r.Findings {
			if f.Property == canaryProperty && f.Outcome == result.Broken {
				c.Seed = r.Seed
				return c
			}
		}
	}
	return c
}
