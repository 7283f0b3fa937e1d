package scenario

import (
	"embed"
	"slices"
	"strings"
)

//go:embed catalog/*.yaml
var catalog embed.FS

// Names are the scenarios that come with the program, sorted.
func Names() []string {
	entries, err := catalog.ReadDir("catalog")
	if err != nil {
		panic(err) // it is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	slices.Sort(names) // the files are sorted, with their extension
	return names
}

// Source is the file of a scenario that comes with the program.
func Source(name string) ([]byte, bool) {
	b, err := catalog.ReadFile("catalog/" + name + ".yaml")
	return b, err == nil
}
