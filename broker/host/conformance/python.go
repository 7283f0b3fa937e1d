package main

import (
	"context"
	_ "embed"
	"os"
	"path/filepath"
	"time"
)

//go:embed python.py
var pythonScript string

// pythonSuite is a suite of one of the clients for Python, of a version.
func pythonSuite(client, version string) suite {
	return suite{
		name: client, limit: 90 * time.Second, serve: []string{"--set", "broker.group.initial.rebalance.delay.ms=300"},
		prepare: func(e *env) error { return pythonPrepare(e, client+"=="+version) },
		tests:   func(e *env) ([]test, error) { return script{e.values["python"], e.values["script"], client}.tests(e) },
	}
}

// pythonPrepare makes an environment of Python's with a package in it.
func pythonPrepare(e *env, wheel string) error {
	if err := lacking("python3"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, 3*time.Minute)
	defer cancel()
	dir := filepath.Join(e.dir, "venv")
	e.values["python"], e.values["script"] = filepath.Join(dir, "bin", "python"), filepath.Join(e.dir, "suite.py")
	if _, err := os.Stat(e.values["python"]); err != nil {
		if _, err := command(ctx, "", "python3", "-m", "venv", dir); err != nil {
			return skipf("python3 makes no environment: %v", err)
		}
	}
	if _, err := command(ctx, "", e.values["python"], "-m", "pip", "install", "-q", "--disable-pip-version-check", "--only-binary", ":all:", wheel); err != nil {
		return skipf("%s cannot be had: %v", wheel, err)
	}
	return os.WriteFile(e.values["script"], []byte(pythonScript), 0o644)
}
