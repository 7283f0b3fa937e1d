package linear

// RegisterOp is an operation on what is committed of one partition by one group: a commit, or
// a fetch of it. Commits that certainly failed are none.
type RegisterOp struct {
	Span
	Commit bool
	Tag    int64 // unique to a commit; of a fetch, the one that it has read, or 0: nothing is committed
}

// CheckRegister decides whether a committed offset is linearizable, in at most budget steps;
// 0 means without bound.
func CheckRegister(ops []RegisterOp, budget int) Answer {
	read := map[int64]bool{}
	for i := range ops {
		if !ops[i].Commit {
			read[ops[i].Tag] = true
		}
	}
	var list []RegisterOp
	for _, o := range ops {
		switch {
		case o.Commit && o.Return == Unknown && !read[o.Tag]: // it may as well never have been
		case !o.Commit && o.Return == Unknown: // it says nothing
		default:
			list = append(list, o)
		}
	}
	return decide(object[int64, RegisterOp]{
		step: func(tag int64, o *RegisterOp) (int64, bool) {
			if o.Commit {
				return o.Tag, true
			}
			return tag, o.Tag == tag
		},
		equal: func(a, b int64) bool { return a == b },
		hash:  func(a int64) uint64 { return mix(0, uint64(a)) },
	}, list, func(o *RegisterOp) Span { return o.Span }, budget)
}
