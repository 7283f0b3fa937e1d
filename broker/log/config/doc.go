// Package config is Kafka's configuration: the names that Kafka has, their
// types, defaults and bounds, and the settings of brokers, topics, producers and
// consumers made of them.
package config
