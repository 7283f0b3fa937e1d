package quorum

// SnapshotID names a snapshot: it holds what the records below EndOffset come to, the
// last of which is of Epoch (KIP-630). The zero value is that of nothing.
type SnapshotID struct {
	EndOffset int64
	Epoch     int32
}
