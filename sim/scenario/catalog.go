package scenario

import (
	"embed"
	"io/fs"
	"slices"
	"strings"
)

//go:embed catalog/*.yaml lessons/*.yaml
var catalog embed.FS

// Names are the scenarios that come with the program, sorted.
func Names() []string { return namesIn("catalog") }

// LessonNames are the scenarios of the lessons, sorted. They run like any other, and
// stand in no list but that of the lessons.
func LessonNames() []string { return namesIn("lessons") }

func namesIn(dir string) []string {
	files, err := fs.Glob(catalog, dir+"/*.yaml")
	if err != nil {
		panic(err) // it is part of the program
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(f, dir+"/"), ".yaml"))
	}
	slices.Sort(names) // the files are sorted, with their extension
	return names
}

// Source is the file of a scenario that comes with the program, or of a lesson's.
func Source(name string) ([]byte, bool) {
	for _, dir := range []string{"catalog", "lessons"} {
		if b, err := catalog.ReadFile(dir + "/" + name + ".yaml"); err == nil {
			return b, true
		}
	}
	return nil, false
}
