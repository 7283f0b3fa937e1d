package main

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"runtime/debug"
	"strings"
	"testing"
)

// What a build says of itself is believed only if it says all.
func TestSourceKnown(t *testing.T) {
	for _, x := range []struct {
		version, revision, modified string
		known                       bool
	}{
		{"(devel)", "", "", false}, {"", "", "", false}, {"v1.2.3", "", "", true}, {"v1.2.3+dirty", "", "", false},
		{"(devel)", "0123456789abcdef", "false", true}, {"(devel)", "0123456789abcdef", "true", false},
		{"v0.0.0-2026-0123456789ab", "0123456789abcdef", "false", true}, {"v0.0.0-2026-0123456789ab+dirty", "0123456789abcdef", "true", false},
	} {
		info := &debug.BuildInfo{Main: debug.Module{Version: x.version}}
		if x.revision != "" {
			info.Settings = []debug.BuildSetting{{Key: "vcs.revision", Value: x.revision}, {Key: "vcs.modified", Value: x.modified}}
		}
		if got := sourceKnown(info); got != x.known {
			t.Errorf("%+v: known %v", x, got)
		}
	}
}

// A test has no version, and two programs of that name are told apart by what they
// are.
func TestBuild(t *testing.T) {
	path, err := os.Executable()
	if err != nil {
		t.Skip(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Skip(err)
	}
	sum := sha256.Sum256(b)
	if got, want := build(), version()+" build "+hex.EncodeToString(sum[:6]); got != want || strings.Contains(version(), "build") {
		t.Errorf("%q, want %q", got, want)
	}
}
