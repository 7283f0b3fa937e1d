package scenario

import (
	"slices"

	"brokersim/checker"
	"brokersim/checker/history"
)

// forgo takes from what a swarm is held to the properties that Kafka's own flaws
// may break in it, where no budget of faults keeps them out:
//
//   - per-key-order, with several requests in flight: a broker accepts any sequence
//     from a producer of which it knows nothing (ProducerAppendInfo.checkSequence).
//     The first batches to a partition may be refused by a leader that does not yet
//     know that it leads, and the next one be accepted; then what was refused is out
//     of order until something expires, and is appended in a new epoch, after
//     what was sent later.
//   - no-duplicate, with more than two requests in flight: that is for each connection,
//     and when a leader dies silently a producer has as many under way to the next
//     one. A broker remembers a producer's last five batches; one that it does not
//     remember is out of order when it is sent again, until it expires, and what
//     follows is appended again in a new epoch (testdata/five-batches.yaml).
//   - no-duplicate and per-key-order, where a batch may expire under way: see
//     deliveryTimeout.
//
// A scenario that is no swarm is held to all, since its author knows its faults,
// and so is whoever states the property.
func (p *plan) forgo(promise history.Promise) history.Promise {
	if p.Spec.Swarm == "" {
		return promise
	}
	for _, x := range p.Spec.Producers {
		set := p.set.Producer(x.Name)
		if !set.EnableIdempotence {
			continue // nothing of this is derived for it
		}
		expires := set.DeliveryTimeout < p.Spec.longestOutage()
		promise.Properties = slices.DeleteFunc(promise.Properties, func(property string) bool {
			return property == checker.NoDuplicate && (expires || set.MaxInFlight > 2) || property == checker.PerKeyOrder && (expires || set.MaxInFlight > 1)
		})
	}
	return promise
}
