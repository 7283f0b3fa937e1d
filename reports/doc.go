// Package reports writes results for people and for programs. It reads results
// only: the same result gives the same bytes, the answer stands first, and then
// what was checked and how much, and then the evidence.
package reports
