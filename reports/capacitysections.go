package reports

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"brokersim/checker/result"
)

// section is a part of the report of a study, in text and as a page.
type section struct {
	Title, Short string
	Words        []string // paragraphs
	Pictures     []string // names of plots, on a page; one that ends in - is a beginning
	Tables       []table
}

// table has titles and rows. One that only a page has is a sentence in a text.
type table struct {
	Title    string
	Head     []column
	Rows     [][]entryOf
	PageOnly string
}

type column struct {
	Name   string
	Number bool
}

// entryOf is a cell.
type entryOf struct{ Text, Class, URL string }

// titles are columns; one that begins with # has numbers.
func titles(names ...string) (list []column) {
	for _, n := range names {
		name, number := strings.CutPrefix(n, "#")
		list = append(list, column{name, number})
	}
	return list
}

func cells(texts ...string) (row []entryOf) {
	for _, t := range texts {
		row = append(row, entryOf{Text: t})
	}
	return row
}

// capacitySections are the parts of the report, in the order in which a planner asks.
func capacitySections(c *result.Capacity) []section {
	return []section{
		loadSection(c), roofSection(c), utilisationSection(c), budgetSection(c),
		timelineSection("When a broker is lost", "loss", c.Loss), timelineSection("Catching up", "catch-up", c.CatchUp),
		ruleSection(c), shapeSection(c), {Title: "Settings", Short: "one or two at a time, all others as they are", Pictures: []string{"heat-map", "matrix", "sweep-"}}, diskSection(c), sensitivitySection(c),
		validationSection(c), assumptionSection(c), promiseSection(c), warningSection(c),
	}
}

// loadSection is latency against load.
func loadSection(c *result.Capacity) section {
	s := section{Title: "Latency against offered load", Short: "medians over the seeds, from when a record was due", Pictures: []string{"latency-ack", "latency-e2e", "achieved", "percentiles"}}
	for _, x := range []struct {
		name  string
		curve *result.Curve
	}{{"All brokers", &c.Healthy}, {"One broker lost", c.OneLost}} {
		if x.curve == nil || len(x.curve.Points) == 0 {
			continue
		}
		s.Tables = append(s.Tables, loadTable(x.name, x.curve))
		if x.curve.Knees != (result.Knees{}) {
			s.Words = append(s.Words, kneeWords(x.name, &x.curve.Knees))
		}
	}
	return s
}

func kneeWords(name string, k *result.Knees) string {
	words := fmt.Sprintf("%s: the knee is at %s by the SLO", name, records(k.UnderSLO))
	if k.Power > 0 {
		words += fmt.Sprintf(", at %s by throughput over latency", records(k.Power))
	}
	if k.Doubled > 0 {
		words += fmt.Sprintf(", at %s by the first p99 over twice that of a tenth of the load", records(k.Doubled))
	}
	words += "."
	if k.Disagrees != "" {
		words += " They do not agree: " + strings.TrimSuffix(k.Disagrees, ".") + "."
	}
	return words
}

func loadTable(name string, c *result.Curve) table {
	t := table{Title: fmt.Sprintf("%s (%d)", name, c.Brokers), Head: titles("#offered", "#achieved", "#ack p50", "#p99", "#p99.9", "#e2e p99", "#batch", "#seeds", "busiest", "#busy", "passed")}
	byRate := slices.Clone(c.Points)
	slices.SortStableFunc(byRate, func(a, b result.Point) int { return cmp.Compare(a.Offered, b.Offered) })
	for len(byRate) > 0 {
		n := 1
		for n < len(byRate) && byRate[n].Offered == byRate[0].Offered {
			n++
		}
		t.Rows = append(t.Rows, loadRow(byRate[:n]))
		byRate = byRate[n:]
	}
	return t
}

// loadRow is one rate: the medians over its runs.
func loadRow(points []result.Point) []entryOf {
	of := func(value func(*result.Point) int64) int64 {
		values := make([]int64, len(points))
		for i := range points {
			values[i] = value(&points[i])
		}
		slices.Sort(values)
		return values[(len(values)-1)/2]
	}
	n := of(func(p *result.Point) int64 { return p.Ack.N })
	e2e := "-"
	if of(func(p *result.Point) int64 { return p.E2E.N }) > 0 {
		e2e = result.Micros(of(func(p *result.Point) int64 { return p.E2E.P99 }))
	}
	batch := of(func(p *result.Point) int64 { return p.BatchRecs })
	row := cells(result.Count(points[0].Offered), result.Count(of(func(p *result.Point) int64 { return p.Achieved })),
		result.Micros(of(func(p *result.Point) int64 { return p.Ack.P50 })), result.Micros(of(func(p *result.Point) int64 { return p.Ack.P99 })),
		known(of(func(p *result.Point) int64 { return p.Ack.P999 }), n), e2e, fmt.Sprintf("%s.%d", result.Count(batch/1000), batch/100%10), result.Count(len(points)))
	return append(append(row, busiestOf(&points[0])...), passedOf(points))
}

func passedOf(points []result.Point) entryOf {
	passed, why := 0, ""
	for _, p := range points {
		if p.Passed {
			passed++
		} else if why == "" {
			why = p.Why
		}
	}
	switch {
	case passed == len(points):
		return entryOf{Text: "yes", Class: "kept"}
	case passed == 0:
		return entryOf{Text: "no: " + why, Class: "broken"}
	}
	return entryOf{Text: fmt.Sprintf("%d of %d: %s", passed, len(points), why), Class: "doubtful"}
}

// busiestOf is the resource that is busiest, and how busy it is.
func busiestOf(p *result.Point) []entryOf {
	var most *result.Utilisation
	for i := range p.Utilisation {
		if u := &p.Utilisation[i]; most == nil || u.Busy > most.Busy {
			most = u
		}
	}
	if most == nil {
		return cells("-", "-")
	}
	return cells(most.Resource+" "+most.Node, percent(most.Busy))
}

// roofSection puts what no run can exceed beside what was simulated.
func roofSection(c *result.Capacity) section {
	s := section{Title: "Roofline", Short: "what the resources allow, and what was simulated"}
	t := table{Head: titles("what", "#records/s", "#reached", "", "how")}
	for _, f := range c.Shape.Formula {
		kind := "a rule"
		if f.Bound {
			kind = "bounds"
		}
		how := f.How
		if f.Source != "" {
			how += " [" + f.Source + "]"
		}
		t.Rows = append(t.Rows, cells(f.What, result.Count(f.Rate), shareOf(c.Answer.Rate.Median, f.Rate), kind, how))
	}
	s.Tables = append(s.Tables, t)
	for _, x := range []struct {
		name string
		of   *result.Curve
		rate result.Interval
	}{{"All brokers", &c.Healthy, c.Answer.Rate}, {"One broker lost", c.OneLost, c.Answer.RateOneLost}} {
		if x.of == nil || x.of.Roofline == 0 || x.rate.N == 0 {
			continue
		}
		words := fmt.Sprintf("%s: %s were sustained, %s of the roofline of %s.", x.name, records(x.rate.Median), shareOf(x.rate.Median, x.of.Roofline), records(x.of.Roofline))
		if x.of.Gap != "" {
			words += " " + x.of.Gap
		}
		s.Words = append(s.Words, words)
	}
	return s
}

func shareOf(n, of int64) string {
	if of <= 0 {
		return "-"
	}
	return percent((n*100 + of/2) / of * 10)
}

// utilisationSection is how busy everything is at the rate to plan on and at the knee.
func utilisationSection(c *result.Capacity) section {
	s := section{Title: "Utilisation", Short: "of the busiest node", Pictures: []string{"utilisation"}}
	for _, x := range []struct {
		name  string
		curve *result.Curve
	}{{"All brokers", &c.Healthy}, {"One broker lost", c.OneLost}} {
		if x.curve == nil {
			continue
		}
		plan, knee := pointAt(x.curve, c.Answer.PlanOn), pointAt(x.curve, x.curve.Knees.UnderSLO)
		if plan == nil || len(plan.Utilisation) == 0 {
			continue
		}
		t := table{Title: fmt.Sprintf("%s, at %s and at %s", x.name, records(plan.Offered), records(knee.Offered)), Head: titles("resource", "node", "#busy", "#mean", "#wait", "#queue", "#at the knee")}
		list := slices.Clone(plan.Utilisation)
		slices.SortStableFunc(list, func(a, b result.Utilisation) int { return cmp.Compare(b.Busy, a.Busy) })
		for _, u := range list {
			t.Rows = append(t.Rows, cells(u.Resource, u.Node, percent(u.Busy), percent(u.Mean), result.Micros(u.WaitUS), fmt.Sprintf("%s.%02d", result.Count(u.Queue/1000), u.Queue%1000/10), busyAt(knee, u.Resource)))
		}
		s.Tables = append(s.Tables, t)
	}
	if c.Answer.Bottleneck != "" && len(s.Tables) > 0 {
		s.Words = []string{"What breaks first: " + c.Answer.Bottleneck + "."}
	}
	return s
}

// pointAt is the first run at the rate that is nearest.
func pointAt(c *result.Curve, rate int64) (best *result.Point) {
	distance := func(p *result.Point) int64 { return max(p.Offered-rate, rate-p.Offered) }
	for i := range c.Points {
		if p := &c.Points[i]; best == nil || distance(p) < distance(best) {
			best = p
		}
	}
	return best
}

func busyAt(p *result.Point, resource string) string {
	for _, u := range p.Utilisation {
		if u.Resource == resource {
			return percent(u.Busy)
		}
	}
	return "-"
}

// budgetSection is where the time goes: parts down, percentiles across.
func budgetSection(c *result.Capacity) section {
	s := section{Title: "Where the time goes", Short: "from due to acknowledged, and with the fetch wait to a reader; at the rate to plan on", Pictures: []string{"budget"}}
	t := table{Head: titles("part")}
	var parts []string
	for _, b := range c.Budget {
		t.Head = append(t.Head, column{b.Curve + " " + b.At, true})
		for _, a := range b.Parts {
			if !slices.Contains(parts, a.Name) {
				parts = append(parts, a.Name)
			}
		}
	}
	for _, name := range append(parts, "sum") {
		row := cells(name)
		for _, b := range c.Budget {
			var us int64
			for _, a := range b.Parts {
				if a.Name == name || name == "sum" {
					us += a.US
				}
			}
			row = append(row, entryOf{Text: result.Micros(us)})
		}
		t.Rows = append(t.Rows, row)
	}
	if len(parts) > 0 {
		s.Tables = []table{t}
	}
	return s
}

func timelineSection(title, picture string, t *result.Timeline) section {
	s := section{Title: title, Pictures: []string{picture}}
	if t == nil {
		return s
	}
	s.Short = t.What
	s.Words = t.Summary
	marks := table{Head: titles("#at", "what")}
	for _, m := range t.Marks {
		marks.Rows = append(marks.Rows, cells(fmt.Sprintf("%d.%03d s", m.AtUS/1e6, m.AtUS/1000%1000), m.What))
	}
	s.Tables = []table{marks}
	if t.Ledger.LostAcked+t.Ledger.LostAllowed > 0 {
		s.Words = append(s.Words, fmt.Sprintf("%s acknowledged records were lost.", result.Count(t.Ledger.LostAcked+t.Ledger.LostAllowed)))
	}
	if t.Repro != "" {
		s.Words = append(s.Words, "Repeat: "+t.Repro)
	}
	return s
}

func ruleSection(c *result.Capacity) section {
	t := table{Head: titles("rule", "now", "", "source")}
	for _, r := range c.Rules {
		t.Rows = append(t.Rows, append(append(cells(r.Rule, r.Now), yes(r.Holds)), cells(r.Source)...))
	}
	return section{Title: "Planning rules", Tables: []table{t}}
}

// shapeSection are the shapes that were considered, those that are rejected last.
func shapeSection(c *result.Capacity) section {
	s := section{Title: "Shapes", Short: "what they carry with one broker lost, and why some are rejected"}
	t := table{Head: titles("shape", "#partitions", "#RF", "#a month", "#roofline", "limit", "#one lost", "rejected because")}
	for _, rejected := range []bool{false, true} {
		for _, x := range c.Shapes {
			if (x.Rejected != "") != rejected {
				continue
			}
			cost, rate, roof := "-", "-", "-"
			if x.Roofline > 0 {
				roof = result.Count(x.Roofline)
			}
			if x.CostMonth != nil {
				cost = money(*x.CostMonth, c.Answer.Currency)
			}
			if x.Rate > 0 {
				rate = result.Bound(x.Open) + result.Count(x.Rate)
			}
			why := entryOf{Text: x.Rejected, Class: "broken"}
			if !rejected {
				why = entryOf{Text: "not rejected", Class: "kept"}
			}
			t.Rows = append(t.Rows, append(cells(x.Name, result.Count(x.Partitions), result.Count(x.RF), cost, roof, x.Limit, rate), why))
		}
	}
	s.Tables = []table{t}
	return s
}

// bound writes that nobody has looked further.
func diskSection(c *result.Capacity) section {
	s := section{Title: "Disk for retention", Pictures: []string{"retention"}}
	if c.Retention != nil && c.Retention.How != "" {
		s.Words = []string{c.Retention.How + "."}
	}
	return s
}

func sensitivitySection(c *result.Capacity) section {
	s := section{Title: "What moves the answer", Short: "one parameter at a time, a fifth less and a fifth more; rates to 2 %, p99 at the answer", Pictures: []string{"sensitivity"}}
	t := table{Head: titles("parameter", "less", "#records/s", "#p99", "more", "#records/s", "#p99")}
	for _, x := range c.Sensitivity {
		t.Rows = append(t.Rows, cells(x.Parameter, x.Minus, result.Bound(x.OpenMinus)+result.Count(x.RateMinus), result.Micros(x.P99Minus), x.Plus, result.Bound(x.OpenPlus)+result.Count(x.RatePlus), result.Micros(x.P99Plus)))
	}
	s.Tables = []table{t}
	return s
}

// validationSection puts published figures beside what the model says of them.
func validationSection(c *result.Capacity) section {
	s := section{Title: "Validation", Short: "published figures beside what the model says"}
	predicted := table{Title: "Predicted", Head: titles("row", "what", "#measured", "#predicted", "#error", "gate", "verdict", "role", "source")}
	rest := table{Title: "Not predicted", Head: titles("row", "what", "measured", "why not", "role", "source")}
	ok, gated := 0, 0
	for _, v := range c.Validation {
		source := entryOf{Text: v.Source, URL: webAddress(v.URL)}
		what := strings.TrimSuffix(v.What+": "+v.Quantity, ": ")
		if v.Predicted == "" {
			rest.Rows = append(rest.Rows, append(cells(v.Row, what, v.Measured, v.Verdict, v.Role), source))
			continue
		}
		verdict := entryOf{Text: v.Verdict, Class: "broken"}
		switch {
		case v.Verdict == "ok":
			verdict.Class = "kept"
		case v.Gate == "":
			verdict.Class = ""
		}
		if v.Gate != "" {
			gated++
			if v.Verdict == "ok" {
				ok++
			}
		}
		wrong := "-"
		if v.ErrorMil != nil {
			wrong = signed(*v.ErrorMil)
		}
		predicted.Rows = append(predicted.Rows, append(append(cells(v.Row, what, v.Measured, v.Predicted, wrong, v.Gate), verdict), entryOf{Text: v.Role}, source))
	}
	if len(rest.Rows) > 0 {
		rest.PageOnly = fmt.Sprintf("%s more, and why they are not predicted, are on the page.", plural(len(rest.Rows), "published row", "published rows"))
	}
	if len(c.Validation) > 0 {
		s.Words = []string{fmt.Sprintf("%d of %d published figures are predicted; %d of %d with a gate are within it. The study above is to be trusted as far as these are.", len(predicted.Rows), len(c.Validation), ok, gated)}
	}
	fit := table{Title: "Fitted, once, to rows of the role calibrate", Head: titles("parameter", "value", "#largest error", "rows")}
	for _, f := range c.Fit {
		fit.Rows = append(fit.Rows, cells(f.Parameter, f.Value, percent(f.ErrorMil), strings.Join(f.Rows, ", ")))
	}
	s.Tables = []table{predicted, rest, fit}
	return s
}

// webAddress is the address if it is one of the web, else empty.
func webAddress(url string) string {
	if strings.HasPrefix(url, "https://") || strings.HasPrefix(url, "http://") {
		return url
	}
	return ""
}

func signed(thousandths int64) string {
	if thousandths > 0 {
		return "+" + percent(thousandths)
	}
	return percent(thousandths)
}

func assumptionSection(c *result.Capacity) section {
	s := section{Title: "Assumptions", Short: "inputs that somebody may doubt"}
	t := table{Head: titles("what", "value", "as of", "source")}
	for _, a := range c.Assumptions {
		t.Rows = append(t.Rows, cells(a.Name, a.Value, a.AsOf, a.Source))
	}
	s.Tables = []table{t}
	if len(c.NotModelled) > 0 {
		s.Words = []string{"Not modelled: " + strings.Join(c.NotModelled, ", ") + "."}
	}
	return s
}

// promiseSection says that the same runs kept their promises, and what of.
func promiseSection(c *result.Capacity) section {
	s := section{Title: "Held to", Short: "in the same runs that were measured"}
	t := table{Head: titles("property", "outcome", "#looked at", "violations")}
	for _, f := range c.Findings {
		violations := result.Count(int64(len(f.Violations)) + f.More)
		if len(f.Violations) > 0 {
			violations += ", such as: " + f.Violations[0].What
		}
		t.Rows = append(t.Rows, []entryOf{{Text: f.Property}, {Text: string(f.Outcome), Class: outcomeClass(f.Outcome)}, {Text: result.Count(f.Looked)}, {Text: violations}})
	}
	s.Tables = []table{t}
	l := &c.Ledger
	if l.Sent > 0 {
		s.Words = []string{fmt.Sprintf("Of %s records that were sent %s were acknowledged, %s rejected, %s are unknown; %s are in the logs. Lost though acknowledged: %s (and %s that the configuration allows). Twice in a log: %s; out of order: %s; read %s times.",
			result.Count(l.Sent), result.Count(l.Acked), result.Count(l.Rejected), result.Count(l.Unknown), result.Count(l.InLog), result.Count(l.LostAcked), result.Count(l.LostAllowed), result.Count(l.DupLog), result.Count(l.Reordered), result.Count(l.Delivered))}
	}
	return s
}

func warningSection(c *result.Capacity) section {
	return section{Title: "Warnings", Words: Warnings(c.Warnings)}
}
