package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"brokersim/broker/host/conformance/differential"
	"brokersim/broker/host/conformance/kafka"
)

// kafkaPrepare fetches Apache Kafka.
func kafkaPrepare(e *env) error { return kafkaPrepareVersion(e, "kafka", kafka.Version) }

func kafka4Prepare(e *env) error { return kafkaPrepareVersion(e, "kafka-4", kafka.Version4) }

func kafkaPrepareVersion(e *env, dir, version string) error {
	ctx, cancel := context.WithTimeout(e.r.ctx, 10*time.Minute)
	defer cancel()
	jars, err := kafka.Jars(ctx, filepath.Join(e.r.work, dir), version)
	if errors.Is(err, kafka.ErrNone) {
		return skipf("%v", err)
	}
	e.values["jars"], e.values["kafka"] = jars, version
	return err
}

// kafkaSettings are those of a version. Eligible leader replicas (KIP-966), which are not
// here, have Kafka 4.1 set min.insync.replicas for all brokers; share groups (KIP-932), which
// are a preview in it, are not there unless a cluster is formatted with them.
func (e *env) kafkaSettings() []string {
	if e.values["kafka"] == kafka.Version4 {
		return []string{
			"--feature eligible.leader.replicas.version=0", "--feature share.version=1",
			"share.coordinator.state.topic.replication.factor=1", "share.coordinator.state.topic.min.isr=1",
		}
	}
	return nil
}

// differentialTests are the scenes of one session against brokersim and Apache Kafka; the
// last one is the end of it.
func differentialTests(e *env) ([]test, error) {
	ctx, cancel := context.WithTimeout(e.r.ctx, 4*time.Minute)
	defer cancel()
	if err := os.RemoveAll(filepath.Join(e.dir, "kafka")); err != nil {
		return nil, err
	}
	node, err := kafka.Start(ctx, e.values["jars"], filepath.Join(e.dir, "kafka"), append(e.kafkaSettings(), "group.initial.rebalance.delay.ms=0")...)
	if err != nil {
		return nil, err
	}
	e.atEnd(node.Stop)
	session, err := differential.Open(ctx, e.bootstrap(), node.Addr, e.values["kafka"])
	if err != nil {
		return nil, err
	}
	var list []test
	all := e.r.only == ""
	for _, scene := range differential.Script() {
		list = append(list, test{scene.Name, func(ctx context.Context, e *env) error {
			o, err := session.Play(ctx, scene)
			fmt.Printf("      %d requests, %d fields compared, %d differ with a reason\n", o.Steps, o.Fields, o.Allowed)
			if len(o.Wrong) == 0 {
				return err
			}
			var b strings.Builder
			fmt.Fprintf(&b, "%d fields differ", len(o.Wrong))
			for _, line := range differential.Summary(o.Wrong) {
				b.WriteString("\n  " + line)
			}
			if e.r.verbose {
				fmt.Println(b.String())
			}
			return errors.Join(err, errors.New(b.String()))
		}})
	}
	if all {
		list = append(list, test{"every-reason-is-needed", func(context.Context, *env) error {
			if list := session.Unused(); len(list) > 0 {
				return errors.New(strings.Join(list, "\n"))
			}
			return nil
		}})
	}
	return list, nil
}
