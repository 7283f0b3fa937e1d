package reports

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"brokersim/checker/result"
)

func threeBrokers(rows ...result.Row) *told {
	return tell(&result.Story{Lanes: []result.Lane{{Node: "b1"}, {Node: "b2"}, {Node: "b3"}, {Node: "p1001"}}, Rows: rows})
}

func schedule(what string) result.Row { return result.Row{Kind: result.RowFault, What: what, Sent: -1} }

// Faults are read as the schedule writes them: who is down, whose network is
// disturbed, and until when.
func TestSpans(t *testing.T) {
	acts := result.Row{Kind: result.RowStep, Node: "b1", Sent: -1}
	for _, x := range []struct {
		rows []result.Row
		want string
	}{
		{[]result.Row{schedule("crash leader(b1)"), schedule("heal *"), schedule("restart b1")}, "down b1 0-2"},
		{[]result.Row{schedule("1.100s power-loss b1"), schedule("restart *")}, "down b1 0-1"},
		{[]result.Row{schedule("crash b1,b2"), schedule("restart b2"), acts}, "down b1 0-2, down b2 0-1"},
		{[]result.Row{schedule("pause *(b1,p1001)"), schedule("the load ends: heal *, resume p1001")}, "paused b1 0-2, paused p1001 0-1"},
		{[]result.Row{{Kind: result.RowFault, What: "crash leader", Node: "b3"}}, "down b3 0-1"},
		{[]result.Row{schedule("crash svc-b1(p1001)")}, "down p1001 0-1"},
		{[]result.Row{schedule("cut-both leader(b1) follower(b2)"), schedule("heal leader(b1) follower(b2)")}, "link b1 0-1, link b2 0-1"},
		{[]result.Row{schedule("cut b1 b2"), schedule("cut b3 b1"), schedule("heal b1 b2"), schedule("heal *")}, "link b1 0-3, link b2 0-2, link b3 1-3"},
		{[]result.Row{schedule("slow leader(p1-0=b1) b2 10ms"), schedule("heal b1 b3")}, "link b1 0-2, link b2 0-2"},
		{[]result.Row{schedule("skew b1 +250ms"), schedule("drop produce b1 b2 1"), schedule(""), schedule(": ,  ")}, ""},
		{[]result.Row{{Kind: result.RowClient, Node: "b1", What: "crash b1"}}, ""},
	} {
		told := threeBrokers(x.rows...)
		var got []string
		for _, s := range told.downs() {
			got = append(got, fmt.Sprintf("%s %s %d-%d", s.what, told.lanes[s.lane].Node, s.from, s.to))
		}
		for _, s := range told.links() {
			got = append(got, fmt.Sprintf("link %s %d-%d", told.lanes[s.lane].Node, s.from, s.to))
		}
		if text := strings.Join(got, ", "); text != x.want {
			t.Errorf("%v\n got %s\nwant %s", x.rows, text, x.want)
		}
	}
}

func TestWho(t *testing.T) {
	for want, r := range map[string]result.Row{
		"b1 -> b2": {Kind: result.RowMessage, Node: "b2", From: "b1"},
		"b2 -> b1": {Kind: result.RowLost, Node: "b2", From: "b1"},
		"b3":       {Kind: result.RowStep, Node: "b3"},
		"b1, b2":   schedule("cut leader(b2) b1"),
		"b1":       schedule("the load ends: heal *, restart b1"),
		"all":      schedule("heal *"),
		"the end":  {Kind: result.RowJudge},
		"":         schedule("nobody knows this verb"),
	} {
		if got := threeBrokers(r).who(&r); got != want {
			t.Errorf("%+v: %q, want %q", r, got, want)
		}
	}
}

// A step that only sends what a later row is about has no number on the chain and
// says nothing twice.
func TestOnlySends(t *testing.T) {
	told := threeBrokers(
		result.Row{Kind: result.RowStep, Node: "p1001", Sent: -1, What: "a timer is due", Does: []string{"to b1: Produce m1"}, Chain: true},
		result.Row{Kind: result.RowMessage, From: "p1001", Node: "b1", Sent: 0, What: "Produce m1", Does: []string{"appends m1", "to b2: Fetch answered"}, Chain: true},
		result.Row{Kind: result.RowMessage, From: "b1", Node: "b2", Sent: 1, What: "Fetch answered", Chain: true},
		result.Row{Kind: result.RowStep, Node: "b3", Sent: -1, What: "starts", Does: []string{"to b1: Fetch"}, Chain: true},
	)
	if got := fmt.Sprint(told.place, told.does, told.chain()); got != "[0 1 2 3] [[] [appends m1] [] [to b1: Fetch]] [1 2 3]" {
		t.Error(got)
	}
}

// An arrow that would run through another row's mark goes around it.
func TestArrowsGoAround(t *testing.T) {
	message := func(from, to string, sent int) result.Row {
		return result.Row{Kind: result.RowMessage, From: from, Node: to, Sent: sent}
	}
	d := drawSpaceTime(threeBrokers(result.Row{Kind: result.RowStep, Node: "b1", Sent: -1}, message("b1", "b2", 0), message("b1", "b3", 0), message("b1", "p1001", 0)))
	for i, want := range []int{0, 0, bendBy, bendBy} {
		if got := d.bend(i, d.laneX(0), d.rows[0].y, d.laneX(i)); i > 0 && got != want {
			t.Errorf("row %d is bent by %d, want %d", i, got, want)
		}
	}
	d = drawSpaceTime(threeBrokers(result.Row{Kind: result.RowStep, Node: "b1", Sent: -1}, message("b1", "p1001", 0), message("b1", "b2", 0)))
	if got := d.bend(2, d.laneX(0), d.rows[0].y, d.laneX(1)); got != 0 {
		t.Errorf("an arrow with a free way is bent by %d", got)
	}
}

func TestWrap(t *testing.T) {
	for _, x := range []struct {
		text  string
		width int
		want  string
	}{
		{"", 5, ""}, {"one two", 7, "one two"}, {"one two", 6, "one|two"}, {"one   two", 4, "one|two"}, {"abcdefgh", 3, "abc|def|gh"},
		{"a bcdefgh i", 3, "a|bcd|efg|h i"}, {"äöü äöü", 3, "äöü|äöü"}, {"ab", 0, "a|b"}, {"  x", 9, "  x"},
		{"at *(b1,b2,p1001)", 8, "at|*(b1,b2,|p1001)"}, {",,,,", 2, ",,|,,"}, {"ä,öüä", 4, "ä,|öüä"}, {",bcd", 2, ",b|cd"},
	} {
		if got := strings.Join(wrap(x.text, x.width), "|"); got != x.want {
			t.Errorf("wrap(%q, %d) = %q, want %q", x.text, x.width, got, x.want)
		}
	}
	for _, x := range []struct {
		items []string
		want  string
	}{
		{nil, ""}, {[]string{"a", "b"}, "a, b"}, {[]string{"aaaa", "bbbb", "c"}, "aaaa,|bbbb, c"}, {[]string{"aaaa bbbb cccc", "d"}, "aaaa bbbb|cccc,|d"},
	} {
		if got := strings.Join(pack(x.items, ", ", 9), "|"); got != x.want {
			t.Errorf("pack(%q) = %q, want %q", x.items, got, x.want)
		}
	}
}

// What a log shows: its un-synced tail is hatched, what it lost is there as a
// ghost, and its ends are where they are, even outside of the boxes.
func TestStrips(t *testing.T) {
	cells := func(n int) (list []result.Cell) {
		for i := range n {
			list = append(list, result.Cell{Offset: int64(10 + i), Record: fmt.Sprint("m", i), Epoch: int32(i / 2)})
		}
		return list
	}
	ghost := cells(4)
	ghost[3] = result.Cell{Offset: 13, Ghost: "m9", Subject: true}
	for _, x := range []struct {
		strip result.Strip
		want  string // boxes, hatched, ghosts, subjects, epochs, high watermark, log end
		says  string
	}{
		{result.Strip{Cells: cells(4), End: 14, HW: 13, Synced: 12}, "4 2 0 0 2 1 1", ">high watermark 13<"},
		{result.Strip{Cells: cells(4), End: 14, HW: 14, Synced: 14}, "4 0 0 0 2 1 1", ">high watermark = log end = 14<"},
		{result.Strip{Cells: ghost, End: 13, HW: 19, Synced: 13}, "4 0 1 1 2 0 1", ">log end 13<"},
		{result.Strip{Cells: ghost, End: 13, HW: 19, Synced: 13}, "4 0 1 1 2 0 1", ">high watermark 19 →<"},
		{result.Strip{Cells: cells(4), End: math.MaxInt64, HW: math.MinInt64}, "4 4 0 0 2 0 0", "log end 9223372036854775807 →<"},
		{result.Strip{Cells: cells(4), End: 12, HW: 9, Synced: 14}, "4 0 0 0 2 0 1", ">← high watermark 9<"},
		{result.Strip{Cells: cells(13), End: 40, HW: 20, Synced: 40}, "13 0 0 0 7 1 0", ">log end 40 →<"},
		{result.Strip{Cells: cells(13), End: 40, HW: 39, Synced: 40}, "13 0 0 0 7 0 0", ">high watermark 39 →, log end 40 →<"},
		{result.Strip{Cells: cells(13), End: 38, HW: 39, Synced: 40}, "13 0 0 0 7 0 0", ">log end 38 →, high watermark 39 →<"},
		{result.Strip{Cells: cells(13), End: 23, HW: 22, Synced: 40}, "13 0 0 0 7 1 1", ">log end 23<"},
		{result.Strip{Cells: cells(13), End: 40, HW: 40, Synced: 40}, "13 0 0 0 7 0 0", ">high watermark = log end = 40 →<"},
		{result.Strip{End: 3, HW: 3}, "0 0 0 0 0 0 0", "in the ISR"},
	} {
		x.strip.InISR = true
		drawn := string(drawStrips([]result.Strip{x.strip})[0].Pictures[0])
		var counts []string
		for _, what := range []string{`"cell `, `"hatched"`, `"cell ghost"`, `"subject"`, `"epoch"`, `"watermark"`, `"logend"`} {
			counts = append(counts, fmt.Sprint(strings.Count(drawn, "class="+what)))
		}
		if got := strings.Join(counts, " "); got != x.want || !strings.Contains(drawn, x.says) {
			t.Errorf("%+v\n got %s\nwant %s\n%s", x.strip, got, x.want, drawn)
		}
		checkNotes(t, drawn)
	}
}

var note = regexp.MustCompile(`<text class="note" x="(\d+)" y="29" text-anchor="(\w+)">([^<]+)<`)

// checkNotes wants what is said of the ends of a log to be in the picture, not one
// over the other.
func checkNotes(t *testing.T, drawn string) {
	t.Helper()
	var width int
	if _, err := fmt.Sscanf(drawn[strings.Index(drawn, `viewBox="`):], `viewBox="0 0 %d`, &width); err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, m := range note.FindAllStringSubmatch(drawn, -1) {
		x, _ := strconv.Atoi(m[1])
		n := textWidth(m[3], noteSize)
		left := map[string]int{"start": x, "middle": x - n/2, "end": x - n}[m[2]]
		if left < last || left+n > width {
			t.Errorf("%q is from %d to %d, want it from %d to %d", m[3], left, left+n, last, width)
		}
		last = left + n
	}
	if last == 0 && strings.Contains(drawn, `"cell `) {
		t.Errorf("nothing is said of the ends: %s", drawn)
	}
}

// Nothing that a drawing is told becomes markup, wherever it is said.
func TestDrawingsEscape(t *testing.T) {
	var s svg
	s.draw("rect", "class", `"><script x='`)
	s.say("text", `</text><script>&amp;`, "id", "<\x00>")
	if got := string(s.done()); got != `<rect class="&#34;&gt;&lt;script x=&#39;"/><text id="&lt;\u0000&gt;">&lt;/text&gt;&lt;script&gt;&amp;amp;</text>` {
		t.Error(got)
	}
}
