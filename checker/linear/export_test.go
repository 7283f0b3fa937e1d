package linear

// SmallView is View with a window so small that most is left out.
func (c *Collector) SmallView(property string, witness []string) (*View, bool) {
	return c.view(property, witness, window{margin: 1, most: 2, mostEnds: 3})
}
