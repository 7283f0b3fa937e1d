package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// script is a program of ours that holds tests of a client: with --list it names them, with
// the addresses of the brokers and a name it runs one and says ok, or what is wrong.
type script []string

// tests are those of the script, each in a process of its own.
func (s script) tests(e *env) (list []test, err error) {
	ctx, cancel := context.WithTimeout(e.r.ctx, time.Minute)
	defer cancel()
	run := func(ctx context.Context, args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, s[0], append(s[1:len(s):len(s)], args...)...)
		cmd.WaitDelay = time.Second
		var stderr strings.Builder
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("%w: %s%s", err, out, stderr.String())
		}
		if args[0] != "--list" && strings.TrimSpace(string(out)) != "ok" {
			err = errors.New(strings.TrimSpace(string(out)))
		}
		e.r.keepOutput(e, args[len(args)-1], string(out)+stderr.String(), err)
		return string(out), err
	}
	names, err := run(ctx, "--list")
	if err != nil {
		return nil, err
	}
	for _, name := range strings.Fields(names) {
		list = append(list, test{name, func(ctx context.Context, e *env) error {
			_, err := run(ctx, e.bootstrap(), name)
			return err
		}})
	}
	if len(list) == 0 {
		return nil, errors.New("the script names no test")
	}
	return list, nil
}

// lacking is a skipping for the first of programs that is not here, or nil.
func lacking(programs ...string) error {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return skipf("there is no %s", program)
		}
	}
	return nil
}

// npmInstall installs a package of npm's into the suite's directory.
func npmInstall(e *env, limit time.Duration, packages ...string) error {
	if err := lacking("node", "npm"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, limit)
	defer cancel()
	args := append([]string{"install", "--prefix", e.dir, "--no-audit", "--no-fund", "--silent"}, packages...)
	if _, err := command(ctx, "", "npm", args...); err != nil {
		return skipf("%s cannot be had: %v", packages[0], err)
	}
	return nil
}

// nodeScript are the tests of a script for node, beside which packages are installed.
func nodeScript(text string, packages ...string) (prepare func(*env) error, tests func(*env) ([]test, error)) {
	prepare = func(e *env) error {
		if err := npmInstall(e, 2*time.Minute, packages...); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(e.dir, "suite.js"), []byte(text), 0o644)
	}
	return prepare, func(e *env) ([]test, error) { return script{"node", filepath.Join(e.dir, "suite.js")}.tests(e) }
}
