package gate

import (
	"fmt"
	"slices"

	"brokersim/broker/log/config"
	"brokersim/checker/result"
	"brokersim/sim/scenario"
)

// nearestRuns is how many runs with other settings must pass for the settings to: one
// alone may only have had other luck.
const nearestRuns = 8

// nearest tries settings that ask for more, those that change the least first: with
// the smallest schedule, in the run itself and in other futures of it. It ends with the
// first that passes. The first of what it returns is the run without a change.
func (o *Explainer) nearest(c scenario.Case) (asItIs *result.Variant, list []result.Variant) {
	list = []result.Variant{}
	settings, err := scenario.Settings(c)
	if err != nil {
		return nil, list
	}
	if v, tried := o.variant(c, []string{}); tried {
		asItIs = &v
	}
	for _, set := range stricter(c, settings) {
		v, tried := o.variant(c, set)
		if !tried {
			continue
		}
		list = append(list, v)
		if v.Verdict == result.Kept {
			break
		}
	}
	return asItIs, list
}

// variant runs a case with other settings.
func (o *Explainer) variant(c scenario.Case, set []string) (v result.Variant, tried bool) {
	c, err := c.With("--set", set...)
	if err != nil {
		return v, false
	}
	if _, err := scenario.Check(c); err != nil {
		return v, false
	}
	cases := []scenario.Case{c}
	for i := range nearestRuns - 1 {
		cases = append(cases, forked(c, 0, i))
	}
	v = result.Variant{Set: set, Verdict: result.Kept}
	o.together(cases, func(i int, r *result.Result) {
		if i == 0 {
			v.Costs = costs(r)
		}
		verdict := r.Verdict
		if len(r.Audits) > 0 {
			verdict = result.Broken
		}
		if v.Runs++; verdict == result.Kept {
			v.Passed++
		} else if v.Verdict != result.Broken {
			v.Verdict = verdict
		}
	})
	return v, v.Runs > 0
}

// costs says what a run has cost.
func costs(r *result.Result) string {
	l := &r.Ledger
	text := fmt.Sprintf("%d lost", l.LostAcked)
	if l.DupLog > 0 {
		text += fmt.Sprintf(", %d twice", l.DupLog)
	}
	if l.Rejected > 0 {
		text += fmt.Sprintf(", %d rejected", l.Rejected)
	}
	if l.Unknown > 0 {
		text += fmt.Sprintf(", %d unknown", l.Unknown)
	}
	return text + fmt.Sprintf(", %d.%d s unavailable", l.UnavailableUS/1_000_000, l.UnavailableUS%1_000_000/100_000)
}

// stricter are settings that ask for more than those of a case, one change first,
// then several together.
func stricter(c scenario.Case, s *config.Settings) (list [][]string) {
	spec, err := c.Scenario()
	if err != nil || len(spec.Topics) == 0 {
		return nil
	}
	switch spec.Kind {
	case scenario.KindPubSub:
		return nil // it keeps nothing, whatever is set
	case scenario.KindQueue:
		return stricterQueue(&spec.Queue)
	}
	one := func(key string, value any) []string {
		set := []string{fmt.Sprintf("%s=%v", key, value)}
		list = append(list, set)
		return set
	}
	var acks, minISR, flush []string
	topic := s.Topic(spec.Topics[0].Name)
	replication := int32(spec.Topics[0].Replication)
	idempotent, inFlight, delivery := producersOf(spec, s)
	if topic.UncleanLeaderElection {
		one("topic.unclean.leader.election.enable", false)
	}
	if !allAcks(spec, s) {
		acks = one("producer.acks", "all")
	}
	if topic.MinInsyncReplicas < replication {
		minISR = one("topic.min.insync.replicas", topic.MinInsyncReplicas+1)
	}
	if !idempotent {
		list = append(list, []string{"producer.acks=all", "producer.enable.idempotence=true", "producer.max.in.flight.requests.per.connection=5"})
	}
	if inFlight > 1 {
		one("producer.max.in.flight.requests.per.connection", 1)
	}
	if delivery < patient {
		one("producer.delivery.timeout.ms", patient)
	}
	if topic.FlushMessages != 1 {
		flush = one("topic.flush.messages", 1)
	}
	for _, both := range [][][]string{{acks, minISR}, {acks, flush}, {minISR, flush}, {acks, minISR, flush}} {
		if !slices.ContainsFunc(both, func(x []string) bool { return x == nil }) {
			list = append(list, slices.Concat(both...))
		}
	}
	return list
}

// patient is a delivery.timeout.ms, in ms, that outlasts the faults of a short run.
const patient = 30_000

func allAcks(spec *scenario.Spec, s *config.Settings) bool {
	return !slices.ContainsFunc(spec.Producers, func(p scenario.Producer) bool { return s.Producer(p.Name).Acks != -1 })
}

func producersOf(spec *scenario.Spec, s *config.Settings) (idempotent bool, inFlight, delivery int64) {
	idempotent, delivery = true, patient
	for i := range spec.Producers {
		p := s.Producer(spec.Producers[i].Name)
		idempotent = idempotent && p.EnableIdempotence
		inFlight = max(inFlight, int64(p.MaxInFlight))
		delivery = min(delivery, p.DeliveryTimeout.Milliseconds())
	}
	return idempotent, inFlight, delivery
}

// stricterQueue asks more of the use of work queues.
func stricterQueue(q *scenario.Queue) (list [][]string) {
	var all []string
	for _, x := range []struct {
		missing bool
		set     string
	}{{q.AutoAck, "queue.auto-ack=false"}, {!q.Confirms, "queue.confirms=true"}, {!q.Durable, "queue.durable=true"}} {
		if x.missing {
			list = append(list, []string{x.set})
			all = append(all, x.set)
		}
	}
	if len(all) > 1 {
		list = append(list, all)
	}
	return list
}
