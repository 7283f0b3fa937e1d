package cluster

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"brokersim/broker/host"
	"brokersim/broker/log"
	"brokersim/broker/machine"
)

// metric is one family of OpenMetrics with its samples.
type metric struct {
	name, kind, unit, help string
	samples                []string
}

// families are all metrics, in the order in which they are written.
type families struct {
	up, requests, received, sent, syncs, logEnd, logStart, highWatermark, isr, leader, size, metadata metric
}

func (f *families) list() []*metric {
	return []*metric{&f.up, &f.requests, &f.received, &f.sent, &f.syncs, &f.logEnd, &f.logStart, &f.highWatermark, &f.isr, &f.leader, &f.size, &f.metadata}
}

func newFamilies() *families {
	return &families{
		up:            metric{name: "brokersim_up", kind: "gauge", help: "Whether the node runs, and does not stand still."},
		requests:      metric{name: "brokersim_requests", kind: "counter", help: "Requests that were read, by API."},
		received:      metric{name: "brokersim_received_bytes", kind: "counter", unit: "bytes", help: "Bytes that were read from connections."},
		sent:          metric{name: "brokersim_sent_bytes", kind: "counter", unit: "bytes", help: "Bytes that were written to connections."},
		syncs:         metric{name: "brokersim_fsyncs", kind: "counter", help: "Calls of fsync, for files and for directories."},
		logEnd:        metric{name: "brokersim_log_end_offset", kind: "gauge", help: "Log end offset of a replica."},
		logStart:      metric{name: "brokersim_log_start_offset", kind: "gauge", help: "Log start offset of a replica."},
		highWatermark: metric{name: "brokersim_high_watermark", kind: "gauge", help: "High watermark as a replica knows it."},
		isr:           metric{name: "brokersim_isr_replicas", kind: "gauge", help: "Size of the ISR as a replica knows it."},
		leader:        metric{name: "brokersim_leader", kind: "gauge", help: "Whether a replica leads its partition."},
		size:          metric{name: "brokersim_log_size_bytes", kind: "gauge", unit: "bytes", help: "Bytes in the log of a replica."},
		metadata:      metric{name: "brokersim_metadata_offset", kind: "gauge", help: "Offset of the last metadata record that a node has replayed."},
	}
}

// add adds a sample; labels are pairs of a name and a value.
func (m *metric) add(value int64, labels ...string) {
	name := m.name
	if m.kind == "counter" {
		name += "_total"
	}
	var pairs []string
	for i := 0; i+1 < len(labels); i += 2 {
		pairs = append(pairs, labels[i]+`="`+escape.Replace(labels[i+1])+`"`)
	}
	m.samples = append(m.samples, fmt.Sprintf("%s{%s} %d\n", name, strings.Join(pairs, ","), value))
}

var escape = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// WriteMetrics writes the state of all nodes as OpenMetrics text.
func (c *Cluster) WriteMetrics(w io.Writer) error {
	f := newFamilies()
	for _, n := range c.nodes {
		n.measure(f)
	}
	for _, m := range f.list() {
		if _, err := io.WriteString(w, m.text()); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "# EOF\n")
	return err
}

func (m *metric) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# TYPE %s %s\n", m.name, m.kind)
	if m.unit != "" {
		fmt.Fprintf(&b, "# UNIT %s %s\n", m.name, m.unit)
	}
	fmt.Fprintf(&b, "# HELP %s %s\n", m.name, m.help)
	for _, s := range m.samples {
		b.WriteString(s)
	}
	return b.String()
}

func (n *node) measure(f *families) {
	n.mu.Lock()
	life := n.life
	n.mu.Unlock()
	serves := int64(0)
	if life != nil {
		n.traffic(f, life)
		inside := newFamilies() // may come too late, if the node stands still
		if n.peek(func(m machine.Machine) { n.machineMetrics(inside, m) }) {
			f.merge(inside)
			serves = 1
		}
	}
	f.up.add(serves, "node", n.name)
}

// merge adds the samples of others.
func (f *families) merge(others *families) {
	to := f.list()
	for i, m := range others.list() {
		to[i].samples = append(to[i].samples, m.samples...)
	}
}

func (n *node) machineMetrics(f *families, m machine.Machine) {
	if image := imageOf(m); image != nil {
		f.metadata.add(image.Offset, "node", n.name)
	}
	if b, ok := m.(*log.Broker); ok {
		n.broker(f, b)
	}
}

func (n *node) traffic(f *families, life *host.Node) {
	in, out := life.Traffic()
	f.received.add(in, "node", n.name)
	f.sent.add(out, "node", n.name)
	files, dirs := life.Syncs()
	f.syncs.add(files, "node", n.name, "of", "file")
	f.syncs.add(dirs, "node", n.name, "of", "directory")
}

func (n *node) broker(f *families, b *log.Broker) {
	for key, count := range b.Requests() {
		f.requests.add(count, "node", n.name, "api", kmsg.NameForKey(key))
	}
	for _, r := range b.Replicas() {
		labels := []string{"node", n.name, "topic", r.TP().Topic, "partition", fmt.Sprint(r.TP().Partition)}
		f.logEnd.add(r.LogEnd(), labels...)
		f.logStart.add(r.LogStart(), labels...)
		f.highWatermark.add(r.HighWatermark(), labels...)
		f.isr.add(int64(len(r.State().ISR)), labels...)
		f.size.add(r.LogSize(), labels...)
		leads := int64(0)
		if r.Leads() {
			leads = 1
		}
		f.leader.add(leads, labels...)
	}
}

// ServeHTTP serves the metrics at every path.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
	_ = c.WriteMetrics(w) // the peer has gone
}
