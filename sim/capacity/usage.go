package capacity

// The resources of a node, as results name them.
const (
	cpu       = "cpu"
	diskWrite = "disk write"
)
