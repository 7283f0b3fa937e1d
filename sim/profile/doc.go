// Package profile has what hardware can do and what work costs on it, as data:
// sheets of named values, each with where it comes from and when that was so. A
// value that nobody knows is null, and whoever needs it says so by its name.
//
// The sheets of this package are the files below data; a file of one's own is
// read by the same rules ([ParseHardware], [ParseCosts]), and data/README.md says
// which command measures which field. Numbers are decimal fractions kept as
// integers: nothing is rounded on the way from a file into a run.
//
//	sheet.go     Sheet, Value: getting, setting, what is missing
//	hardware.go  the fields of hardware, and the sheets that come with it
//	costs.go     the fields of costs
//	parse.go     a sheet from JSON, with the line of what is wrong
//	number.go    decimal fractions
package profile
