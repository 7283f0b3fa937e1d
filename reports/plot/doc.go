// Package plot draws what a capacity study came to: latency against load, what was
// achieved, utilisation, where the time goes, percentiles, timelines, heat maps,
// sensitivity, disk. It draws results only; the same result gives the same bytes,
// as SVG and as PNG, with the fonts that gonum carries, and each plot has the
// numbers behind it as CSV.
//
//	plot.go       the list of plots, and their three forms
//	style.go      colours (Okabe and Ito's, which colour-blind people tell apart), fonts, axes
//	ticks.go      axis ticks with units
//	frame.go      panels under one legend, with marks across them
//	seeds.go      many runs at one load: median and interval
//	latency.go, achieved.go, utilisation.go, budget.go, percentiles.go, timeline.go,
//	heatmap.go, sensitivity.go, retention.go, sweep.go   one plot each
//
// In a page a plot takes its colours from variables of the page (Inline), so that it
// is legible on light and dark screens and on paper.
package plot
