package failpoint

// registry holds the terms of one node. On js the library, which links net/http,
// stays out.
type registry struct {
	chains [numSites]chain
}

// enable replaces the terms of a site.
func (r *registry) enable(site Site, _ string, terms chain) error {
	r.chains[site] = terms
	return nil
}

func (r *registry) eval(site Site) (Value, bool) { return r.chains[site].eval() }
