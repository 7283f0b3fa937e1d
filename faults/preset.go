package faults

import (
	"embed"
	"fmt"
	"io/fs"
	"strings"

	"brokersim/broker/near"
)

//go:embed presets/*.txt
var presets embed.FS

// Presets returns the names of the schedules that come with the program, sorted.
// They speak of leader, follower, controller and * only.
func Presets() []string {
	files, err := fs.Glob(presets, "presets/*.txt")
	if err != nil {
		panic(fmt.Sprintf("faults: the pattern of the presets: %v", err))
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(strings.TrimPrefix(f, "presets/"), ".txt")
	}
	return files
}

// Preset returns the text of a preset. The error names the nearest preset.
func Preset(name string) (string, error) {
	text, err := presets.ReadFile("presets/" + name + ".txt")
	if err != nil {
		return "", fmt.Errorf("unknown preset of faults %q%s", name, near.Suggest(name, Presets()))
	}
	return string(text), nil
}
