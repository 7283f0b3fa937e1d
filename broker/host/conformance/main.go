package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// result is what came out of one test.
type result struct {
	Suite  string `json:"suite"`
	Test   string `json:"test"`
	Result string `json:"result"` // pass, skip or fail
	Millis int64  `json:"ms"`
	Why    string `json:"why,omitempty"`
}

const (
	pass = "pass"
	skip = "skip"
	fail = "fail"
)

func main() {
	if addr := os.Getenv(dockerVariable); addr != "" {
		os.Exit(beDocker(addr, os.Args[1:]))
	}
	if flags := os.Getenv(kfakeVariable); flags != "" {
		os.Exit(beKfake(strings.Split(flags, "\n")))
	}
	tier := flag.String("tier", "quick", "run the suites of `TIER`: quick or all")
	atOnce := flag.Int("j", 1, "run `N` suites at once")
	only := flag.String("suite", "", "run only these suites, by `NAME,...`")
	test := flag.String("test", "", "run only tests whose name contains `TEXT`")
	out := flag.String("out", "", "write all results to `FILE` as JSON")
	against := flag.String("against", "brokersim", "have the clients meet `BROKER`: brokersim, or kfake for comparison, which nothing is expected of")
	keep := flag.String("keep", "", "keep what was fetched and built in `DIR`, for the next time")
	update := flag.Bool("update", false, "rewrite expected.txt with what came out, keeping reasons")
	verbose := flag.Bool("v", false, "show what brokers and clients print")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen, err := choose(*tier, *only)
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(2)
	}
	if *against != "brokersim" && *against != "kfake" {
		fmt.Fprintf(os.Stderr, "conformance: unknown broker %q; there are brokersim and kfake\n", *against)
		os.Exit(2)
	}
	r := &runner{ctx: ctx, only: *test, verbose: *verbose, keep: *keep, beside: *against == "kfake", quick: *tier == "quick" && *only == ""}
	defer r.close()
	if err := r.prepare(); err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		os.Exit(70)
	}
	r.all(chosen, *atOnce)
	code := report(r, *update)
	if *out != "" {
		if err := writeJSON(*out, r.results); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			code = 70
		}
	}
	r.close()
	os.Exit(code)
}

// choose is the suites of a tier, or those that are named.
func choose(tier, only string) ([]suite, error) {
	var names, chosen []string
	var list []suite
	if only != "" {
		chosen = strings.Split(only, ",")
	}
	for _, s := range suites {
		names = append(names, s.name)
		if only == "" && (tier == "all" || s.quick) || slices.Contains(chosen, s.name) {
			list = append(list, s)
		}
	}
	for _, c := range chosen {
		if !slices.Contains(names, c) {
			return nil, fmt.Errorf("unknown suite %q; there are %s", c, strings.Join(names, ", "))
		}
	}
	if tier != "quick" && tier != "all" {
		return nil, fmt.Errorf("unknown tier %q; there are quick and all", tier)
	}
	return list, nil
}

// report compares with what was expected and prints the table. It returns the exit code.
func report(r *runner, update bool) int {
	expected, err := readExpected()
	if err != nil {
		fmt.Fprintln(os.Stderr, "conformance:", err)
		return 2
	}
	if update && !r.beside {
		if err := expected.update(r.results); err != nil {
			fmt.Fprintln(os.Stderr, "conformance:", err)
			return 70
		}
	}
	var wrong []string
	for _, x := range r.results {
		if why := expected.judge(x); why != "" && !r.beside {
			wrong = append(wrong, why)
		}
	}
	fmt.Println()
	fmt.Printf("%-18s %6s %6s %6s %6s %8s\n", "suite", "tests", "pass", "skip", "fail", "s")
	for _, s := range r.ran {
		var n, passed, skipped, failed int
		var ms int64
		for _, x := range r.results {
			if x.Suite != s {
				continue
			}
			n, ms = n+1, ms+x.Millis
			switch x.Result {
			case pass:
				passed++
			case skip:
				skipped++
			case fail:
				failed++
			}
		}
		fmt.Printf("%-18s %6d %6d %6d %6d %8.1f\n", s, n, passed, skipped, failed, float64(ms)/1000)
	}
	for _, w := range wrong {
		fmt.Println("WRONG", w)
	}
	if len(wrong) > 0 {
		return 1
	}
	return 0
}

func writeJSON(path string, results []result) error {
	b, err := json.MarshalIndent(results, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}

// limit is the time that one test may take, unless its suite says otherwise.
const limit = 60 * time.Second
