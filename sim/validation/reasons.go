package validation

import "strings"

// reason is why a row is not predicted.
func reason(r *row) string {
	if s, ok := reasons()[r.ID]; ok {
		return s
	}
	switch {
	case strings.Contains(r.System, "rabbitmq"):
		return "not modelled: capacity studies are of the log, and no replicated queue or stream is there to be run"
	case strings.Contains(r.System, "redis"):
		return "not modelled: capacity studies are of the log"
	case !strings.Contains(r.System, "kafka"):
		return "not modelled: another system"
	}
	return "context: its hardware or its load is not known"
}

func reasons() map[string]string {
	const input, rule = "an input: the model takes it as it is", "a rule of planners, applied and not predicted"
	return map[string]string{
		"S2-headline":          "the same runs as the rows of this source, rounded to MiB",
		"S4c-partitions":       rule,
		"S4c-alarms":           rule,
		"S4c-standard-ingress": "a limit of the service, below the script that AWS sizes it with",
		"S4c-express":          "not modelled: another storage below the same protocol",
		"S6-p1":                input + ", as the most that a request costs; its machines have no profile",
		"S6-c":                 "not modelled: Kafka before replication, and a client of that time",
		"S6-ovh":               "not modelled: the record format of 2011",
		"S7-rmq-formula":       "a formula that was not seen in its source",
		"S10-gate":             "not modelled: another system, and a bound that releases must hold",
		"S11-rao":              input,
		"S13-gp3-flush":        input,
		"S13-sn-max":           "context: the configuration and machines of the runs are not known",
		"S16-2019":             "context: 20,000 messages a second a broker, of machines that are not known",
		"S17-cpu":              "an input for comparison: the planner's cost of a byte, several times what a benchmark needs",
		"S17-rules":            rule,
		"S18-rules":            rule,
		"S2-rmq-classic-peak":  "not run: 24 queues share three nodes, and what a message costs is published of one queue on another machine",
		"S2-rmq-classic-30k":   "not run: 24 queues share three nodes, and what a message costs is published of one queue on another machine",
		"S14-2024-091":         input + ": what a message costs a classic queue, 10.5 us, is taken from it",
		"S15-1":                input + ": what a delivery costs, 1.54 us, is taken from it",
		"S15-publish":          input + ": what a publish costs is taken from it",
		"S3-retention":         "context: that no step is seen says nothing of its size",
	}
}
