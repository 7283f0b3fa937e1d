package main

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"brokersim/checker/measure"
	"brokersim/sim/capacity"
)

// measured makes one run and returns what it measured, as files: the histograms of each
// second and of all, and the seconds as a table.
func measured(s *capacity.Study, p capacity.Probe) (o capacity.Outcome, files []capacityText, err error) {
	var log, table, ack, e2e bytes.Buffer
	seconds, histograms := measure.NewTable(&table), measure.NewLog(&log)
	p.Each = func(i *measure.Interval) {
		seconds.Add(i)
		histograms.Add(i)
	}
	p.Sums = func(sums *measure.Sums) {
		err = errors.Join(measure.WritePercentiles(&ack, sums.Ack), measure.WritePercentiles(&e2e, sums.E2E))
	}
	o = capacityRunner(s, p)
	o.Probe.Each, o.Probe.Sums = nil, nil
	err = errors.Join(err, seconds.Err(), histograms.Err())
	return o, []capacityText{{"latency.hlog", &log}, {"seconds.csv", &table}, {"ack.hgrm", &ack}, {"e2e.hgrm", &e2e}}, err
}

type capacityText struct {
	name string
	text *bytes.Buffer
}

// runFiles are those of the single runs of a study. Each is written when its run has
// been made: none is kept.
type runFiles struct {
	dir   string
	index bytes.Buffer
	err   error
}

// runsDirectory is that of a study in its own.
const runsDirectory = "runs"

func newRunFiles(dir string) (*runFiles, error) {
	r := &runFiles{dir: filepath.Join(dir, runsDirectory)}
	if _, err := makeDirectory("--out", r.dir); err != nil {
		return nil, err
	}
	r.row("run", "offered_per_s", "seed", "brokers_lost", "warm_s", "for_s", "settings", "faults", "passed", "why", "achieved_per_s", "ack_p99_us", "e2e_p99_us", "stopped_us", "repeat")
	return r, nil
}

func runName(n int) string { return fmt.Sprintf("%03d", n) }

// run makes the n-th run of a study, from 1, and writes what it measured.
func (r *runFiles) run(s *capacity.Study, n int, p capacity.Probe) (capacity.Outcome, error) {
	o, files, err := measured(s, p)
	for _, x := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(r.dir, runName(n)+"-"+x.name), x.text.Bytes(), 0o666))
	}
	return o, err
}

// made notes a run in the index.
func (r *runFiles) made(n int, o *capacity.Outcome) {
	p, x, lost := &o.Probe, &o.Point, 0
	if p.Lost {
		lost = 1
	}
	r.row(runName(n), p.Rate, fmt.Sprintf("%#x", p.Seed), lost, p.Warm.Seconds(), p.For.Seconds(), strings.Join(p.Set, " "), strings.TrimSpace(strings.ReplaceAll(p.Faults, "\n", "; ")),
		x.Passed, x.Why, x.Achieved, x.Ack.P99, x.E2E.P99, x.StoppedUS, x.Repro)
}

func (r *runFiles) row(cells ...any) {
	var texts []string
	for _, c := range cells {
		texts = append(texts, fmt.Sprint(c))
	}
	w := csv.NewWriter(&r.index)
	r.err = errors.Join(r.err, w.Write(texts))
	w.Flush()
}

// close writes the index.
func (r *runFiles) close() error {
	return errors.Join(r.err, os.WriteFile(filepath.Join(r.dir, "index.csv"), r.index.Bytes(), 0o666))
}
