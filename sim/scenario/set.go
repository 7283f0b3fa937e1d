package scenario

import "brokersim/broker/log/config"

// With returns the case with settings above all that it has, each as --set has
// it: "producer.acks=1". source begins the errors about them.
func (c Case) With(source string, assignments ...string) (Case, error) {
	if len(assignments) == 0 {
		return c, nil
	}
	layer, err := config.Set(source, assignments)
	if err != nil {
		return c, err
	}
	c.Layers = append(c.Layers[:len(c.Layers):len(c.Layers)], layer)
	return c, nil
}
