package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// nodeRdkafkaPrepare has npm build node-rdkafka, and the librdkafka that it carries: two minutes
// of a processor. Its package has its end to end tests with it.
func nodeRdkafkaPrepare(e *env) error {
	if err := lacking("make", "g++", "python3"); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(e.dir, "node_modules", "node-rdkafka", "build", "Release", "node-librdkafka.node")); err == nil {
		return nil // kept
	}
	return npmInstall(e, 15*time.Minute, "node-rdkafka@3.6.1", "mocha@10.8.2", "bluebird@3.7.2")
}

// nodeRdkafkaTests are its end to end tests, each in a process of its own: some leave threads
// behind in which the next ones would wait. Those of transactions need each other: they are one.
func nodeRdkafkaTests(e *env) ([]test, error) {
	specs, err := filepath.Glob(filepath.Join(e.dir, "node_modules", "node-rdkafka", "e2e", "*.spec.js"))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, 2*time.Minute)
	defer cancel()
	mocha := filepath.Join(e.dir, "node_modules", "mocha", "bin", "mocha.js")
	var list []test
	seen := make(map[string]bool)
	for _, spec := range specs {
		file := strings.TrimSuffix(filepath.Base(spec), ".spec.js")
		all, err := command(ctx, "", "node", mocha, "--dry-run", "--exit", "--reporter", "json", spec)
		if err != nil {
			return nil, err
		}
		var suite struct{ Tests []struct{ FullTitle string } }
		if err := json.Unmarshal([]byte(all[strings.Index(all, "{"):]), &suite); err != nil {
			return nil, fmt.Errorf("%s: %w", spec, err)
		}
		for _, t := range suite.Tests {
			name, pattern := file+":"+strings.Join(strings.Fields(t.FullTitle), "-"), "^"+regexp.QuoteMeta(t.FullTitle)+"$"
			if file == "producer-transaction" {
				name, pattern = file, ""
			}
			if seen[name] {
				continue
			}
			seen[name] = true
			list = append(list, test{name, func(ctx context.Context, e *env) error {
				cmd := exec.CommandContext(ctx, "node", mocha, "--exit", "--timeout", "60000", "--reporter", "dot", "--grep", pattern, spec)
				cmd.Env = append(os.Environ(), "KAFKA_HOST="+e.bootstrap(), "UV_THREADPOOL_SIZE=32")
				cmd.WaitDelay = time.Second
				out, err := cmd.CombinedOutput()
				e.r.keepOutput(e, name, string(out), err)
				if err != nil {
					_, why, _ := strings.Cut(string(out), "failing")
					return errors.Join(err, errors.New(oneLine(why)))
				}
				return nil
			}})
		}
	}
	if len(list) == 0 {
		return nil, errors.New("there are no tests")
	}
	return list, nil
}
