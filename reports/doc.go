// Package reports writes results for people and for programs. It reads results
// only: the same result gives the same bytes, the answer stands first, and then
// what was checked and how much, and then the evidence.
//
// A run, a history and a check are text (text.go, summary.go), JSON (json.go),
// JUnit (junit.go), Markdown and GitHub's annotations (summary.go, github.go).
//
// How a run came to fail is result.Explanation. Every way to show it begins with
// what the story says (story.go; schedule.go and spans.go read what the schedule
// did in it): the text (explain.go), a sequence diagram (mermaid.go), and the page
// (html.go, html.tmpl, html.css) with its drawings: the space-time diagram
// (spacetime.go, its rows, gaps and marks in files of their own), the logs
// (strips.go), the likelihood (chancechart.go).
//
// What a capacity study came to is result.Capacity. Its parts are made once, as
// paragraphs and tables (capacitysections.go, with the answer box and the numbers in
// capacitywords.go), and written as text (capacity.go) and as a page
// (capacityhtml.go, capacity.tmpl, capacity.css) that takes its plots from whoever
// drew them.
//
// A comparison of kinds of broker is text (compare.go) and a page (comparehtml.go), the matrix
// of crashes in transactions text alone (matrix.go).
//
// What a run says is never trusted: clean keeps it from a terminal, and svg.go,
// mermaidText, markdown and html/template keep it from being markup.
package reports
