package capacity

import (
	"fmt"
	"strings"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

// varied are the parameters whose influence is measured, a fifth below and above what
// the sheets say.
var varied = []profile.Field{
	profile.BrokerBytes, profile.BrokerRequest, profile.BrokerPartition, profile.NICBaseline, profile.DiskWrite, profile.GCMedian,
}

// variation is a parameter and the values that are tried.
type variation struct {
	name        profile.Field
	minus, plus string
}

// variations are those of the parameters that are known, and can be varied.
func (s *Study) variations() (list []variation) {
	for _, f := range varied {
		if f == profile.GCMedian && s.NoInterference {
			continue
		}
		v := s.value(f)
		if !v.Known || v.Number == 0 {
			continue
		}
		millionths := v.Number.Times(1_000_000)
		x := variation{f, decimal(millionths * 8 / 10), decimal(millionths * 12 / 10)}
		for _, value := range []string{x.minus, x.plus} {
			if _, err := s.With(string(f) + "=" + value); err != nil {
				x.name = "" // beyond what the sheet allows
			}
		}
		if x.name != "" {
			list = append(list, x)
		}
	}
	return list
}

// value is that of a field of whichever sheet has it.
func (s *Study) value(f profile.Field) profile.Value {
	for _, x := range s.Hardware.Fields() {
		if x == f {
			return s.Hardware.Get(f)
		}
	}
	return s.Costs.Get(f)
}

// decimal writes millionths.
func decimal(millionths int64) string {
	text := fmt.Sprintf("%d.%06d", millionths/1_000_000, millionths%1_000_000)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// varyLadders look for the largest rate under each value, in steps of 2 % from the
// answer of the same seed, as fine as the search. The roofline says where to look first. Each has two
// runs; all together have what is left of the study's.
func (p *Plan) varyLadders() (list []*ladder) {
	for _, v := range p.study.variations() {
		for _, value := range []string{v.minus, v.plus} {
			x := p.explore(0)
			x.Set = []string{string(v.name) + "=" + value}
			l := newLadder(x, p.ladders[0].answers()[0].value, varyStep, varyMost, p.study.Seeds[:1])
			l.hint, l.left = p.study.hint(x.Set), &p.left
			list = append(list, l)
			p.left -= needed
		}
	}
	return list
}

// Steps of the ladders of parameters, in thousandths, and how many there are to either
// side: somewhat more than a fifth, by which the parameters are varied.
const (
	varyStep = 20
	varyMost = 12
)

// hint is where the answer is thought to be with settings: as many steps from that
// without as the roofline moves.
func (s *Study) hint(sets []string) int {
	x, err := s.With(sets...)
	if err != nil {
		return 0 // it will not be run either
	}
	before, _ := s.roofline(0)
	after, _ := x.roofline(0)
	if before == 0 {
		return 0
	}
	return int(min(max((after-before)*1000/before/varyStep, -varyMost), varyMost))
}

// sensitivity is what the ladders came to. The p99 are those at the answer.
func (s *Study) sensitivity(ladders []*ladder) (list []result.Sensitivity) {
	for i, v := range s.variations() {
		minus, plus := ladders[2*i], ladders[2*i+1]
		list = append(list, result.Sensitivity{
			Parameter: string(v.name), Base: minus.base, Minus: v.minus, Plus: v.plus, RateMinus: minus.answers()[0].value, RatePlus: plus.answers()[0].value,
			OpenMinus: minus.open(0), OpenPlus: plus.open(0),
			P99Minus: s.judged(&minus.found[0].Point).P99, P99Plus: s.judged(&plus.found[0].Point).P99,
		})
	}
	return list
}
