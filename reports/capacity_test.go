package reports

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"brokersim/checker/result"
	"brokersim/reports/plot"
)

var writePage = flag.String("page", "", "write the page of the sample with its plots into `FILE`, to look at it")

const capacitySample = "testdata/capacity/sample.json"

// sampleCapacity is made by hand: it is no result of a study.
func sampleCapacity(t testing.TB) (*result.Capacity, []byte) {
	t.Helper()
	b, err := os.ReadFile(capacitySample)
	if err != nil {
		t.Fatal(err)
	}
	c := new(result.Capacity)
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(c); err != nil {
		t.Fatal(err)
	}
	return c, b
}

func capacityTextOf(t testing.TB, c *result.Capacity, s Style) string {
	t.Helper()
	var b bytes.Buffer
	if err := CapacityText(&b, c, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func capacityPageOf(t testing.TB, c *result.Capacity, pictures []Picture) string {
	t.Helper()
	var b, again bytes.Buffer
	if err := errors.Join(CapacityHTML(&b, c, pictures), CapacityHTML(&again, c, pictures)); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), again.Bytes()) {
		t.Error("one study, two pages")
	}
	return b.String()
}

// pictures are the plots of a study as a page takes them.
func pictures(t testing.TB, c *result.Capacity) (list []Picture) {
	t.Helper()
	for _, p := range plot.All(c) {
		var b bytes.Buffer
		if err := p.WriteCSV(&b); err != nil {
			t.Fatal(err)
		}
		list = append(list, Picture{Name: p.Name, Title: p.Title, About: p.About, Wide: p.Wide, SVG: p.Inline(), CSV: b.Bytes()})
	}
	return list
}

func TestCapacityGolden(t *testing.T) {
	c, src := sampleCapacity(t)
	var b bytes.Buffer
	if err := CapacityJSON(&b, c); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(capacitySample, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		src = b.Bytes()
	}
	if !bytes.Equal(b.Bytes(), src) {
		t.Errorf("the sample and its JSON differ: %.300s", b.Bytes())
	}
	text := capacityTextOf(t, c, Style{})
	golden(t, "testdata/capacity/sample.txt", []byte(text))
	colored := capacityTextOf(t, c, Style{Color: true})
	plain := colored
	for _, code := range []string{bold, red, green, yellow, "0"} {
		plain = strings.ReplaceAll(plain, "\x1b["+code+"m", "")
	}
	if plain == colored || plain != text {
		t.Error("color changes more than color")
	}
	for _, line := range strings.Split(text, "\n") {
		if len([]rune(line)) > pageWidth && !strings.HasPrefix(line, "Repeat") {
			t.Errorf("%d columns: %s", len([]rune(line)), line)
		}
	}
	page := capacityPageOf(t, c, []Picture{{Name: "latency-ack", Title: "A <plot>", About: "of & it", Wide: true, SVG: `<svg class="plot"/>`, CSV: []byte("a,b\n")}})
	golden(t, "testdata/capacity/sample.html", []byte(page))
}

// The page has everything the text has, every plot once, and nothing from elsewhere.
func TestCapacityPage(t *testing.T) {
	c, _ := sampleCapacity(t)
	list := pictures(t, c)
	page := capacityPageOf(t, c, list)
	// Its own data, and the addresses of its sources.
	own := regexp.MustCompile(`href="(data:text/csv;base64,[A-Za-z0-9+/=&#;]*|https://www\.confluent\.io/[a-z/-]*)"`)
	checkPage(t, own.ReplaceAllString(page, `href="#"`))
	if *writePage != "" {
		if err := os.WriteFile(*writePage, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range list {
		if n := strings.Count(page, `download="`+p.Name+`.csv"`); n != 1 {
			t.Errorf("%s is there %d times", p.Name, n)
		}
	}
	at := 0
	for _, want := range []string{
		"<h1>562 k rec/s at p99 &lt;= 50 ms, and with one broker lost 402 k: plan on 352 k", "352,000 rec/s", "94 %: 554,000 to 568,000, 5 seeds", "brokersim capacity sample.yaml",
		"<h2>Latency against offered load", "knee (SLO) 562 k", "<h2>Roofline", "2 disks x 328 MB/s x 3 brokers", "<h2>Utilisation", "<h2>Where the time goes", "<h2>When a broker is lost", "26.5 s after the crash",
		"<h2>Catching up", "<h2>Planning rules", "does not hold", "<h2>Shapes", "EBS throughput 91 % &gt; 80 %", "<h2>Disk for retention", "<h2>What moves the answer",
		"<h2>Validation", "2 of 3 published figures are predicted; 1 of 2 with a gate are within it.", "618,991", "&#43;35.1 %", "not modelled: another system", "<h2>Assumptions", "2020-08", "<h2>Held to", "no-acked-loss", "<h2>Warnings",
	} {
		n := strings.Index(page[at:], want)
		if n < 0 {
			t.Fatalf("%q is not there, or too early", want)
		}
		at += n
	}
	// What has no gate is within none.
	c.Validation[1].Gate = ""
	if page := capacityPageOf(t, c, nil); !strings.Contains(page, "2 of 3 published figures are predicted; 1 of 1 with a gate are within it.") {
		t.Error("a figure without a gate is counted")
	}
	// A plot that no section knows is not lost.
	page = capacityPageOf(t, c, []Picture{{Name: "new", SVG: "<svg/>"}})
	if !strings.Contains(page, "<h2>More plots") {
		t.Error("a new plot is not shown")
	}
}

// No rate at all, a broken promise, one seed: each says so first.
func TestCapacityOutcomes(t *testing.T) {
	c, _ := sampleCapacity(t)
	c.Answer.Refused = "no rate meets it: p99 at the lowest rate, 50,000 rec/s, is 61 ms"
	c.Exit = result.ExitUsage
	if text := capacityTextOf(t, c, Style{}); !strings.HasPrefix(text, "NO RATE   study SAMPLE, made by hand, no result   3 x i3en.2xlarge\n  no rate meets it: p99 at the lowest rate, 50,000 rec/s, is 61 ms\n") || strings.Contains(text, "plan on  ") {
		t.Errorf("%.400s", text)
	}
	c, _ = sampleCapacity(t)
	c.Findings[0].Outcome = result.Broken
	c.Findings[0].Violations = []result.Violation{{What: "record m1 was lost"}}
	if text := capacityTextOf(t, c, Style{}); !strings.HasPrefix(text, "BROKEN   ") || !strings.Contains(text, "1, such as: record m1 was lost") {
		t.Errorf("%.400s", text)
	}
	c, _ = sampleCapacity(t)
	c.Answer.Text = ""
	c.Answer.Rate.N = 3
	if text := capacityTextOf(t, c, Style{}); !strings.Contains(text, "562,000 rec/s with all brokers, and with one broker lost 402,000 rec/s: plan on 352,000 rec/s.") || !strings.Contains(text, "554,000 to 568,000 over 3 seeds") {
		t.Errorf("%.400s", text)
	}
}

// A file may say anything: no text of it speaks to the terminal or becomes markup,
// and no number stops the report.
func TestCapacityOfAnything(t *testing.T) {
	_, b := sampleCapacity(t)
	for _, n := range []int64{0, -1, math.MaxInt64, math.MinInt64} {
		var value any
		if err := json.Unmarshal(b, &value); err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(everywhere(value, n, "<b>\x1b[31m\x00"))
		if err != nil {
			t.Fatal(err)
		}
		c := new(result.Capacity)
		if err := json.Unmarshal(b, c); err != nil {
			t.Fatal(err)
		}
		if text := capacityTextOf(t, c, Style{}); strings.ContainsAny(text, "\x1b\x00") {
			t.Error("it speaks to the terminal")
		}
		page := capacityPageOf(t, c, pictures(t, c))
		if strings.Contains(page, "<b>\\") || strings.Contains(page, "<b><b>") || strings.ContainsAny(page, "\x1b\x00") {
			t.Error("it is markup")
		}
	}
	empty := &result.Capacity{}
	capacityTextOf(t, empty, Style{})
	capacityPageOf(t, empty, nil)
	var out bytes.Buffer
	if err := CapacityJSON(&out, empty); err != nil || strings.Contains(out.String(), "null") {
		t.Errorf("%v %s", err, out.String())
	}
}

// everywhere has another number and text at every place.
func everywhere(value any, n int64, s string) any {
	switch v := value.(type) {
	case float64:
		return n
	case string:
		return s
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = everywhere(v[i], n, s)
		}
		return v
	case map[string]any:
		for k := range v {
			v[k] = everywhere(v[k], n, s)
		}
		return v
	}
	return value
}

func TestWordsOfNumbers(t *testing.T) {
	for got, want := range map[string]string{
		result.Count(0): "0", result.Count(-1234): "-1,234", result.Count(1_234_567): "1,234,567", percent(713): "71.3 %", percent(-30): "-3 %", signed(351): "+35.1 %",
		money(118_989, "USD"): "1,189.89 USD", shareOf(93, 100): "93 %", shareOf(1, 0): "-", known(0, 5): "n/a", known(1500, 5): "1.5 ms", webAddress("javascript:alert(1)"): "",
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
