package scenario

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"brokersim/checker/history"
	"brokersim/checker/result"
)

// Windows and types are those of the scenario: the checker reads them in the history, and
// who promises something that goes by them has to say them.
func TestWindowsOfAnApplication(t *testing.T) {
	src, _ := Source("activity-tracking")
	looked := map[string]int64{}
	for _, x := range []string{"window: 500ms, event-types: 5", "window: 250ms, event-types: 5", "window: 500ms, event-types: 1"} {
		spec, err := Parse("f.yaml", []byte(strings.Replace(string(src), "window: 500ms, event-types: 5", x, 1)))
		if err != nil {
			t.Fatal(err)
		}
		c := Case{Spec: spec, Seed: 1}
		var said history.Settings
		c.History = func(h *history.Header) history.Sink { said = h.Set; return nowhere{} }
		r := Run(c)
		for _, f := range r.Findings {
			if f.Property == "group-counts" {
				looked[x] = f.Looked
				if f.Outcome != result.Kept {
					t.Errorf("%s: %+v", x, f)
				}
			}
		}
		if want := fmt.Sprintf("window: %v, event-types: %d", spec.Window, spec.EventTypes); said.Window != int64(spec.Window) || said.Types != spec.EventTypes || want != x {
			t.Errorf("%s: the header says %d and %d", x, said.Window, said.Types)
		}
	}
	if all := looked["window: 500ms, event-types: 5"]; looked["window: 250ms, event-types: 5"] < all*3/2 || looked["window: 500ms, event-types: 1"]*3 > all {
		t.Errorf("looked at %v", looked)
	}
	line := 1 + strings.Count(string(src[:strings.Index(string(src), "\npromise:")+1]), "\n")
	without := fmt.Sprint("f.yaml:", line, ": ") + "promise: group-counts needs the windows and types of the application: application: {window: 500ms, event-types: 5}"
	if _, err := Parse("f.yaml", []byte(strings.Replace(string(src), ", event-types: 5", "", 1))); err == nil || err.Error() != without {
		t.Errorf("%v", err)
	}
	src, _ = Source("orders")
	spec, _ := Parse("orders.yaml", src)
	if _, err := Check(Case{Spec: spec, Promise: []string{"window-sums"}}); err == nil || !strings.Contains(err.Error(), "application: {window: 500ms}") {
		t.Errorf("%v", err)
	}
}

type nowhere struct{}

func (nowhere) Event(*history.Event) {}

// What isolation and lateness go by is in the history's header, and of the readers those
// who are not slow.
func TestBoundsOfAnApplication(t *testing.T) {
	for _, row := range []struct {
		name, change, to string
		want             history.Promise
	}{
		{"microservices", "p99: 600ms", "p99: 250ms", history.Promise{Prompt: []int32{1002, 1004, 1005}, Within: 250_000_000}},
		{"analytics", "grace: 200ms, most: 0.01", "grace: 100ms, most: 0.025", history.Promise{Grace: 100_000_000, MayLate: 25}},
	} {
		src, _ := Source(row.name)
		spec, err := Parse("f.yaml", []byte(strings.Replace(string(src), row.change, row.to, 1)))
		if err != nil {
			t.Fatal(err)
		}
		got := history.Promise{}
		spec.bounds(&got)
		if !reflect.DeepEqual(got, row.want) {
			t.Errorf("%s: %+v, want %+v", row.name, got, row.want)
		}
	}
}
