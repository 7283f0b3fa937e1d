// Package lesson has the lessons on delivery semantics: a question, what runs answer,
// and what the remedy costs.
//
// # The journey of a lesson
//
// A lesson is a Markdown file in lessons/ whose front matter (front.go) says what is
// asked, which runs answer it and where their numbers are expected. The runs are
// [Trial]s: a scenario of sim/scenario/lessons with settings, over many seeds.
//
//  1. [All] reads the files, and refuses what it does not understand with its line.
//  2. [Lesson.Measure] makes the runs of a trial and counts ([Stats]).
//  3. measured.json keeps what was measured. The prose has no numbers of its own: it
//     takes them from there (prose.go), and only those that an interval watches over.
//  4. [Lesson.Verify] measures again, and says which number has left its interval.
//  5. [Lesson.Watch] makes one run and tells it as sim/story does.
//  6. [Lesson.Page] puts it together as plain data, for reports.
//
// # What must hold
//
//   - A number in the prose is a template over a number that has an interval. A digit
//     that is neither in a template nor in code is refused, but for names such as b1 or
//     KIP-101.
//   - Numbers are integers: counts, microseconds and thousandths.
package lesson
