package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"brokersim/checker"
	"brokersim/checker/history"
	"brokersim/checker/measure"
	"brokersim/reports"

	"github.com/spf13/cobra"
)

func (a *app) judgeVerb() *cobra.Command {
	var promise []string
	var json bool
	cmd := &cobra.Command{
		Use:   "judge HISTORY.jsonl",
		Short: "Judge a history from anywhere: the checker alone",
		Long: `Reads what clients saw, one JSON object a line, and says which promises were kept.
The history's header says what was promised; --promise holds it to more. "-" reads stdin.`,
		Example: `  brokersim run orders --history h.jsonl && brokersim judge h.jsonl
  brokersim judge h.jsonl --promise no-acked-loss
  zcat h.jsonl.gz | brokersim judge - --json`,
		Args:              oneArg("the file of a history"),
		ValidArgsFunction: completeHistory,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := filled(cmd, "promise"); err != nil {
				return err
			}
			if err := checkPromise(promise); err != nil {
				return err
			}
			return a.judge(args[0], promise, json)
		},
	}
	promiseFlag(cmd, &promise)
	cmd.Flags().BoolVar(&json, "json", false, "print the result as one JSON object")
	return cmd
}

func promiseFlag(cmd *cobra.Command, to *[]string) {
	cmd.Flags().StringSliceVar(to, "promise", nil, "hold it to these `properties` too, whatever the configuration promises")
	completePromise(cmd)
}

func checkPromise(promise []string) error {
	known := checker.Properties()
	for _, p := range promise {
		if !slices.Contains(known, p) {
			return fmt.Errorf("--promise: %w", unknown("property", p, known))
		}
	}
	return nil
}

func (a *app) judge(path string, promise []string, json bool) error {
	in, err := a.openInput(path)
	if err != nil {
		return err
	}
	defer in.Close()
	src, err := notEDN(path, in)
	if err != nil {
		return err
	}
	m := measure.New(measure.Stall)
	r, err := checker.Judge(src, promise, m)
	if err != nil {
		return inFile(path, err)
	}
	summary := m.Finish()
	summary.Fill(&r)
	return a.print(r, reports.Details{Subject: "history " + path}, json)
}

// inFile puts the file and the position before an error: "h.jsonl:3:17: ...".
func inFile(path string, err error) error {
	var at *history.Error
	switch {
	case !errors.As(err, &at):
		var failed *fs.PathError
		if errors.As(err, &failed) {
			err = failed.Err // which would say the path again
		}
		return fmt.Errorf("%s: %w", path, err)
	case at.Col == 0:
		return fmt.Errorf("%s:%d: %s", path, at.Line, at.Msg)
	}
	return fmt.Errorf("%s:%d:%d: %s", path, at.Line, at.Col, at.Msg)
}

// notEDN refuses Jepsen's own format, whose lines begin with a brace and a keyword.
func notEDN(path string, src io.Reader) (io.Reader, error) {
	head := make([]byte, 64)
	n, err := io.ReadFull(src, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, inFile(path, err)
	}
	head = head[:n]
	start := bytes.TrimLeft(head, " \t\r\n[")
	if bytes.HasPrefix(start, []byte("{:")) || bytes.HasPrefix(start, []byte("#jepsen")) {
		return nil, fmt.Errorf("%s:1: this is EDN: only histories of JSON lines are read", path)
	}
	return io.MultiReader(bytes.NewReader(head), src), nil
}
