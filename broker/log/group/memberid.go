package group

import (
	"fmt"

	"brokersim/broker/machine"
)

// uuid is drawn from what it identifies: the seed, the group, and which of its members.
func uuid(seed uint64, group string, born, n uint64) string {
	d := machine.NewDraw(seed, "member id").Of(group).With(born).With(n)
	hi, lo := d.Uint64(), d.With(1).Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", hi>>32, hi>>16&0xffff, hi&0xfff, lo>>48&0x3fff|0x8000, lo&(1<<48-1))
}
