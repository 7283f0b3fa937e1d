// Package wire is AMQP 0-9-1 as bytes: frames, methods, content headers and field
// tables, as the specification of 2008 (amqp0-9-1.pdf) and RabbitMQ's extensions and
// errata (rabbitmq.com/docs/specification, rabbitmq.com/amqp-0-9-1-errata) have them.
// The numbers of sections in comments are those of the specification.
//
// The codec is our own: rabbitmq/amqp091-go, the library that applications use, keeps
// its frames to itself and runs goroutines around them.
//
// The journey of a published message. [AppendMethod] gives the bytes of basic.publish,
// [Content] those of its header and body frames around the body's own bytes, which are
// not copied. The receiving end takes frames off with [Next] and gives each to the
// [Assembler] of its channel, until that has a whole [Command].
//
//	frame.go      protocol header, frames, splitting a stream (4.2.2, 4.2.3)
//	coder.go      one description of a structure, for both directions
//	table.go      field tables and their values (4.2.5.5)
//	methods.go    the methods that are served, and their numbers (1.3)
//	properties.go the content header of class basic (4.2.6.1)
//	command.go    methods with content, whole: assembled and taken apart
//	codes.go      reply codes (1.1)
//	ident.go      what a frame is about, for faults and draws
//
// Non-obvious: a Send of the machine port may carry several frames, such as a method
// with its content, so that a message is one event; a TCP listener splits the same
// bytes frame by frame. Nothing here may depend on which it was.
package wire
