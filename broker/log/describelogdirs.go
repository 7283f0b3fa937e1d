package log

import (
	"slices"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/log/wire"
)

// describeLogDirs answers a DescribeLogDirs request (KIP-113): all partitions of the
// only log directory that there is, or those that are asked about.
func (b *Broker) describeLogDirs(body *kmsg.DescribeLogDirsRequest) *kmsg.DescribeLogDirsResponse {
	resp := kmsg.NewPtrDescribeLogDirsResponse()
	dir := kmsg.NewDescribeLogDirsResponseDir()
	dir.Dir, dir.TotalBytes, dir.UsableBytes = b.cfg.Admin.LogDir, -1, -1
	dir.Topics = []kmsg.DescribeLogDirsResponseDirTopic{}
	for _, p := range b.partitions {
		tp := p.TP()
		if body.Topics != nil && !asksAbout(body.Topics, tp) {
			continue
		}
		if n := len(dir.Topics); n == 0 || dir.Topics[n-1].Topic != tp.Topic {
			t := kmsg.NewDescribeLogDirsResponseDirTopic()
			t.Topic = tp.Topic
			dir.Topics = append(dir.Topics, t)
		}
		x := kmsg.NewDescribeLogDirsResponseDirTopicPartition()
		x.Partition, x.Size = tp.Partition, p.LogSize()
		x.OffsetLag = max(p.HighWatermark()-p.LogEnd(), 0)
		t := &dir.Topics[len(dir.Topics)-1]
		t.Partitions = append(t.Partitions, x)
	}
	resp.Dirs = []kmsg.DescribeLogDirsResponseDir{dir}
	return resp
}

func asksAbout(topics []kmsg.DescribeLogDirsRequestTopic, tp wire.TP) bool {
	return slices.ContainsFunc(topics, func(t kmsg.DescribeLogDirsRequestTopic) bool {
		return t.Topic == tp.Topic && slices.Contains(t.Partitions, tp.Partition)
	})
}
