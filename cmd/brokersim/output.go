package main

import (
	"fmt"
	"io"
	"os"

	"brokersim/checker/result"
	"brokersim/reports"

	"golang.org/x/term"
)

// style is color on a terminal, unless the user does not want it.
func (a *app) style() reports.Style {
	f, ok := terminal(a.stdout)
	if !ok {
		return reports.Style{}
	}
	columns, _, _ := term.GetSize(int(f.Fd())) // 0 if nobody knows
	return reports.Style{Color: !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", Columns: columns}
}

func isTerminal(w io.Writer) bool {
	_, ok := terminal(w)
	return ok
}

// terminal is the terminal to which something is written.
func terminal(w io.Writer) (f *os.File, ok bool) {
	if p, printed := w.(*printer); printed {
		w = p.w
	}
	f, ok = w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// printer is stdout, and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) Write(b []byte) (int, error) {
	n, err := p.w.Write(b)
	if p.err == nil {
		p.err = err
	}
	return n, err
}

// print writes a result to stdout and makes its exit code the program's.
func (a *app) print(r result.Result, d reports.Details, json bool) error {
	var err error
	if json {
		err = reports.JSON(a.stdout, r)
	} else {
		err = reports.Text(a.stdout, r, d, a.style())
	}
	if err != nil {
		return &failure{result.ExitInternal, fmt.Errorf("writing the result: %w", err)}
	}
	a.exit = r.Exit
	return nil
}
