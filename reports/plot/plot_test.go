package plot

import (
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/result"
)

var (
	update = flag.Bool("update", false, "write the golden file")
	write  = flag.String("write", "", "write all plots into `DIR`, to look at them")
)

const sampleFile = "../testdata/capacity/sample.json"

// sample is made by hand: it is no result of a study.
func sample(t testing.TB) *result.Capacity {
	t.Helper()
	b, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	c := new(result.Capacity)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		t.Fatal(err)
	}
	return c
}

// forms are the three forms of a plot.
func forms(t testing.TB, p *Plot) (svg, png, table []byte) {
	t.Helper()
	var a, b, c bytes.Buffer
	if err := errors.Join(p.WriteSVG(&a), p.WritePNG(&b), p.WriteCSV(&c)); err != nil {
		t.Fatal(p.Name, err)
	}
	return a.Bytes(), b.Bytes(), c.Bytes()
}

// Equal input, equal bytes, in every form of every plot; and these plots are drawn.
func TestSameBytes(t *testing.T) {
	first, second := All(sample(t)), All(sample(t))
	var names []string
	for i := range first {
		p := &first[i]
		names = append(names, p.Name)
		svg, picture, table := forms(t, p)
		svg2, picture2, table2 := forms(t, &second[i])
		if !bytes.Equal(svg, svg2) || !bytes.Equal(picture, picture2) || !bytes.Equal(table, table2) {
			t.Errorf("%s: drawn twice, two pictures", p.Name)
		}
		wellFormed(t, p.Name, svg)
		if image, err := png.Decode(bytes.NewReader(picture)); err != nil || image.Bounds().Dx() != int(p.frame.width)*2 {
			t.Errorf("%s: %v", p.Name, err)
		}
		if rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll(); err != nil || len(rows) < 2 {
			t.Errorf("%s: %d rows, %v", p.Name, len(rows), err)
		}
		if *write != "" {
			for end, b := range map[string][]byte{".svg": svg, ".png": picture, ".csv": table} {
				if err := os.WriteFile(filepath.Join(*write, p.Name+end), b, 0o644); err != nil {
					t.Fatal(err)
				}
			}
		}
		if p.Title == "" || p.About == "" {
			t.Errorf("%s is not explained", p.Name)
		}
	}
	if got := strings.Join(names, " "); got != "latency-ack latency-e2e achieved utilisation budget percentiles loss catch-up heat-map matrix sweep-partitions sweep-partitions-rate retention sensitivity" {
		t.Error(got)
	}
}

// What a plot looks like changes only with intent.
func TestGolden(t *testing.T) {
	if runtime.GOARCH != "amd64" {
		t.Skip("another processor may round a coordinate elsewhere")
	}
	p := All(sample(t))[0]
	svg, picture, table := forms(t, &p)
	got := fmt.Sprintf("%s.svg %x\n%s.png %x\n%s.csv %x\n", p.Name, sha256.Sum256(svg), p.Name, sha256.Sum256(picture), p.Name, sha256.Sum256(table))
	const file = "testdata/golden.txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || got != string(want) {
		t.Errorf("%v; got\n%swant\n%s", err, got, want)
	}
}

func wellFormed(t *testing.T, name string, svg []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(svg))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	if i := regexp.MustCompile(`NaN|Inf\b`).FindIndex(svg); i != nil {
		t.Errorf("%s: %s", name, svg[max(0, i[0]-80):i[1]])
	}
}

// In a page the colours of words, grids and series are the page's, and the ground
// is not painted.
func TestInline(t *testing.T) {
	for _, p := range All(sample(t)) {
		inline := p.Inline()
		wellFormed(t, p.Name, []byte(inline))
		if !strings.HasPrefix(inline, `<svg class="plot" role="img"`) || !strings.Contains(inline, "var(--text,#1c2128)") {
			t.Errorf("%s: %.200s", p.Name, inline)
		}
		for _, i := range inks() {
			if strings.Contains(inline, i.web()) {
				t.Errorf("%s: %s is not the page's", p.Name, i.name)
			}
		}
		var svg bytes.Buffer
		if err := p.WriteSVG(&svg); err != nil || strings.Contains(svg.String(), "var(") {
			t.Errorf("%s: %v, variables in a picture of its own", p.Name, err)
		}
	}
}

// Latencies of all brokers and of one less stand on one axis, so that they can be
// compared, with the SLO, the knees and the rooflines.
func TestLatencySaysWhatCounts(t *testing.T) {
	c := sample(t)
	svg, _, table := forms(t, &All(c)[0])
	for _, want := range []string{
		"SLO: p99 &lt;= 50 ms", "knee (SLO) 562 k", "knee (SLO, one lost) 402 k", "knee (power) 500 k", "roofline, also with one lost, 603 k", "p99.9, one broker lost", "hollow: did not pass", "latency, ms", "offered load, records/s",
	} {
		if !bytes.Contains(svg, []byte(">"+want+"</text>")) {
			t.Errorf("%q is not there", want)
		}
	}
	// What is far to the right of the loads is said and not drawn, so that they have room.
	c.OneLost.Roofline = 904_945
	far, _, _ := forms(t, &All(c)[0])
	for _, want := range []string{"roofline 603 k", "roofline, one lost: to the right, at 905 k"} {
		if !bytes.Contains(far, []byte(">"+want+"</text>")) {
			t.Errorf("%q is not there", want)
		}
	}
	// So are loads that are far above it.
	c.Healthy.Points[len(c.Healthy.Points)-1].Offered = 1_600_000
	beyond, _, _ := forms(t, &All(c)[0])
	if !bytes.Contains(beyond, []byte(">loads up to 1,600 k: in the CSV</text>")) || bytes.Contains(beyond, []byte(">1,500 k</text>")) {
		t.Error("a load far above the roofline stretches the axis")
	}
	if got, want := bytes.Count(table, []byte("\n")), 1+len(c.Healthy.Points)+len(c.OneLost.Points); got != want {
		t.Errorf("%d rows, want %d", got, want)
	}
}

// What was not measured is not drawn.
func TestNothing(t *testing.T) {
	if got := All(&result.Capacity{}); got != nil {
		t.Errorf("%+v", got)
	}
	c := sample(t)
	for i := range c.Healthy.Points {
		c.Healthy.Points[i].E2E = result.Tail{}
	}
	c.OneLost, c.Loss = nil, nil
	for _, p := range All(c) {
		if p.Name == "latency-e2e" || p.Name == "loss" || strings.Contains(p.Inline(), "one broker lost</text>") {
			t.Errorf("%s shows what was not measured", p.Name)
		}
	}
}

// A file may hold any number and any text: the plots take all of them.
func TestAnyNumberAndText(t *testing.T) {
	b, err := os.ReadFile(sampleFile)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{0, 1, -1, math.MaxInt64, math.MinInt64} {
		var any any
		if err := json.Unmarshal(b, &any); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(replaced(any, n, "<b>\x00\u202e&amp;\xff"))
		if err != nil {
			t.Fatal(err)
		}
		c := new(result.Capacity)
		if err := json.Unmarshal(b, c); err != nil {
			t.Fatal(err)
		}
		for _, p := range All(c) {
			wellFormed(t, fmt.Sprint(p.Name, " of ", n), []byte(p.Inline()))
		}
	}
}

// replaced has other numbers and texts everywhere.
func replaced(value any, n int64, s string) any {
	switch v := value.(type) {
	case float64:
		return n
	case string:
		return s
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = replaced(v[i], n, s)
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = replaced(v[k], n, s)
		}
		return v
	}
	return value
}

// The interval of a median over seeds is that of the order statistics.
func TestIntervalOfMedian(t *testing.T) {
	for n, want := range map[int]int{1: 0, 2: 0, 5: 0, 6: 0, 8: 0, 9: 1, 11: 1, 12: 2, 20: 5, 100: 39} {
		if got := within(n); got != want {
			t.Errorf("%d: %d, want %d", n, got, want)
		}
	}
	l := &load{}
	for _, v := range []int64{9, 1, 5, 3, 0, 7} { // 0 is unknown
		l.points = append(l.points, result.Point{Ack: result.Tail{P99: v}})
	}
	median, low, high, ok := l.over(func(p *result.Point) int64 { return p.Ack.P99 })
	if median != 5 || low != 1 || high != 9 || !ok {
		t.Error(median, low, high, ok)
	}
}

func TestTicks(t *testing.T) {
	label := func(ticks []string) string { return strings.Join(ticks, " ") }
	of := func(low, high float64, n int) (list []string) {
		for _, x := range evenly(n).Ticks(low, high) {
			list = append(list, x.Label)
		}
		return list
	}
	for _, x := range []struct {
		low, high float64
		n         int
		want      string
	}{
		{0, 700e3, 7, "0 100 k 200 k 300 k 400 k 500 k 600 k 700 k"},
		{0, 2.4e6, 5, "0 0.5 M 1 M 1.5 M 2 M"},
		{0, 1, 4, "0 0.5 1"},
		{17, 63, 5, "20 30 40 50 60"},
		{5, 5, 3, "5"},
	} {
		if got := label(of(x.low, x.high, x.n)); got != x.want {
			t.Errorf("%v to %v: %s, want %s", x.low, x.high, got, x.want)
		}
	}
	var list []string
	for _, x := range (decades{}).Ticks(.8, 3000) {
		if !x.IsMinor() {
			list = append(list, x.Label)
		}
	}
	if got := label(list); got != "1 10 100 1,000" {
		t.Error(got)
	}
	for us, want := range map[int64]string{0: "0 ms", 1: "0.001 ms", 950: "0.95 ms", 4700: "4.7 ms", 50_000: "50 ms", 1_240_000: "1,240 ms", 12_000_000: "12 s"} {
		if got := milliseconds(us); got != want {
			t.Errorf("%d us: %s, want %s", us, got, want)
		}
	}
}
