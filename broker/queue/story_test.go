package queue

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// The stories of testdata/rabbitmq are told to this broker, and what it answers must be
// what RabbitMQ 3.10.8 has answered. Those of testdata/ours have no record of RabbitMQ:
// they show where this broker differs on purpose, or what cannot be seen from outside.
func TestStories(t *testing.T) {
	t.Run("rabbitmq", func(t *testing.T) {
		if *withRabbitMQ {
			t.Skip("told to RabbitMQ")
		}
		tellUs(t, "testdata/rabbitmq")
	})
	t.Run("ours", func(t *testing.T) { tellUs(t, "testdata/ours") })
}

func tellUs(t *testing.T, dir string) {
	datadriven.Walk(t, dir, func(t *testing.T, path string) {
		d := newStepped(Config{Name: "b1", Seed: 1})
		k := newTalk(d)
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string {
			switch td.Cmd {
			case "settings":
				return configure(t, d, td)
			case "files":
				return strings.Join(d.disk.List(), "\n") + "\n"
			}
			return k.do(td.Input)
		})
	})
}

// TestRabbitMQ tells the stories to a real RabbitMQ and compares, or records.
func TestRabbitMQ(t *testing.T) {
	if !*withRabbitMQ {
		t.Skip("without -rabbitmq the recorded answers are compared alone: see TestStories")
	}
	r := startRabbitMQ(t)
	k := newTalk(r)
	datadriven.Walk(t, "testdata/rabbitmq", func(t *testing.T, path string) {
		story, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		defer r.reset(k, string(story))
		datadriven.RunTest(t, path, func(t *testing.T, td *datadriven.TestData) string { return k.do(td.Input) })
	})
}

func configure(t *testing.T, d *stepped, td *datadriven.TestData) string {
	for _, arg := range td.CmdArgs {
		switch arg.Key {
		case "memory":
			arg.Scan(t, 0, &d.cfg.Settings.MemoryHighWatermark)
		case "credit":
			arg.Scan(t, 0, &d.cfg.Settings.Credit)
			d.cfg.Settings.CreditMore = d.cfg.Settings.Credit / 2
		case "segment":
			arg.Scan(t, 0, &d.cfg.Settings.SegmentBytes)
		case "hold-syncs":
			d.hold = true
		case "answer-syncs":
			d.hold = false
		default:
			td.Fatalf(t, "unknown setting %s", arg.Key)
		}
	}
	d.broker.cfg.Settings = d.cfg.Settings
	d.broker.cfg.Settings.setDefaults()
	d.broker.journal.segmentBytes = d.broker.cfg.Settings.SegmentBytes
	return ""
}

// Every story says at its head what it shows.
func TestStoriesSayWhatTheyShow(t *testing.T) {
	paths, err := filepath.Glob("testdata/*/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no stories: ", err)
	}
	for _, path := range paths {
		b, err := os.ReadFile(path)
		if err != nil || !strings.HasPrefix(string(b), "# ") {
			t.Errorf("%s does not begin with what it shows (%v)", path, err)
		}
	}
}
