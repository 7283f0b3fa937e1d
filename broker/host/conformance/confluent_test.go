package main

import (
	"strings"
	"testing"
)

// What is not served decides which tests are left out, and no other is.
func TestConfluentNeeds(t *testing.T) {
	for name, want := range map[string]string{
		"TestAdminACLs":                        "ACLs",
		"TestAdminClient_UserScramCredentials": "SCRAM",
		"TestConsumerSeekPartitions":           "",
		"TestConsumerQueryWatermarkOffsets":    "",
		"TestConsumerOffsetsForTimes":          "",
		"TestProducerConsumerTimestamps":       "",
		"TestAdminClient_DescribeCluster":      "",
		"TestAdminClient_DeleteRecords":        "",
		"TestAdminAPIWithDefaultValue":         "",
		"TestProducerConsumerHeaders":          "",
		"TestAdminClient_ControllerID":         "",
		"TestAdminConfig":                      "",
		"TestAdminClient_DescribeTopics":       "",
	} {
		got := ""
		for _, n := range confluentNeeds {
			if n.tests.MatchString(name) {
				got = n.what
			}
		}
		if got != want {
			t.Errorf("%s needs %q, want %q", name, got, want)
		}
	}
}

// A release whose test looks elsewhere must not go unnoticed.
func TestConfluentWaits(t *testing.T) {
	const altered = "\tvalidateConfig(t, alterRes, expResources, false)\n"
	got, err := confluentWaits([]byte(altered + "a\n" + altered + "b\n"))
	if want := altered + "\ttime.Sleep(time.Second)\na\n" + altered + "\ttime.Sleep(time.Second)\nb\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := confluentWaits([]byte(altered)); err == nil || !strings.Contains(err.Error(), "1 alterations") {
		t.Error(err)
	}
}

func TestConfluentACLs(t *testing.T) {
	const made = "\t\tresultCreateACLs[0].Error.Code(), ErrNoError,\n\t\t\"CreateACLs result should not have an error\")\n"
	got, err := confluentACLs([]byte(made + made + made))
	if want := strings.Repeat(made+"\ttime.Sleep(time.Second)\n", 3); err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := confluentACLs([]byte(made)); err == nil {
		t.Error("one is enough")
	}
}

func TestConfluentReplace(t *testing.T) {
	for _, c := range []struct {
		change    func([]byte) ([]byte, error)
		old, want string
	}{
		{confluentFlushes, "left := producer.Flush(-1)\n", "left := producer.Flush(10000)\n"},
		{confluentDraws, "\trand.Seed(time.Now().Unix())\n", "\trand.Seed(time.Now().UnixNano())\n"},
	} {
		if got, err := c.change([]byte(c.old)); err != nil || string(got) != c.want {
			t.Errorf("%q, %v", got, err)
		}
		for n, source := range map[string]string{"0": "", "2": c.old + c.old} {
			if _, err := c.change([]byte(source)); err == nil || !strings.Contains(err.Error(), "there "+n+" times") {
				t.Error(err)
			}
		}
	}
}

// A skip is told in the words of the test.
func TestConfluentReason(t *testing.T) {
	const output = "=== RUN   TestIntegration\n    integration_test.go:1: first\n    testhelpers_test.go:367: Test requires SASL\n--- PASS: TestIntegration (0.00s)\n"
	if got := confluentReason(output); got != "Test requires SASL" {
		t.Errorf("%q", got)
	}
	if got := confluentReason("PASS\n"); got != "PASS" {
		t.Errorf("%q", got)
	}
}
