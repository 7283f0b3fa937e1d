package gate

import (
	"fmt"
	"strings"
)

// bound is what n runs without a violation show: with 95 % confidence, fewer than
// 3/n of all runs have one (the rule of three). It is rounded up, to two digits.
func bound(n int64) string {
	if n <= 3 {
		return ""
	}
	const unit = 300_000_000_000_000 // 3/n as a percentage, in units of 1e-12
	q := (unit + uint64(n) - 1) / uint64(n)
	step := uint64(1)
	for q/step >= 100 {
		step *= 10
	}
	q = (q + step - 1) / step * step
	text := fmt.Sprintf("%d.%012d", q/1_000_000_000_000, q%1_000_000_000_000)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	return fmt.Sprintf("P(violation) < %s %% per run (95 %%)", text)
}
