package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"brokersim/sim/gate"

	"github.com/spf13/cobra"
)

func (a *app) mergeVerb() *cobra.Command {
	f := &checkOutputs{}
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Put the shards of a check together",
		Long: `Reads what brokersim check --shard has written, in directories or as files, and says what
one check of everything would have said, with a table of the shards. Shards of different
programs, scenarios, settings or seeds are refused. A shard that is missing or was cut
short makes it inconclusive, unless another has found a failure.

--out writes of each failure what the shards know: its result, how to repeat it, and how
it came about if that was explained. brokersim repro DIR --out makes the rest.`,
		Example: `  brokersim check --shard 1/2 --out a; brokersim check --shard 2/2 --out b
  brokersim merge a b --junit junit.xml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("merge: want the directories of shards; see brokersim merge --help")
			}
			if err := filled(cmd, "out", "junit"); err != nil {
				return err
			}
			return a.merge(args, f)
		},
	}
	cmd.Flags().SortFlags = false
	f.outputFlags(cmd, "what is known of each failure")
	return cmd
}

func (a *app) merge(args []string, f *checkOutputs) error {
	if err := f.check(); err != nil {
		return err
	}
	var shards []gate.ShardFile
	for _, arg := range args {
		paths, err := shardFiles(arg)
		if err != nil {
			return err
		}
		for _, path := range paths {
			r, err := a.openInput(path)
			if err != nil {
				return err
			}
			defer r.Close()
			shards = append(shards, gate.ShardFile{Name: path, Reader: io.Reader(r)})
		}
	}
	r, err := gate.Merge(shards)
	if err != nil {
		return err
	}
	return a.printCheck(f, r, nil, bundleKnown)
}

// shardFiles are the files of shards in a directory, or the file itself.
func shardFiles(arg string) ([]string, error) {
	info, err := os.Stat(arg)
	switch {
	case err != nil:
		return nil, plainPathError(err)
	case !info.IsDir():
		return []string{arg}, nil
	}
	entries, err := os.ReadDir(arg)
	if err != nil {
		return nil, plainPathError(err)
	}
	var paths []string
	for _, e := range entries {
		if match, _ := filepath.Match("shard-*-of-*.jsonl", e.Name()); match {
			paths = append(paths, filepath.Join(arg, e.Name()))
		}
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("%s: there is no shard in it", arg)
	}
	return slices.Sorted(slices.Values(paths)), nil
}
