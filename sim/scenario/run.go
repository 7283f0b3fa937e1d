package scenario

import "brokersim/checker/result"

// Run makes one run. It is pure: the same case gives the same result.
func Run(c Case) result.Result { return result.Result{} }
