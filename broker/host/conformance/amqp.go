package main

import (
	"context"
	"fmt"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

func amqpTests(*env) ([]test, error) {
	return []test{
		{"publish-confirm-consume-ack", amqpWork}, {"redelivery", amqpRedelivery}, {"fanout", amqpFanout}, {"get-and-purge", amqpGet}, {"refusals", amqpRefusals},
	}, nil
}

// channel is a channel on a connection that ends with its context.
func amqpChannel(ctx context.Context, e *env) (*amqp.Channel, error) {
	c, err := amqp.Dial("amqp://guest:guest@" + e.servers[0] + "/")
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { c.Close() })
	return c.Channel()
}

// next is the next delivery.
func next(ctx context.Context, from <-chan amqp.Delivery) (amqp.Delivery, error) {
	select {
	case d, ok := <-from:
		if !ok {
			return d, fmt.Errorf("the deliveries have ended")
		}
		return d, nil
	case <-time.After(5 * time.Second):
		return amqp.Delivery{}, fmt.Errorf("no delivery")
	case <-ctx.Done():
		return amqp.Delivery{}, ctx.Err()
	}
}

func amqpPublish(ctx context.Context, ch *amqp.Channel, exchange, key, body string) error {
	c, err := ch.PublishWithDeferredConfirmWithContext(ctx, exchange, key, false, false, amqp.Publishing{Body: []byte(body), DeliveryMode: amqp.Persistent})
	if err != nil {
		return err
	}
	acked, err := c.WaitContext(ctx)
	return first(err, want("confirmed", acked, true))
}

func amqpWork(ctx context.Context, e *env) error {
	ch, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	if _, err := ch.QueueDeclare("work", true, false, false, false, nil); err != nil {
		return err
	}
	if err := first(ch.Confirm(false), ch.Qos(10, 0, false)); err != nil {
		return err
	}
	for i := range 200 {
		if err := amqpPublish(ctx, ch, "", "work", fmt.Sprint(i)); err != nil {
			return err
		}
	}
	from, err := ch.Consume("work", "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for i := range 200 {
		d, err := next(ctx, from)
		if err := first(err, want("body", string(d.Body), fmt.Sprint(i)), d.Ack(false)); err != nil {
			return err
		}
	}
	return nil
}

// amqpRedelivery: what is not settled when its channel ends comes again.
func amqpRedelivery(ctx context.Context, e *env) error {
	ch, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	if _, err := ch.QueueDeclare("again", true, false, false, false, nil); err != nil {
		return err
	}
	if err := first(ch.Confirm(false), amqpPublish(ctx, ch, "", "again", "x")); err != nil {
		return err
	}
	other, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	from, err := other.Consume("again", "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	if d, err := next(ctx, from); err != nil || d.Redelivered {
		return fmt.Errorf("redelivered %t, %w", d.Redelivered, orNone(err))
	}
	if err := other.Close(); err != nil {
		return err
	}
	from, err = ch.Consume("again", "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	d, err := next(ctx, from)
	return first(err, want("redelivered", d.Redelivered, true), d.Ack(false))
}

func amqpFanout(ctx context.Context, e *env) error {
	ch, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	if err := first(ch.ExchangeDeclare("all", "fanout", true, false, false, false, nil), ch.Confirm(false)); err != nil {
		return err
	}
	var from []<-chan amqp.Delivery
	for range 2 {
		q, err := ch.QueueDeclare("", false, true, true, false, nil)
		if err := first(err, ch.QueueBind(q.Name, "", "all", false, nil)); err != nil {
			return err
		}
		d, err := ch.Consume(q.Name, "", true, true, false, false, nil)
		if err != nil {
			return err
		}
		from = append(from, d)
	}
	if err := amqpPublish(ctx, ch, "all", "", "x"); err != nil {
		return err
	}
	for _, f := range from {
		d, err := next(ctx, f)
		if err := first(err, want("body", string(d.Body), "x")); err != nil {
			return err
		}
	}
	return nil
}

func amqpGet(ctx context.Context, e *env) error {
	ch, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	if _, err := ch.QueueDeclare("get", true, false, false, false, nil); err != nil {
		return err
	}
	if err := first(ch.Confirm(false), amqpPublish(ctx, ch, "", "get", "a"), amqpPublish(ctx, ch, "", "get", "b"), amqpPublish(ctx, ch, "", "get", "c")); err != nil {
		return err
	}
	d, ok, err := ch.Get("get", true)
	if err := first(err, want("there", ok, true), want("body", string(d.Body), "a"), want("left", d.MessageCount, 2)); err != nil {
		return err
	}
	n, err := ch.QueuePurge("get", false)
	if err := first(err, want("purged", n, 2)); err != nil {
		return err
	}
	_, ok, err = ch.Get("get", true)
	return first(err, want("there", ok, false))
}

func amqpRefusals(ctx context.Context, e *env) error {
	ch, err := amqpChannel(ctx, e)
	if err != nil {
		return err
	}
	_, err = ch.QueueDeclarePassive("nowhere", true, false, false, false, nil)
	code, ok := err.(*amqp.Error)
	if !ok || code.Code != amqp.NotFound {
		return fmt.Errorf("a queue that is not there: %w", orNone(err))
	}
	_, err = amqp.Dial("amqp://guest:wrong@" + e.servers[0] + "/")
	if err == nil {
		return fmt.Errorf("a wrong password is taken")
	}
	return nil
}
