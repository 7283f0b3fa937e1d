package scenario

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"strings"
)

// Core is the generation of the simulator: it is raised whenever the scenario
// goldens move, so that a repro string of another core is known to mean another
// run.
const Core = 1

// repro is the string that names one run:
//
//	bs1:<scenario>:<seed>[:k=v,..][:~<schedule>]@<core>.<first 8 digits of the trace hash>
//
// The schedule, if the case replaces the scenario's, is deflated base64url.
func (p *plan) repro(hash uint64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "bs1:%s:%#x", p.Spec.Name, p.Seed)
	var set []string
	for _, l := range p.Layers {
		for _, e := range l.Entries {
			set = append(set, e.Key+"="+e.Value)
		}
	}
	for _, site := range p.bugs {
		set = append(set, "plant="+site.String())
	}
	for _, name := range p.Promise {
		set = append(set, "promise="+name)
	}
	if len(set) > 0 {
		b.WriteString(":" + strings.Join(set, ","))
	}
	if p.Faults != nil {
		b.WriteString(":~" + deflate(*p.Faults))
	}
	fmt.Fprintf(&b, "@%d.%08x", Core, hash>>32)
	return b.String()
}

func deflate(text string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic(err) // a buffer takes everything
	}
	return base64.RawURLEncoding.EncodeToString(b.Bytes())
}
