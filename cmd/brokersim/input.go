package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strconv"
	"strings"

	"brokersim/broker/near"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// maxInput bounds what is read whole: scenarios, schedules, property files.
const maxInput = 4 << 20

// readFile reads a small file; "-" is stdin.
func (a *app) readFile(path string) ([]byte, error) {
	r, err := a.openInput(path)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return nil, plainPathError(err)
	case len(b) > maxInput:
		return nil, fmt.Errorf("%s: longer than %d bytes", path, maxInput)
	}
	return b, nil
}

// openInput opens a file and remembers it, so that nothing is written over it.
func (a *app) openInput(path string) (io.ReadCloser, error) {
	if path == "-" {
		if a.stdinRead {
			return nil, errors.New("-: stdin can be read only once")
		}
		a.stdinRead = true
		return io.NopCloser(a.stdin), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, plainPathError(err)
	}
	if info, err := f.Stat(); err == nil {
		a.inputs = append(a.inputs, info)
	}
	return f, nil
}

// bareError says "no space left on device" without the path, which the user does
// not know.
func bareError(err error) string {
	var p *fs.PathError
	if errors.As(err, &p) {
		err = p.Err
	}
	return err.Error()
}

// plainPathError says "x.yaml: no such file or directory" without the system call.
func plainPathError(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return fmt.Errorf("%s: %w", p.Path, p.Err)
	}
	return err
}

// seed reads a seed, decimal or 0x.
func seed(s string) (uint64, error) {
	digits, base := s, 10
	if hex, ok := strings.CutPrefix(strings.ToLower(s), "0x"); ok {
		digits, base = hex, 16
	}
	x, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		return 0, fmt.Errorf("--seed %s: want a number from 0 to 18446744073709551615, decimal or 0x...", strconv.Quote(s))
	}
	return x, nil
}

// unknown is the error for a word that is none of the known ones.
func unknown(what, word string, known []string) error {
	return fmt.Errorf("unknown %s %q%s", what, word, near.Suggest(word, slices.Sorted(slices.Values(known))))
}

// flagError explains a wrong flag with the nearest right one.
func flagError(cmd *cobra.Command, err error) error {
	var none *pflag.NotExistError
	if errors.As(err, &none) {
		var known []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		name := none.GetSpecifiedName()
		if meant := near.Words(name, known); len(meant) > 0 {
			return fmt.Errorf("%s has no flag --%s; did you mean --%s?", verb(cmd), name, strings.Join(meant, " or --"))
		}
		return fmt.Errorf("%s has no flag --%s: see %s --help", verb(cmd), name, cmd.CommandPath())
	}
	var bad *pflag.InvalidValueError
	if errors.As(err, &bad) {
		if kind := bad.GetFlag().Value.Type(); strings.HasPrefix(kind, "int") || strings.HasPrefix(kind, "uint") {
			return fmt.Errorf("%s: --%s %s: want a whole number", verb(cmd), bad.GetFlag().Name, strconv.Quote(bad.GetValue()))
		}
	}
	return fmt.Errorf("%s: %w", verb(cmd), err)
}

// repeated is the first word that is there before, empty if there is none.
func repeated(words []string) string {
	for i, w := range words {
		if slices.Contains(words[:i], w) {
			return w
		}
	}
	return ""
}

// verb is a command without the program's name, which begins every error.
func verb(cmd *cobra.Command) string {
	if _, rest, ok := strings.Cut(cmd.CommandPath(), " "); ok {
		return rest
	}
	return cmd.CommandPath()
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, got %q", verb(cmd), args[0])
	}
	return nil
}

// oneArg wants exactly one argument and says what it would be.
func oneArg(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch len(args) {
		case 1:
			return nil
		case 0:
			return fmt.Errorf("%s: want %s; see %s --help", verb(cmd), what, cmd.CommandPath())
		}
		return fmt.Errorf("%s: %q is too much: want one argument, %s", verb(cmd), args[1], what)
	}
}
