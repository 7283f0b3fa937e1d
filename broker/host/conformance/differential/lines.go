package differential

import (
	"context"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// lines are connections that stay open, by name: one to each side.
type lines map[string]*[2]*session

// hangUp closes some, if they are open.
func (l lines) hangUp(names ...string) {
	for _, name := range names {
		if open := l[name]; open != nil {
			for _, c := range open {
				if c != nil {
					c.Close()
				}
			}
		}
		delete(l, name)
	}
}

// by asks both sides in one version, each on the connection of a name.
func (d *dialogue) by(line string, key kmsg.Key, version int16, name string, b build) (resps [2]kmsg.Response) {
	if d.lines[line] == nil {
		d.lines[line] = new([2]*session)
	}
	open := d.lines[line]
	var got [2]*fields
	for i, s := range d.sides {
		req := b(s, version)
		req.SetVersion(version)
		resp, err := s.askOn(d.ctx, &open[i], req)
		resps[i], got[i] = resp, s.fields(resp, err)
	}
	d.compare(Difference{Asked: key.Name(), Version: version, Name: name}, got)
	return resps
}

// askOn is one request on a connection, which is opened if it is not.
func (s *side) askOn(ctx context.Context, c **session, req kmsg.Request) (resp kmsg.Response, err error) {
	if *c == nil {
		if *c, err = s.dial(ctx); err != nil {
			return nil, err
		}
	}
	_ = (*c).SetDeadline(time.Now().Add(patience))
	if resp, err = (*c).ask(req); err != nil {
		(*c).Close()
		*c = nil
	}
	return resp, err
}
