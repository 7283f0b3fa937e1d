//go:build !js

package failpoint

import "github.com/pingcap/failpoint"

// registry holds the terms of one node in the library's own registry.
type registry struct {
	points failpoint.Failpoints
}

// enable replaces the terms of a site. When the library refuses, the site keeps
// what it had.
func (r *registry) enable(site Site, text string, _ chain) error {
	return r.points.Enable(site.String(), text)
}

func (r *registry) eval(site Site) (Value, bool) {
	value, err := r.points.Eval(names[site])
	return value, err == nil
}
