package main

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

func redisTests(*env) ([]test, error) {
	return []test{{"ping", redisPing}, {"publish-subscribe", redisPubSub}, {"patterns", redisPatterns}, {"unsubscribe", redisUnsubscribe}, {"introspection", redisIntrospection}}, nil
}

func redisClient(ctx context.Context, e *env) *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: e.servers[0], DisableIdentity: true, MaintNotificationsConfig: nil})
	context.AfterFunc(ctx, func() { c.Close() })
	return c
}

func redisPing(ctx context.Context, e *env) error { return redisClient(ctx, e).Ping(ctx).Err() }

// message is the next message, or an error after a while.
func redisMessage(ctx context.Context, s *redis.PubSub) (*redis.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return s.ReceiveMessage(ctx)
}

func subscribed(ctx context.Context, s *redis.PubSub, n int) error {
	for range n {
		if _, err := s.Receive(ctx); err != nil {
			return err
		}
	}
	return nil
}

func redisPubSub(ctx context.Context, e *env) error {
	c := redisClient(ctx, e)
	one, two := c.Subscribe(ctx, "news"), c.Subscribe(ctx, "news", "more")
	defer one.Close()
	defer two.Close()
	if err := first(subscribed(ctx, one, 1), subscribed(ctx, two, 2)); err != nil {
		return err
	}
	for i := range 100 {
		n, err := c.Publish(ctx, "news", fmt.Sprint(i)).Result()
		if err := first(err, want("receivers", n, 2)); err != nil {
			return err
		}
	}
	for i := range 100 {
		for _, s := range []*redis.PubSub{one, two} {
			m, err := redisMessage(ctx, s)
			if err != nil {
				return err
			}
			if err := want("message", m.Payload, fmt.Sprint(i)); err != nil {
				return err
			}
		}
	}
	n, err := c.Publish(ctx, "nobody", "x").Result()
	return first(err, want("receivers", n, 0))
}

func redisPatterns(ctx context.Context, e *env) error {
	c := redisClient(ctx, e)
	s := c.PSubscribe(ctx, "a.*")
	defer s.Close()
	if err := subscribed(ctx, s, 1); err != nil {
		return err
	}
	if err := first(c.Publish(ctx, "b.x", "no").Err(), c.Publish(ctx, "a.x", "yes").Err()); err != nil {
		return err
	}
	m, err := redisMessage(ctx, s)
	if err != nil {
		return err
	}
	return first(want("message", m.Payload, "yes"), want("channel", m.Channel, "a.x"), want("pattern", m.Pattern, "a.*"))
}

func redisUnsubscribe(ctx context.Context, e *env) error {
	c := redisClient(ctx, e)
	s := c.Subscribe(ctx, "left")
	defer s.Close()
	if err := first(subscribed(ctx, s, 1), s.Unsubscribe(ctx, "left"), subscribed(ctx, s, 1)); err != nil {
		return err
	}
	n, err := c.Publish(ctx, "left", "x").Result()
	return first(err, want("receivers", n, 0))
}

func redisIntrospection(ctx context.Context, e *env) error {
	c := redisClient(ctx, e)
	s := c.Subscribe(ctx, "seen")
	defer s.Close()
	if err := subscribed(ctx, s, 1); err != nil {
		return err
	}
	counts, err := c.PubSubNumSub(ctx, "seen", "unseen").Result()
	return first(err, want("of seen", counts["seen"], 1), want("of unseen", counts["unseen"], 0))
}
