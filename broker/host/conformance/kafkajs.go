package main

import _ "embed"

//go:embed kafkajs.js
var kafkaJSScript string

var kafkaJSPrepare, kafkaJSTests = nodeScript(kafkaJSScript, "kafkajs@2.2.4")
