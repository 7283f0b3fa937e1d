package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed kafkajs.js
var kafkaJSScript string

// kafkaJSVersion is the package that the script needs.
const kafkaJSVersion = "kafkajs@2.2.4"

// kafkaJSPrepare installs kafkajs.
func kafkaJSPrepare(e *env) error {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return skipf("there is no %s", program)
		}
	}
	if err := os.WriteFile(filepath.Join(e.dir, "suite.js"), []byte(kafkaJSScript), 0o644); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(e.r.ctx, 2*time.Minute)
	defer cancel()
	args := []string{"install", "--prefix", e.dir, "--no-audit", "--no-fund", "--silent", kafkaJSVersion}
	if _, err := command(ctx, "", "npm", args...); err != nil {
		return skipf("kafkajs cannot be had: %v", err)
	}
	return nil
}

// kafkaJSTests has the script run once and tell what came out of each test.
func kafkaJSTests(e *env) ([]test, error) {
	ctx, cancel := context.WithTimeout(e.r.ctx, 3*time.Minute)
	defer cancel()
	names, err := command(ctx, "", "node", filepath.Join(e.dir, "suite.js"), "--list")
	if err != nil {
		return nil, err
	}
	var list []test
	for _, name := range strings.Fields(names) {
		list = append(list, test{name, func(ctx context.Context, e *env) error {
			out, err := command(ctx, "", "node", filepath.Join(e.dir, "suite.js"), e.bootstrap(), name)
			if err != nil {
				return err
			}
			if out = strings.TrimSpace(out); out != "ok" {
				return errors.New(out)
			}
			return nil
		}})
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("the script names no test")
	}
	return list, nil
}
