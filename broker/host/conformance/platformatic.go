package main

import _ "embed"

//go:embed platformatic.js
var platformaticScript string

// Version 1.35 is the last that runs on the oldest node that it names, 20.
var platformaticPrepare, platformaticTests = nodeScript(platformaticScript, "@platformatic/kafka@1.35.0")
