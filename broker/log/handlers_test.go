package log

import (
	"testing"

	"brokersim/broker/log/wire"
)

// Every API that a broker may advertise has a handler, and every handler an API: what
// ApiVersions says and what is done cannot part.
func TestEveryAPIHasAHandler(t *testing.T) {
	for _, admin := range []bool{false, true} {
		list := handlers(admin)
		table, served := wire.BrokerTable(), servedBy(&list)
		if admin {
			table = table.With(wire.BrokerAdmin())
		}
		for key := range int16(numAPIs) {
			_, known := table.Find(key)
			_, advertised := served.Find(key)
			if handled := list[key] != nil; handled != known || handled != advertised {
				t.Errorf("API %d with admin %t: in the table %t, advertised %t, handled %t", key, admin, known, advertised, handled)
			}
		}
	}
}
