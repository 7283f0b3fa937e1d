package log

import (
	"testing"

	"brokersim/broker/log/wire"
)

// Every API that a broker may advertise has a handler, and every handler an API: what
// ApiVersions says and what is done cannot part.
func TestEveryAPIHasAHandler(t *testing.T) {
	for _, cfg := range []BrokerConfig{{}, {Admin: &Admin{Tools: true}}, {Coordinators: true}, {Admin: &Admin{Tools: true}, Coordinators: true}, {Security: &Security{}}, {Admin: &Admin{Tools: true}, Coordinators: true, ShareVersion: 1}, {ShareVersion: 1}, {Admin: &Admin{Tools: true}, Coordinators: true, Security: &Security{}}} {
		list := handlers(&cfg)
		rows := wire.BrokerTable()
		if cfg.Admin != nil {
			rows = rows.With(wire.BrokerAdmin()).With(wire.BrokerTools())
		}
		if cfg.Security != nil {
			rows = rows.With(wire.BrokerSecurity())
		}
		if cfg.Coordinators {
			rows = rows.Replace(wire.BrokerCoordinators())
		}
		if cfg.ShareVersion > 0 && cfg.Coordinators {
			rows = rows.With(wire.BrokerShares())
		}
		table, served := rows, servedBy(&list, &cfg)
		for key := range int16(numAPIs) {
			_, known := table.Find(key)
			_, advertised := served.Find(key)
			if handled := list[key] != nil; handled != known || handled != advertised {
				t.Errorf("API %d with admin %t, coordinators %t: in the table %t, advertised %t, handled %t", key, cfg.Admin != nil, cfg.Coordinators, known, advertised, handled)
			}
		}
	}
}
