# The tests of the clients for Python: python.py CLIENT --list, or python.py CLIENT BROKERS
# TEST, which prints ok or what is wrong. What a client cannot do has no test of its own.
import asyncio
import os
import sys
import threading
import time
import traceback


class KafkaPython:
    codecs = [None, 'gzip']
    strategies = ['range', 'roundrobin', 'sticky', 'cooperative-sticky']

    def __init__(self, brokers):
        import kafka
        self.k, self.brokers = kafka, brokers
        self.errors = kafka.errors.KafkaError

    def create(self, topic, partitions):
        admin = self.k.KafkaAdminClient(bootstrap_servers=self.brokers)
        admin.create_topics({topic: {'num_partitions': partitions, 'replication_factor': 3}}, wait_for_metadata=True)
        admin.close()

    def groups(self):
        admin = self.k.KafkaAdminClient(bootstrap_servers=self.brokers)
        try:
            return [g['group_id'] for g in admin.list_groups()]
        finally:
            admin.close()

    def producer(self, codec=None, txn=None):
        p = self.k.KafkaProducer(bootstrap_servers=self.brokers, compression_type=codec, transactional_id=txn)
        if txn:
            p.init_transactions()
        return KafkaPythonProducer(self.k, p)

    def consumer(self, *args, **options):
        return KafkaPythonConsumer(self.k, self.brokers, *args, **options)


class KafkaPythonProducer:
    def __init__(self, k, p):
        self.k, self.p = k, p
        self.begin, self.commit, self.abort, self.close = p.begin_transaction, p.commit_transaction, p.abort_transaction, p.close

    def send(self, topic, values, partitions):
        waits = [self.p.send(topic, v, partition=i % partitions) for i, v in enumerate(values)]
        return [w.get(30).offset for w in waits]

    def offsets(self, consumer, topic, offsets):
        at = {self.k.TopicPartition(topic, p): self.k.OffsetAndMetadata(o, '', -1) for p, o in offsets.items()}
        self.p.send_offsets_to_transaction(at, consumer.c.group_metadata())


class KafkaPythonConsumer:
    def __init__(self, k, brokers, topic, group, strategy='range', instance=None, committed=False, auto=True):
        from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
        from kafka.coordinator.assignors.range import RangePartitionAssignor
        from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
        from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
        assignors = {'range': RangePartitionAssignor, 'roundrobin': RoundRobinPartitionAssignor, 'sticky': StickyPartitionAssignor, 'cooperative-sticky': CooperativeStickyAssignor}
        self.k, self.topic, self.revoked = k, topic, 0
        self.c = k.KafkaConsumer(bootstrap_servers=brokers, group_id=group, group_instance_id=instance, enable_auto_commit=auto, auto_offset_reset='earliest',
                                 isolation_level='read_committed' if committed else 'read_uncommitted', partition_assignment_strategy=[assignors[strategy]],
                                 session_timeout_ms=10000, heartbeat_interval_ms=500, fetch_max_wait_ms=100)
        consumer = self

        class Listener(k.ConsumerRebalanceListener):
            def on_partitions_revoked(self, revoked):
                consumer.revoked += len(revoked)

            def on_partitions_assigned(self, assigned):
                pass
        self.c.subscribe([topic], listener=Listener())

    def poll(self):
        return [r.value for list in self.c.poll(timeout_ms=100).values() for r in list]

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def commit(self, partition, offset):
        self.c.commit({self.k.TopicPartition(self.topic, partition): self.k.OffsetAndMetadata(offset, 'why', -1)})

    def committed(self, partition):
        return self.c.committed(self.k.TopicPartition(self.topic, partition))

    def close(self):
        self.c.close()


class AIOKafka:
    codecs = [None, 'gzip']
    strategies = ['range', 'roundrobin', 'sticky']

    def __init__(self, brokers):
        import aiokafka
        self.k, self.brokers = aiokafka, brokers
        self.errors = aiokafka.errors.KafkaError
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    def do(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(60)

    def create(self, topic, partitions):
        from aiokafka.admin import AIOKafkaAdminClient, NewTopic

        async def f():
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
            await admin.start()
            await admin.create_topics([NewTopic(topic, partitions, 3)])
            await admin.close()
        self.do(f())

    def groups(self):
        from aiokafka.admin import AIOKafkaAdminClient

        async def f():
            admin = AIOKafkaAdminClient(bootstrap_servers=self.brokers)
            await admin.start()
            try:
                return [g[0] for g in await admin.list_consumer_groups()]
            finally:
                await admin.close()
        return self.do(f())

    def producer(self, codec=None, txn=None):
        async def f():
            p = self.k.AIOKafkaProducer(bootstrap_servers=self.brokers, compression_type=codec, transactional_id=txn, enable_idempotence=True)
            await p.start()
            return p
        return AIOKafkaProducer(self, self.do(f()))

    def consumer(self, *args, **options):
        return AIOKafkaConsumer(self, *args, **options)


class AIOKafkaProducer:
    def __init__(self, client, p):
        self.k, self.p, self.do = client.k, p, client.do

    def begin(self): self.do(self.p.begin_transaction())
    def commit(self): self.do(self.p.commit_transaction())
    def abort(self): self.do(self.p.abort_transaction())
    def close(self): self.do(self.p.stop())

    def send(self, topic, values, partitions):
        async def f():
            waits = [await self.p.send(topic, v, partition=i % partitions) for i, v in enumerate(values)]
            return [(await w).offset for w in waits]
        return self.do(f())

    def offsets(self, consumer, topic, offsets):
        self.do(self.p.send_offsets_to_transaction({self.k.TopicPartition(topic, p): o for p, o in offsets.items()}, consumer.group))


class AIOKafkaConsumer:
    def __init__(self, client, topic, group, strategy='range', instance=None, committed=False, auto=True):
        from aiokafka.coordinator.assignors.range import RangePartitionAssignor
        from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
        from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
        assignors = {'range': RangePartitionAssignor, 'roundrobin': RoundRobinPartitionAssignor, 'sticky': StickyPartitionAssignor}
        self.k, self.do, self.topic, self.group, self.revoked = client.k, client.do, topic, group, 0
        consumer = self

        class Listener(client.k.ConsumerRebalanceListener):
            def on_partitions_revoked(self, revoked):
                consumer.revoked += len(revoked)

            def on_partitions_assigned(self, assigned):
                pass

        async def f():
            c = self.k.AIOKafkaConsumer(bootstrap_servers=client.brokers, group_id=group, group_instance_id=instance, enable_auto_commit=auto, auto_offset_reset='earliest',
                                        isolation_level='read_committed' if committed else 'read_uncommitted', partition_assignment_strategy=[assignors[strategy]],
                                        session_timeout_ms=10000, heartbeat_interval_ms=500, fetch_max_wait_ms=100)
            c.subscribe([topic], listener=Listener())
            await c.start()
            return c
        self.c = self.do(f())

    def poll(self):
        return [r.value for list in self.do(self.c.getmany(timeout_ms=100)).values() for r in list]

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def commit(self, partition, offset):
        self.do(self.c.commit({self.k.TopicPartition(self.topic, partition): (offset, 'why')}))

    def committed(self, partition):
        return self.do(self.c.committed(self.k.TopicPartition(self.topic, partition)))

    def close(self):
        self.do(self.c.stop())


class Confluent:
    codecs = [None, 'gzip', 'snappy', 'lz4', 'zstd']
    strategies = ['range', 'roundrobin', 'cooperative-sticky', 'consumer']

    def __init__(self, brokers):
        import confluent_kafka
        from confluent_kafka import admin
        self.k, self.brokers = confluent_kafka, brokers
        self.errors = confluent_kafka.KafkaException
        self.newTopic, self.admin = admin.NewTopic, admin.AdminClient({'bootstrap.servers': brokers})

    def create(self, topic, partitions):
        self.admin.create_topics([self.newTopic(topic, partitions, 3)])[topic].result(30)

    def groups(self):
        return [g.group_id for g in self.admin.list_consumer_groups().result(30).valid]

    def producer(self, codec=None, txn=None):
        conf = {'bootstrap.servers': self.brokers, 'linger.ms': 5, 'enable.idempotence': True}
        if codec:
            conf['compression.codec'] = codec
        if txn:
            conf['transactional.id'] = txn
        p = self.k.Producer(conf)
        if txn:
            p.init_transactions(30)
        return ConfluentProducer(self.k, p)

    def consumer(self, *args, **options):
        return ConfluentConsumer(self.k, self.brokers, *args, **options)


class ConfluentProducer:
    def __init__(self, k, p):
        self.k, self.p = k, p
        self.begin, self.commit, self.abort = p.begin_transaction, p.commit_transaction, p.abort_transaction

    def send(self, topic, values, partitions):
        reports = {}

        def report(i):
            def f(err, m):
                reports[i] = err or m.offset()
            return f
        for i, v in enumerate(values):
            self.p.produce(topic, v, partition=i % partitions, on_delivery=report(i))
        self.p.flush(30)
        for r in reports.values():
            if not isinstance(r, int):
                raise self.k.KafkaException(r)
        return [reports[i] for i in range(len(values))]

    def offsets(self, consumer, topic, offsets):
        self.p.send_offsets_to_transaction([self.k.TopicPartition(topic, p, o) for p, o in offsets.items()], consumer.c.consumer_group_metadata())

    def close(self):
        self.p.flush(30)


class ConfluentConsumer:
    def __init__(self, k, brokers, topic, group, strategy='range', instance=None, committed=False, auto=True):
        self.k, self.topic, self.revoked, self.incremental = k, topic, 0, strategy in ('cooperative-sticky', 'consumer')
        conf = {'bootstrap.servers': brokers, 'group.id': group, 'enable.auto.commit': auto, 'auto.offset.reset': 'earliest', 'fetch.wait.max.ms': 100,
                'isolation.level': 'read_committed' if committed else 'read_uncommitted'}
        if strategy == 'consumer':  # KIP-848
            conf['group.protocol'] = 'consumer'
        else:
            conf.update({'partition.assignment.strategy': strategy, 'session.timeout.ms': 10000, 'heartbeat.interval.ms': 500})
        if instance:
            conf['group.instance.id'] = instance
        self.c = k.Consumer(conf)

        def revoke(_, partitions):
            self.revoked += len(partitions)
        self.c.subscribe([topic], on_revoke=revoke, on_lost=revoke)

    def poll(self):
        list = self.c.consume(500, 0.1)
        for m in list:
            if m.error():
                raise self.k.KafkaException(m.error())
        return [m.value() for m in list]

    def assigned(self):
        return sorted(p.partition for p in self.c.assignment())

    def commit(self, partition, offset):
        self.c.commit(offsets=[self.k.TopicPartition(self.topic, partition, offset)], asynchronous=False)

    def committed(self, partition):
        [p] = self.c.committed([self.k.TopicPartition(self.topic, partition)], 30)
        return p.offset if p.offset >= 0 else None

    def close(self):
        self.c.close()


class Member(threading.Thread):
    """A consumer that reads what it is given until it is stopped."""

    def __init__(self, client, *args, **options):
        super().__init__(daemon=True)
        self.consumer, self.got, self.assigned, self.over, self.error = client.consumer(*args, **options), [], [], False, None
        self.start()

    def run(self):
        try:
            while not self.over:
                self.got += self.consumer.poll()
                self.assigned = self.consumer.assigned()
            self.consumer.close()
        except Exception:
            self.error = traceback.format_exc()

    def stop(self):
        self.over = True
        self.join(40)
        assert self.error is None, self.error
        assert not self.is_alive(), 'it does not end'


def until(f, what, seconds=40):
    end = time.time() + seconds
    while not f():
        assert time.time() < end, what()
        time.sleep(0.02)


def equal(got, want):
    assert got == want, '%r, want %r' % (got, want)


def fill(client, topic, n, partitions, start=0, codec=None):
    p = client.producer(codec)
    p.send(topic, [b'%d' % i for i in range(start, start + n)], partitions)
    p.close()


def read(client, topic, group, n, **options):
    """Who reads n records, and nothing more for a moment, says what they were."""
    m = Member(client, topic, group, **options)
    until(lambda: len(m.got) >= n or m.error, lambda: '%d records' % len(m.got))
    time.sleep(0.3)
    m.stop()
    return sorted(m.got)


def numbers(n):
    return sorted(b'%d' % i for i in range(n))


def codec(name):
    def f(client):
        topic = 'codec-%s' % name
        client.create(topic, 2)
        fill(client, topic, 500, 2, codec=name)
        equal(read(client, topic, topic, 500), numbers(500))
    return f


def group(strategy):
    def f(client):
        topic = 'group-' + strategy
        client.create(topic, 6)
        a = Member(client, topic, topic, strategy=strategy)
        until(lambda: len(a.assigned) == 6, lambda: a.assigned)
        fill(client, topic, 300, 6)
        until(lambda: len(a.got) == 300, lambda: '%d records' % len(a.got))
        b = Member(client, topic, topic, strategy=strategy)
        until(lambda: len(a.assigned) == len(b.assigned) == 3, lambda: (a.assigned, b.assigned, a.error, b.error))
        equal(sorted(a.assigned + b.assigned), [0, 1, 2, 3, 4, 5])
        equal(a.consumer.revoked, 3 if strategy in ('cooperative-sticky', 'consumer') else 6)
        fill(client, topic, 300, 6, 300)
        until(lambda: len(a.got) + len(b.got) >= 600, lambda: '%d and %d records' % (len(a.got), len(b.got)))
        b.stop()
        until(lambda: len(a.assigned) == 6, lambda: a.assigned)
        a.stop()
        equal(sorted(a.got + b.got), numbers(600))
        assert topic in client.groups(), client.groups()
        fill(client, topic, 60, 6, 600)
        equal(read(client, topic, topic, 60, strategy=strategy), sorted(b'%d' % i for i in range(600, 660)))
    return f


def static(client):
    client.create('static', 4)
    a, b = (Member(client, 'static', 'static', instance=name) for name in 'ab')
    until(lambda: len(a.assigned) == len(b.assigned) == 2, lambda: (a.assigned, b.assigned, a.error, b.error))
    had, revoked = a.assigned, b.consumer.revoked
    a.stop()
    again = Member(client, 'static', 'static', instance='a')
    until(lambda: again.assigned, lambda: again.error)
    equal((again.assigned, len(b.assigned), b.consumer.revoked), (had, 2, revoked))
    fill(client, 'static', 100, 4)
    until(lambda: len(again.got) + len(b.got) >= 100, lambda: (len(again.got), len(b.got)))
    again.stop()
    b.stop()
    equal(sorted(again.got + b.got), numbers(100))


def commits(client):
    client.create('commits', 1)
    fill(client, 'commits', 10, 1)
    c = client.consumer('commits', 'commits', auto=False)
    got = []
    until(lambda: got.extend(c.poll()) or len(got) >= 10, lambda: got)
    equal(c.committed(0), None)
    c.commit(0, 7)
    equal(c.committed(0), 7)
    c.close()
    equal(read(client, 'commits', 'commits', 3, auto=False), [b'7', b'8', b'9'])


def idempotent(client):
    client.create('idempotent', 1)
    p = client.producer()
    equal([o for i in range(50) for o in p.send('idempotent', [b'x'], 1)], list(range(50)))
    p.close()


def txn_commit(client):
    client.create('txn', 2)
    p = client.producer(txn='txn')
    for i in range(0, 20, 10):
        p.begin()
        p.send('txn', [b'%d' % n for n in range(i, i + 10)], 2)
        p.commit()
    p.close()
    equal(read(client, 'txn', 'txn', 20, committed=True), numbers(20))


def txn_abort(client):
    client.create('txn-abort', 1)
    p = client.producer(txn='txn-abort')
    p.begin()
    p.send('txn-abort', [b'no', b'never'], 1)
    p.abort()
    p.begin()
    p.send('txn-abort', [b'yes'], 1)
    p.commit()
    p.begin()
    p.send('txn-abort', [b'open'], 1)
    equal(read(client, 'txn-abort', 'txn-clean', 1, committed=True), [b'yes'])
    equal(read(client, 'txn-abort', 'txn-dirty', 4), [b'never', b'no', b'open', b'yes'])
    p.abort()
    p.close()


def txn_offsets(client):
    for topic in 'txn-in', 'txn-out':
        client.create(topic, 1)
    fill(client, 'txn-in', 20, 1)
    p = client.producer(txn='txn-pipe')
    c = client.consumer('txn-in', 'txn-pipe', auto=False, committed=True)
    got = []
    until(lambda: got.extend(c.poll()) or len(got) >= 20, lambda: got)
    for end, offset in (p.abort, 10), (p.commit, 15):
        p.begin()
        p.send('txn-out', [b'%d' % offset], 1)
        p.offsets(c, 'txn-in', {0: offset})
        end()
        want = 15 if offset == 15 else None
        until(lambda: c.committed(0) == want, lambda: c.committed(0))
    c.close()
    p.close()
    equal(read(client, 'txn-out', 'txn-out', 1, committed=True), [b'15'])
    equal(read(client, 'txn-in', 'txn-pipe', 5), [b'15', b'16', b'17', b'18', b'19'])


def txn_fenced(client):
    client.create('txn-fenced', 1)
    old = client.producer(txn='txn-fenced')
    old.begin()
    old.send('txn-fenced', [b'old'], 1)
    new = client.producer(txn='txn-fenced')
    try:
        old.commit()
    except client.errors as e:
        print(repr(e), file=sys.stderr)
    else:
        raise AssertionError('nobody is fenced')
    new.begin()
    new.send('txn-fenced', [b'new'], 1)
    new.commit()
    new.close()
    equal(read(client, 'txn-fenced', 'txn-fenced', 1, committed=True), [b'new'])


def main():
    client = {'kafka-python': KafkaPython, 'aiokafka': AIOKafka, 'confluent-kafka': Confluent}[sys.argv[1]]
    tests = {'codec-%s' % (c or 'none'): codec(c) for c in client.codecs}
    tests.update({'group-' + s: group(s) for s in client.strategies})
    tests.update({'group-static': static, 'commits': commits, 'idempotent': idempotent, 'transaction-commit': txn_commit,
                  'transaction-abort': txn_abort, 'transaction-with-offsets': txn_offsets, 'transaction-fenced': txn_fenced})
    if sys.argv[2] == '--list':
        print('\n'.join(tests))
        return
    try:
        tests[sys.argv[3]](client(sys.argv[2]))
        print('ok')
    except Exception:
        print(' '.join(traceback.format_exc().split('\n')[-12:]))


main()
sys.stdout.flush()

os._exit(0)  # whatever still runs
