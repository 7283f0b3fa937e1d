package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kfake"
)

// kfakeVariable has this program be kfake, franz-go's broker for tests: the flags of
// brokersim serve that it is to take for its own, one a line.
const kfakeVariable = "CONFORMANCE_KFAKE"

// beKfake serves until its standard input ends. Of the flags it understands how many
// brokers there are, where they listen and what they advertise, and whether they create
// topics; what else is set is kfake's business.
func beKfake(flags []string) int {
	brokers, listen, advertise := 3, "127.0.0.1:0", ""
	opts := []kfake.Opt{kfake.DefaultNumPartitions(1)}
	create := true
	for i := 0; i+1 < len(flags); i++ {
		switch v := flags[i+1]; flags[i] {
		case "--brokers":
			brokers, _ = strconv.Atoi(v)
		case "--listen":
			listen = v
		case "--advertise":
			advertise = v
		case "--data":
			opts = append(opts, kfake.DataDir(v))
		case "--set":
			if v == "broker.auto.create.topics.enable=false" {
				create = false
			}
		}
	}
	if create {
		opts = append(opts, kfake.AllowAutoTopicCreation())
	}
	host, first, err := net.SplitHostPort(listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if port, _ := strconv.Atoi(first); port > 0 {
		var ports []int
		for i := range brokers {
			ports = append(ports, port+i)
		}
		opts = append(opts, kfake.Ports(ports...))
	}
	opts = append(opts, kfake.NumBrokers(brokers), kfake.ListenFn(func(network, address string) (net.Listener, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		l, err := net.Listen(network, net.JoinHostPort(host, port))
		if net.ParseIP(advertise) != nil && err == nil {
			l = advertised{l, advertise}
		}
		return l, err
	}))
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 70
	}
	defer c.Close()
	fmt.Println("bootstrap.servers=" + strings.Join(c.ListenAddrs(), ","))
	_, _ = bufio.NewReader(os.Stdin).ReadString(0)
	return 0
}

// advertised is a listener that says it is on another host.
type advertised struct {
	net.Listener
	host string
}

func (a advertised) Addr() net.Addr {
	x := *a.Listener.Addr().(*net.TCPAddr)
	x.IP = net.ParseIP(a.host)
	return &x
}
