package result

// Overall is the verdict on a run: broken if any finding is, else unknown if
// any is, else kept if any property was really looked at and held. A run of
// only vacuous findings, or of none, is vacuous.
func Overall(findings []Finding) Verdict {
	v := Vacuous
	for i := range findings {
		switch findings[i].Outcome {
		case Broken:
			return Broken
		case Unknown:
			v = Unknown
		case Kept:
			if v == Vacuous {
				v = Kept
			}
		}
	}
	return v
}

// Exit is the exit code that a verdict alone asks for.
func (v Verdict) Exit() int {
	switch v {
	case Kept:
		return ExitKept
	case Broken:
		return ExitBroken
	}
	return ExitInconclusive
}
