package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/sim/scenario"
)

// What is written before the close is in the files; what comes after it is
// dropped and does no harm, since an interrupted run goes on for a moment.
func TestOutputsClose(t *testing.T) {
	dir := t.TempDir()
	a := &app{stderr: &bytes.Buffer{}}
	hist, trace := filepath.Join(dir, "h.jsonl"), filepath.Join(dir, "t.txt")
	if err := os.WriteFile(hist, bytes.Repeat([]byte("older\n"), 1000), 0o666); err != nil {
		t.Fatal(err)
	}
	out, err := a.openOutputs(hist, trace, "")
	if err != nil {
		t.Fatal(err)
	}
	var c scenario.Case
	out.attach(&c)
	h := &history.Header{From: "sim", TPs: []string{"t-0"}}
	sink := c.History(h)
	write := func(i int64) {
		sink.Event(&history.Event{I: i, T: 100 + i, E: history.Note, F: history.Crash, P: 1001})
		if _, err := c.Trace.Write([]byte("event\n")); err != nil {
			t.Error(err)
		}
	}
	write(0)
	if err := out.close(); err != nil {
		t.Fatal(err)
	}
	write(1)
	if err := out.close(); err != nil {
		t.Error("closed twice:", err)
	}
	if out.virtual() != 101 {
		t.Errorf("virtual time %d", out.virtual())
	}
	got, err := os.ReadFile(hist)
	if err != nil || strings.Count(string(got), "\n") != 2 || !strings.Contains(string(got), `"i":0,"t":100`) {
		t.Errorf("%v: %s", err, got)
	}
	if got, err := os.ReadFile(trace); err != nil || string(got) != "event\n" {
		t.Errorf("%v: %q", err, got)
	}
}

// An interrupted run says nothing more on stderr.
func TestTraceToLogStops(t *testing.T) {
	var stderr bytes.Buffer
	a := &app{stderr: &stderr}
	out, err := a.openOutputs("", traceToLog, "")
	if err != nil {
		t.Fatal(err)
	}
	var c scenario.Case
	out.attach(&c)
	for i := range 2 {
		if _, err := c.Trace.Write(bytes.Repeat([]byte("event\n"), 10_000)); err != nil {
			t.Fatal(err)
		}
		if err := out.close(); err != nil {
			t.Fatal(err)
		}
		if stderr.Len() != 60_000 {
			t.Errorf("%d bytes after write %d", stderr.Len(), i)
		}
	}
}

// A run without files still says how far it is.
func TestOutputsNone(t *testing.T) {
	a := &app{}
	out, err := a.openOutputs("", "", "")
	if err != nil {
		t.Fatal(err)
	}
	var c scenario.Case
	out.attach(&c)
	c.History(&history.Header{}).Event(&history.Event{T: 7})
	if c.Trace != nil || out.virtual() != 7 || out.close() != nil {
		t.Error(c.Trace, out.virtual())
	}
}
