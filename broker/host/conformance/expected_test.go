package main

import (
	"strings"
	"testing"
)

// A regression and an unexpected pass are both wrong; what is expected is not.
func TestJudge(t *testing.T) {
	list := expectations{{"kgo", "groups", fail, "there are none"}, {"kgo", "share", skip, "not served"}}
	for _, x := range []struct{ suite, test, result, want string }{
		{"kgo", "ping", pass, ""},
		{"kgo", "ping", fail, "kgo ping: fail, want pass"},
		{"kgo", "ping", skip, "kgo ping: skip, want pass"},
		{"kgo", "groups", fail, ""},
		{"kgo", "groups", pass, "kgo groups passes, and expected.txt says fail: there are none"},
		{"kgo", "groups", skip, "kgo groups: skip, want fail"},
		{"kgo", "share", skip, ""},
		{"kgo", "share", pass, "kgo share passes, and expected.txt says skip"},
		{"kcat", "groups", fail, "kcat groups: fail, want pass"},
		{"kcat", wholeSuite, skip, ""},
		{"kcat", wholeSuite, fail, "kcat *: fail, want pass"},
	} {
		got := list.judge(result{Suite: x.suite, Test: x.test, Result: x.result})
		if x.want == "" && got != "" || !strings.HasPrefix(got, x.want) {
			t.Errorf("%+v: %q", x, got)
		}
	}
}

// The checked-in file can be read, and has a reason for each line.
func TestExpectedFile(t *testing.T) {
	list, err := readExpected()
	if err != nil || len(list) == 0 {
		t.Fatal(len(list), err)
	}
	for i, e := range list {
		if len(e.reason) < 10 {
			t.Errorf("%s %s: %q is no reason", e.suite, e.test, e.reason)
		}
		if at, _ := list.find(e.suite, e.test); at != list[i] {
			t.Errorf("%s %s stands twice", e.suite, e.test)
		}
	}
}

func TestChoose(t *testing.T) {
	if _, err := choose("quick", "kgo,kact"); err == nil || !strings.Contains(err.Error(), `unknown suite "kact"; there are kgo-own, kcat, kgo`) {
		t.Error(err)
	}
	if _, err := choose("big", ""); err == nil {
		t.Error("tier big")
	}
	if list, err := choose("quick", "kcat"); err != nil || len(list) != 1 || list[0].name != "kcat" {
		t.Error(list, err)
	}
}
