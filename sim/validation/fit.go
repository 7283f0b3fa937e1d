package validation

import (
	"fmt"
	"math/big"
	"slices"

	"brokersim/checker/result"
	"brokersim/sim/profile"
)

// fitting is one fit: of all combinations of values the one whose worst figure is the
// least off, as a share of what its gate allows, and of equals the one that is the
// least off over all figures. Tails take no part.
type fitting struct {
	parameters []parameter
	rows       []string
}

type parameter struct {
	field  profile.Field
	unit   string
	values []string
}

// fittings are in the order in which they are made. What a wire takes is remembered
// and was not measured; what is fitted beside it is the rest of the model's floor of
// latency, that of operating systems, virtual machines and threads: there and back,
// and in a reader that waits.
func fittings() []fitting {
	return []fitting{
		// One value, chosen by hand; its error is measured. The row's limit is its
		// disks, so that less would do as well.
		{[]parameter{{profile.BrokerBytes, "ms/MiB", []string{"0.4"}}}, []string{"S2-kafka-peak"}},
		{[]parameter{
			{profile.SoftwareRTT, "ms", []string{"0.35", "0.45"}},
			{profile.ConsumerWake, "us", []string{"700", "900"}},
		}, []string{"S2-kafka-200k"}},
		{[]parameter{{profile.ProducerRecord, "us", []string{"1.06", "1.12", "1.18"}}}, []string{"S1-1p-rf1", "S1-size-10", "S1-size-100000"}},
		{[]parameter{{profile.ConsumerRecord, "us", []string{"0.6", "0.8", "1"}}}, []string{"S1-1c"}},
	}
}

// score is how far a combination is off: the worst share of a gate, the sum of all
// shares, and the largest error in thousandths.
type score struct {
	worst, sum *big.Rat
	errorMil   int64
}

func (s *score) better(than *score) bool {
	if c := s.worst.Cmp(than.worst); c != 0 {
		return c < 0
	}
	return s.sum.Cmp(than.sum) < 0
}

// fit tries all combinations, sets the best one in the costs, and says what it is.
func (f *fitting) fit(costs *profile.Sheet) ([]result.Fitted, error) {
	var best *score
	var found *profile.Sheet
	err := f.combine(costs, f.parameters, func(with *profile.Sheet) error {
		s, err := f.score(with)
		if err == nil && (best == nil || s.better(best)) {
			best, found = s, with
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	var list []result.Fitted
	for _, p := range f.parameters {
		value := found.Get(p.field).Number.String()
		if err := costs.Set(string(p.field), value); err != nil {
			return nil, err
		}
		list = append(list, result.Fitted{Parameter: string(p.field), Value: value + " " + p.unit, Rows: f.rows, ErrorMil: best.errorMil})
	}
	return list, nil
}

// combine visits the costs with every combination of values.
func (f *fitting) combine(costs *profile.Sheet, left []parameter, visit func(*profile.Sheet) error) error {
	if len(left) == 0 {
		return visit(costs)
	}
	for _, value := range left[0].values {
		with := costs.Clone()
		if err := with.Set(string(left[0].field), value); err != nil {
			return fmt.Errorf("%s %s: %w", left[0].field, value, err)
		}
		if err := f.combine(with, left[1:], visit); err != nil {
			return err
		}
	}
	return nil
}

func (f *fitting) score(costs *profile.Sheet) (*score, error) {
	s := &score{worst: new(big.Rat), sum: new(big.Rat)}
	for _, c := range cases() {
		if !slices.Contains(f.rows, c.study.Name) {
			continue
		}
		c.study.Costs = costs
		point, err := c.do()
		if err != nil {
			return nil, err
		}
		for _, x := range c.figures {
			if x.Gate == tail || x.Gate == reported {
				continue
			}
			off := deviation(x.of(point), rows().row(x.Row).measured(x.Path))
			off.Abs(off)
			s.errorMil = max(s.errorMil, thousandths(off))
			share := off.Quo(off, big.NewRat(x.Gate.Mil, 1000))
			s.sum.Add(s.sum, share)
			if share.Cmp(s.worst) > 0 {
				s.worst = share
			}
		}
	}
	return s, nil
}
