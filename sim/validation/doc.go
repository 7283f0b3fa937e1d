// Package validation puts published figures beside what the model says of them.
//
// The rows are in data/published.json, with their sources. Those of the role
// calibrate may fix parameters of the model, once: data/fit.json says which, with
// the error that is left, and sim/profile has the values. Those of the role reference
// are context. What a row says of its tail is never fitted: p99.9 of one run on rented
// machines is one sample of its neighbours.
//
// Each figure that the model can predict is a run of a study with the row's load and
// hardware (simulated.go), or a published formula (formulas.go). What they came to is
// in data/predicted.json, which go test -update writes and every test of the package
// holds against runs made anew. A row that nobody predicts has its reason
// (reasons.go).
package validation
