package main

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"

	"brokersim/checker/result"
	"brokersim/reports"
	"brokersim/reports/plot"
)

// capacityFile is a file of a study's directory; its name may be in a directory
// below that.
type capacityFile struct {
	name  string
	write func(io.Writer) error
}

// capacityFiles are all that a study came to: its page and its text, its JSON, and
// each plot as SVG, as PNG and as the numbers behind it.
func capacityFiles(c *result.Capacity) []capacityFile {
	plots := plot.All(c)
	files := []capacityFile{
		{resultFile, func(w io.Writer) error { return reports.CapacityJSON(w, c) }},
		{reportFile, func(w io.Writer) error { return writeCapacityPage(w, c, plots) }},
		{"report.txt", func(w io.Writer) error { return reports.CapacityText(w, c, reports.Style{}) }},
	}
	for i := range plots {
		p := &plots[i]
		name := filepath.Join("plots", p.Name)
		files = append(files, capacityFile{name + ".svg", p.WriteSVG}, capacityFile{name + ".png", p.WritePNG}, capacityFile{name + ".csv", p.WriteCSV})
	}
	return files
}

// writeCapacity writes them into a directory that is there.
func (a *app) writeCapacity(flag, dir string, c *result.Capacity) error {
	if _, err := makeDirectory(flag, filepath.Join(dir, "plots")); err != nil {
		return &failure{result.ExitInternal, err}
	}
	files := capacityFiles(c)
	outputs := make([]*output, len(files))
	for i, f := range files {
		outputs[i] = &output{flag: flag, path: filepath.Join(dir, f.name)}
	}
	if err := a.openAll(outputs); err != nil {
		return &failure{result.ExitInternal, err}
	}
	var err error
	for i, f := range files {
		var b bytes.Buffer
		err = errors.Join(err, f.write(&b), outputs[i].write(b.String()))
	}
	if err != nil {
		return &failure{result.ExitInternal, err}
	}
	return nil
}

// writeCapacityPage writes the page of a study with its plots in it.
func writeCapacityPage(w io.Writer, c *result.Capacity, plots []plot.Plot) error {
	var pictures []reports.Picture
	for i := range plots {
		p := &plots[i]
		var numbers bytes.Buffer
		if err := p.WriteCSV(&numbers); err != nil {
			return err
		}
		pictures = append(pictures, reports.Picture{Name: p.Name, Title: p.Title, About: p.About, Wide: p.Wide, SVG: p.Inline(), CSV: numbers.Bytes()})
	}
	return reports.CapacityHTML(w, c, pictures)
}
