package plot

import (
	"fmt"
	"slices"

	"brokersim/checker/result"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// loaded is the utilisation at one load of one curve.
type loaded struct {
	label string
	ink   ink
	at    *load
	busy  map[string]result.Utilisation
}

// utilisation is how busy each resource is at the rate to plan on and at the knee,
// with all brokers and with one lost.
func utilisation(c *result.Capacity) []Plot {
	groups := utilisationGroups(c)
	if len(groups) == 0 {
		return nil
	}
	resources := busiest(groups)
	if len(resources) == 0 {
		return nil
	}
	p := newPanel("busy, % of the measured time (mean over the seeds, busiest node)", "")
	p.Add(gridLines(false, true), bars(groups, resources))
	p.X.Min, p.X.Max, p.X.Tick.Marker = 0, 108, evenly(10)
	p.Y.Min, p.Y.Max = -.5, float64(len(resources))-.5
	labels := slices.Clone(resources)
	slices.Reverse(labels)
	p.Y.Tick.Marker, p.Y.Tick.Length = names(labels), 0
	p.Add(&polyline{x: []float64{100, 100}, y: []float64{-.5, float64(len(resources)) - .5}, style: stroke(words, 1)})
	f := &frame{width: wide, height: vg.Length(70 + len(resources)*(8+10*len(groups))), panels: []*plot.Plot{p}}
	rows := [][]string{row("curve", "offered_per_s", "seed", "resource", "node", "busy_percent", "mean_over_nodes_percent", "wait_us", "queue_mean")}
	for _, g := range groups {
		f.legend = append(f.legend, entry{label: g.label, fill: g.ink})
		for _, pt := range g.at.points {
			for _, u := range pt.Utilisation {
				rows = append(rows, row(g.label, g.at.offered, pt.Seed, u.Resource, u.Node, float64(u.Busy)/10, float64(u.Mean)/10, u.WaitUS, float64(u.Queue)/1000))
			}
		}
	}
	about := "The busiest node of each resource; its name stands at the bar."
	if c.Answer.Bottleneck != "" {
		about += " What breaks first: " + c.Answer.Bottleneck + "."
	}
	return []Plot{{Name: "utilisation", Title: "Utilisation of resources", Wide: true, About: about, frame: f, Rows: rows}}
}

// utilisationGroups are the bars of each resource.
func utilisationGroups(c *result.Capacity) (groups []loaded) {
	add := func(curve *result.Curve, name string, rate int64, color ink) {
		at := nearest(loads(curve), rate)
		if at == nil || rate <= 0 {
			return
		}
		g := loaded{label: fmt.Sprintf("%s, %s", name, rate1(at.offered)), ink: color, at: at, busy: meanBusy(at)}
		if len(g.busy) > 0 && !slices.ContainsFunc(groups, func(o loaded) bool { return o.label == g.label }) {
			groups = append(groups, g)
		}
	}
	add(&c.Healthy, "plan", c.Answer.PlanOn, blue)
	add(&c.Healthy, "knee", c.Healthy.Knees.UnderSLO, orange)
	if c.OneLost != nil {
		add(c.OneLost, "one lost, plan", c.Answer.PlanOn, sky)
		add(c.OneLost, "one lost, knee", c.OneLost.Knees.UnderSLO, yellow)
	}
	return groups
}

// meanBusy is the mean over the seeds of a load, with the node of the first.
func meanBusy(l *load) map[string]result.Utilisation {
	sum, n := map[string]result.Utilisation{}, map[string]int64{}
	for _, p := range l.points {
		for _, u := range p.Utilisation {
			if n[u.Resource] == 0 {
				sum[u.Resource] = result.Utilisation{Resource: u.Resource, Node: u.Node}
			}
			s := sum[u.Resource]
			s.Busy += u.Busy
			sum[u.Resource] = s
			n[u.Resource]++
		}
	}
	for name, s := range sum {
		s.Busy /= n[name]
		sum[name] = s
	}
	return sum
}

// busiest are the resources, the one that is busiest anywhere first.
func busiest(groups []loaded) (resources []string) {
	most := map[string]int64{}
	for _, g := range groups {
		for _, p := range g.at.points {
			for _, u := range p.Utilisation {
				if !slices.Contains(resources, u.Resource) {
					resources = append(resources, u.Resource)
				}
			}
		}
		for name, u := range g.busy {
			most[name] = max(most[name], u.Busy)
		}
	}
	slices.SortStableFunc(resources, func(a, b string) int { return int(most[b] - most[a]) })
	return resources
}

// bars draws the bars of all resources, the first at the top.
func bars(groups []loaded, resources []string) drawing {
	return func(c draw.Canvas, p *plot.Plot) {
		x, y := p.Transforms(&c)
		style := lettering(faint, 8, text.XLeft, text.YCenter)
		each := .84 / float64(len(groups))
		for i, name := range resources {
			center := float64(len(resources) - 1 - i)
			for j, g := range groups {
				u, ok := g.busy[name]
				if !ok {
					continue
				}
				top := center + .42 - each*float64(j)
				rectangle(c, g.ink, x(0), y(top-each), x(float64(u.Busy)/10), y(top))
				at := x(float64(u.Busy)/10) + 3
				label := fmt.Sprintf("%s %% %s", number(float64(u.Busy)/10), u.Node)
				if at+style.Width(label) > c.Max.X {
					style.Color, style.XAlign, at = words, text.XRight, at-6
				}
				c.FillText(style, vg.Point{X: at, Y: y(top - each/2)}, label)
				style.Color, style.XAlign = faint, text.XLeft
			}
		}
	}
}
