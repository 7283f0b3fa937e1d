package scenario

import (
	"slices"
	"strings"

	"brokersim/broker/log/config"
)

// With returns the case with settings above all that it has, each as --set has
// it: "producer.acks=1"; or another kind of broker, "kind=queue", and how it is used; or
// how many controllers there are, "controllers=3", and what else an [Edit] may say of
// transactions.
// source begins the errors about them.
func (c Case) With(source string, assignments ...string) (Case, error) {
	if len(assignments) == 0 {
		return c, nil
	}
	var settings []string
	for _, a := range assignments {
		if key, value, _ := strings.Cut(a, "="); key == EditControllers || key == EditVersion || key == EditFirstEpoch || slices.Contains(kindKeys(), key) {
			c.Edits = append(c.Edits[:len(c.Edits):len(c.Edits)], Edit{key, value})
		} else {
			settings = append(settings, a)
		}
	}
	if len(settings) == 0 {
		return c, nil
	}
	layer, err := config.Set(source, settings)
	if err != nil {
		return c, err
	}
	c.Layers = append(c.Layers[:len(c.Layers):len(c.Layers)], layer)
	return c, nil
}
