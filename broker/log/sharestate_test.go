package log

import (
	"fmt"
	"testing"

	"brokersim/broker/log/share"
)

// Answers about a topic come together only if they were asked for one behind another: who has asked
// counts them in the order of his calls.
func TestShareAnswersKeepTheOrderOfCalls(t *testing.T) {
	var calls []share.Call
	var answers []share.Answer
	for i, topic := range []byte{1, 1, 2, 1} {
		calls = append(calls, share.Call{Key: share.Key{Topic: [16]byte{topic}, Partition: int32(i)}})
		answers = append(answers, share.Answer{Partition: int32(i)})
	}
	got := ""
	for _, x := range byTopic(calls, answers) {
		got += fmt.Sprintf("%d:", x.TopicID[0])
		for _, a := range x.Partitions {
			got += fmt.Sprintf(" %d", a.Partition)
		}
		got += "; "
	}
	if want := "1: 0 1; 2: 2; 1: 3; "; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
