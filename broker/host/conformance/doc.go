// Command conformance runs clients that others have written against brokersim serve.
//
//	go run .                       the quick tier: what CI runs, a few minutes
//	go run . -tier all             everything
//	go run . -suite kcat,kgo       these suites only
//	go run . -update               rewrite expected.txt with what came out
//	go run . -against kfake        the same clients meet kfake, for comparison
//	go run . -keep DIR             keep what was fetched and built, and what failing tests said
//
// It builds brokersim, boots a cluster for each suite, and runs the suite's tests one by
// one with a time limit each. Every result is a line: suite, test, pass, skip or fail,
// and milliseconds; with -out FILE also JSON. expected.txt says what is to come out:
// tests that are not in it pass; a known failure or a skip is in it with its reason. A
// test that fails and should not, and one that passes and should not, both end in exit
// code 1. A suite whose program or package cannot be had is skipped with a line.
//
// Programs and packages of others come from their registries when they are needed:
// kcat from the system's packages, kafkajs and librdkafka from npm, Apache Kafka from Maven
// Central, Go modules from the proxy. None of their code is in this repository.
//
// It is a module of its own, so that the clients are no dependency of the broker.
package main
