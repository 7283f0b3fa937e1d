package tidy

import (
	"slices"
	"strings"
	"testing"
)

const module = "brokersim"

// rows has the packages of the module, the lowest row first, with the packages
// that each may import. Think before adding an arrow; never add one that points
// up.
var rows = [][]layer{
	{ // 0: no import of this module
		{"broker/log/acl", ""},
		{"broker/log/kafkatest", ""},
		{"broker/machine", ""},
		{"broker/near", ""},
		{"checker/history", ""},
		{"checker/result", ""},
		{"faults/failpoint", ""},
	},
	{ // 1
		{"broker/log/config", "broker/near"},
		{"broker/log/coordinator", "broker/machine"},
		{"broker/log/sasl", "broker/machine"},
		{"broker/log/wire", "broker/machine"},
		{"broker/pubsub/wire", "broker/machine"},
		{"broker/queue/wire", "broker/machine"},
		{"broker/storage", "broker/machine"},
		{"broker/storage/storagetest", "broker/machine"},
		{"sim/profile", "broker/near"},
		{"sim/roofline", "checker/result"},
		{"workloads/fields", "broker/near"},
	},
	{ // 2: strangers to each other
		{"broker/log/scram", "broker/log/sasl"},
		{"broker/log/cleaner", "broker/machine broker/log/wire broker/storage"},
		{"broker/log/controller", "broker/machine faults/failpoint broker/log/acl broker/log/config broker/log/sasl broker/log/wire"},
		{"broker/log/group", "broker/machine faults/failpoint broker/log/config broker/log/coordinator broker/log/wire"},
		{"broker/log/quorum", "broker/machine faults/failpoint broker/log/config broker/log/wire broker/storage"},
		{"broker/log/replica", "broker/machine faults/failpoint broker/log/config broker/log/wire broker/storage"},
		{"broker/log/share", "broker/machine broker/log/config broker/log/coordinator broker/log/wire"},
		{"broker/log/txn", "broker/machine faults/failpoint broker/log/config broker/log/coordinator broker/log/wire"},
	},
	{ // 3
		{"broker/log", "broker/machine faults/failpoint broker/log/acl broker/log/config broker/log/wire broker/storage" +
			" broker/log/cleaner broker/log/controller broker/log/coordinator broker/log/group broker/log/quorum broker/log/replica broker/log/sasl broker/log/share broker/log/txn"},
		{"broker/pubsub", "broker/machine faults/failpoint broker/pubsub/wire"},
		{"broker/queue", "broker/machine faults/failpoint broker/queue/wire broker/storage"},
		{"checker", "checker/history checker/result"},
		{"checker/bulk", "checker/result"},
		{"checker/linear", "checker/history checker/result"},
		{"checker/measure", "checker/history checker/result"},
		{"workloads/client", "broker/machine checker/history faults/failpoint broker/log/config broker/log/wire broker/pubsub/wire broker/queue/wire"},
	},
	{ // 4: none imports another
		{"broker/host", "broker/machine"},
		{"faults", "broker/machine broker/near faults/failpoint"},
		{"reports", "checker/result"},
		{"reports/plot", "checker/result"},
		{"sim", "broker/machine"},
		{"workloads", "broker/machine checker/history faults/failpoint broker/log/config broker/log/wire broker/queue/wire workloads/client workloads/fields"},
	},
	{ // 5
		{"broker/host/cluster", "broker/host broker/machine broker/storage broker/log broker/log/config broker/log/controller broker/log/sasl broker/log/scram broker/log/wire" +
			" broker/pubsub broker/pubsub/wire broker/queue broker/queue/wire faults"},
		{"sim/scenario", "broker/machine broker/near checker/history faults/failpoint broker/log/config broker/log/coordinator broker/log/wire" +
			" broker/log broker/pubsub broker/pubsub/wire broker/queue broker/queue/wire checker checker/bulk checker/measure checker/result faults sim workloads workloads/client workloads/fields"},
	},
	{ // 6
		{"sim/capacity", "broker/machine broker/log/config broker/near checker/bulk checker/measure checker/result faults sim sim/profile sim/scenario sim/roofline workloads workloads/fields"},
		{"sim/story", "broker/machine checker/history checker/result broker/log broker/log/controller broker/log/coordinator broker/log/replica" +
			" broker/log/wire checker sim sim/scenario workloads"},
	},
	{ // 7
		{"sim/gate", "broker/machine broker/log/config checker/history checker/result faults/failpoint faults sim sim/scenario sim/story"},
		{"sim/validation", "broker/log/config checker/result sim/capacity sim/profile sim/roofline workloads"},
	},
	{ // 8
		{"sim/lesson", "broker/near checker checker/history checker/result sim/gate sim/scenario sim/story"},
	},
	{ // 9
		{"cmd/brokersim", "broker/machine broker/near checker/history faults/failpoint broker/log/acl broker/log/config broker/log/sasl broker/host/cluster" +
			" checker checker/linear checker/measure checker/result faults reports reports/plot sim sim/capacity sim/scenario sim/validation sim/gate sim/lesson"},
		{"cmd/tidy", ""},
	},
}

// testOnly are packages that only tests may import, and from which rows.
var testOnly = []string{"broker/log/kafkatest", "broker/storage/storagetest"}

type layer struct{ path, may string }

// rowOf is a package's row and what it may import; row -1 is an unknown package.
func rowOf(path string) (row int, may []string) {
	for i, layers := range rows {
		for _, l := range layers {
			if l.path == path {
				return i, strings.Fields(l.may)
			}
		}
	}
	return -1, nil
}

// repeatable reports whether a package must do the same thing every time.
func repeatable(path string) bool {
	switch path {
	case "broker/host", "broker/log/kafkatest", "sim/gate", "reports":
		return false
	}
	return !strings.HasPrefix(path, "cmd/") && !strings.HasPrefix(path, "broker/host/") && !strings.HasPrefix(path, "reports/")
}

// floatFree reports whether a package must not calculate in floating point.
// checker/measure only reports.
func floatFree(path string) bool { return repeatable(path) && path != "checker/measure" }

// checkImport says what is wrong with an import of this module's package
// imported by importer, or "".
func checkImport(importer, imported string, fromTest bool) string {
	row, may := rowOf(importer)
	below, _ := rowOf(imported)
	switch {
	case below < 0:
		return imported + " is not in the table of layers"
	case fromTest && (importer == imported || below <= row):
		return ""
	case fromTest:
		return "the tests of " + importer + " (row " + digit(row) + ") must not import " + imported + " (row " + digit(below) + "): an arrow may not point up"
	case slices.Contains(testOnly, imported):
		return imported + " is for tests only"
	case below > row:
		return importer + " (row " + digit(row) + ") must not import " + imported + " (row " + digit(below) + "): an arrow may not point up"
	case below == row:
		return importer + " must not import " + imported + ": both are of row " + digit(row)
	case !slices.Contains(may, imported):
		return importer + " must not import " + imported + ": the table has no such arrow"
	}
	return ""
}

func digit(row int) string { return string(rune('0' + row)) }

func TestTableOfLayers(t *testing.T) {
	seen := make(map[string]bool)
	for row, layers := range rows {
		for _, l := range layers {
			if seen[l.path] {
				t.Errorf("%s stands twice in the table", l.path)
			}
			seen[l.path] = true
			for _, to := range strings.Fields(l.may) {
				if below, _ := rowOf(to); below < 0 || below >= row {
					t.Errorf("%s (row %d) -> %s (row %d): an arrow must point down", l.path, row, to, below)
				}
			}
		}
	}
}
