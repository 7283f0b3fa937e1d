// The tests of kafkajs: node suite.js --list, or node suite.js BROKERS TEST, which prints
// ok or what is wrong.
const assert = require('assert')
const { Kafka, CompressionTypes, logLevel, Partitioners, ConfigResourceTypes } = require('kafkajs')

const brokers = (process.argv[2] || '').split(',')
const kafka = new Kafka({ clientId: 'conformance', brokers, logLevel: logLevel.NOTHING, retry: { retries: 10, initialRetryTime: 50 } })
const admin = kafka.admin()

async function producing(f, options = {}) {
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...options })
  await producer.connect()
  try { return await f(producer) } finally { await producer.disconnect() }
}

async function create(topic, numPartitions = 1, configEntries = []) {
  assert.strictEqual(await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions, replicationFactor: 3, configEntries }] }), true)
}

async function until(f, what) {
  for (let i = 0; !(await f()); i++) {
    if (i > 1000) assert.fail(String(what()))
    await new Promise(r => setTimeout(r, 20))
  }
}

// fill sends n records, one after the other to each partition.
async function fill(topic, n, from = 0) {
  const partitions = (await admin.fetchTopicMetadata({ topics: [topic] })).topics[0].partitions.length
  await producing(p => p.send({ topic, messages: Array.from({ length: n }, (_, i) => ({ value: String(from + i), partition: i % partitions })) }))
}

// consuming is a consumer in a group that reads from the beginning.
async function consuming(options, topic, run = {}) {
  const consumer = kafka.consumer({ heartbeatInterval: 500, rebalanceTimeout: 10000, maxWaitTimeInMs: 100, ...options })
  const c = { consumer, got: [], assigned: 0, stop: () => consumer.disconnect() }
  consumer.on(consumer.events.GROUP_JOIN, e => { c.assigned = (e.payload.memberAssignment[topic] || []).length })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ ...run, eachMessage: async ({ message }) => { c.got.push(message.value.toString()) } })
  return c
}

const unique = list => new Set(list).size

const committed = async (groupId, topic) => (await admin.fetchOffsets({ groupId, topics: [topic] }))[0].partitions.map(p => p.partition + ':' + p.offset).sort()

const offsetsOf = async topic => (await admin.fetchTopicOffsets(topic)).map(o => [o.partition, o.low, o.high].join(':')).sort()

async function codec(name, type) {
  const topic = 'js-' + name
  await create(topic)
  await producing(async producer => {
    const messages = Array.from({ length: 500 }, (_, i) => ({ key: 'k' + i, value: 'value ' + i, headers: { i: String(i) } }))
    const [r] = await producer.send({ topic, compression: type, acks: -1, messages })
    assert.strictEqual(r.errorCode, 0)
    assert.strictEqual(r.baseOffset, '0')
  })
  assert.deepStrictEqual(await offsetsOf(topic), ['0:0:500'])
}

const tests = {
  'describe-cluster': async () => {
    const c = await admin.describeCluster()
    assert.strictEqual(c.brokers.length, 3)
    assert.ok(c.controller >= 1)
  },
  'codec-none': () => codec('none', CompressionTypes.None),
  'codec-gzip': () => codec('gzip', CompressionTypes.GZIP),
  'create-twice': async () => {
    await create('js-twice', 2)
    assert.strictEqual(await admin.createTopics({ topics: [{ topic: 'js-twice', numPartitions: 2, replicationFactor: 3 }] }), false)
  },
  'list-and-delete': async () => {
    await create('js-list')
    assert.ok((await admin.listTopics()).includes('js-list'))
    await admin.deleteTopics({ topics: ['js-list'], timeout: 5000 })
    for (let i = 0; (await admin.listTopics()).includes('js-list'); i++) {
      assert.ok(i < 100, 'it is still there')
      await new Promise(r => setTimeout(r, 20))
    }
  },
  'metadata': async () => {
    await create('js-meta', 3)
    const m = await admin.fetchTopicMetadata({ topics: ['js-meta'] })
    assert.strictEqual(m.topics[0].partitions.length, 3)
    assert.strictEqual(m.topics[0].partitions[0].isr.length, 3)
  },
  'create-partitions': async () => {
    await create('js-more', 1)
    await admin.createPartitions({ topicPartitions: [{ topic: 'js-more', count: 3 }] })
    for (let i = 0; ; i++) {
      const m = await admin.fetchTopicMetadata({ topics: ['js-more'] })
      if (m.topics[0].partitions.length === 3) return
      assert.ok(i < 100, m.topics[0].partitions.length + ' partitions')
      await new Promise(r => setTimeout(r, 20))
    }
  },
  'configs': async () => {
    await create('js-configs', 1, [{ name: 'retention.ms', value: '5000' }])
    const resource = { type: ConfigResourceTypes.TOPIC, name: 'js-configs', configNames: ['retention.ms', 'cleanup.policy'] }
    const value = async name => {
      const d = await admin.describeConfigs({ resources: [resource], includeSynonyms: false })
      return d.resources[0].configEntries.find(e => e.configName === name).configValue
    }
    assert.strictEqual(await value('retention.ms'), '5000')
    assert.strictEqual(await value('cleanup.policy'), 'delete')
    await admin.alterConfigs({ validateOnly: false, resources: [{ type: ConfigResourceTypes.TOPIC, name: 'js-configs', configEntries: [{ name: 'retention.ms', value: '9000' }] }] })
    for (let i = 0; (await value('retention.ms')) !== '9000'; i++) {
      assert.ok(i < 100, 'retention.ms is ' + (await value('retention.ms')))
      await new Promise(r => setTimeout(r, 20))
    }
  },
  'offsets-by-timestamp': async () => {
    await create('js-times')
    const at = Date.now() - 100000
    await producing(async p => {
      await p.send({ topic: 'js-times', messages: [{ value: 'a', timestamp: String(at) }] })
      await p.send({ topic: 'js-times', messages: [{ value: 'b', timestamp: String(at + 5000) }] })
    })
    const [o] = await admin.fetchTopicOffsetsByTimestamp('js-times', at + 1)
    assert.strictEqual(o.offset, '1')
  },
  'delete-records': async () => {
    await create('js-shorter')
    await producing(async p => { for (let i = 0; i < 5; i++) await p.send({ topic: 'js-shorter', messages: [{ value: 'x' + i }] }) })
    assert.deepStrictEqual(await offsetsOf('js-shorter'), ['0:0:5']) // or it knows no leader: kafkajs does not ask for one
    await admin.deleteTopicRecords({ topic: 'js-shorter', partitions: [{ partition: 0, offset: '3' }] })
    assert.deepStrictEqual(await offsetsOf('js-shorter'), ['0:3:5'])
  },
  'idempotent': async () => {
    await create('js-idempotent')
    await producing(async p => { for (let i = 0; i < 50; i++) await p.send({ topic: 'js-idempotent', messages: [{ value: 'x' + i }] }) }, { idempotent: true, maxInFlightRequests: 1 })
    assert.deepStrictEqual(await offsetsOf('js-idempotent'), ['0:0:50'])
  },
  'acks': async () => {
    await create('js-acks')
    await producing(async p => {
      for (const acks of [1, -1]) await p.send({ topic: 'js-acks', acks, messages: [{ value: 'x' }] })
      await p.send({ topic: 'js-acks', acks: 0, messages: [{ value: 'x' }] })
    })
  },
  'group': async () => {
    await create('js-group', 3)
    await fill('js-group', 300)
    const a = await consuming({ groupId: 'js-group' }, 'js-group')
    await until(() => a.got.length === 300, () => a.got.length + ' records')
    await a.stop()
    assert.deepStrictEqual(unique(a.got), 300)
    assert.deepStrictEqual(await committed('js-group', 'js-group'), ['0:100', '1:100', '2:100'])
    const { groups: [g] } = await admin.describeGroups(['js-group'])
    assert.strictEqual(g.errorCode, 0)
    assert.strictEqual(g.state, 'Empty')
    assert.ok((await admin.listGroups()).groups.some(g => g.groupId === 'js-group'))
  },
  'group-goes-on': async () => {
    await create('js-on', 2)
    await fill('js-on', 100)
    const a = await consuming({ groupId: 'js-on' }, 'js-on')
    await until(() => a.got.length === 100, () => a.got.length + ' records')
    await a.stop()
    await fill('js-on', 50, 100)
    const b = await consuming({ groupId: 'js-on' }, 'js-on')
    await until(() => b.got.length === 50, () => b.got.length + ' records')
    await b.stop()
    assert.strictEqual(unique(a.got.concat(b.got)), 150)
  },
  'group-of-three': async () => {
    await create('js-three', 6)
    const members = []
    for (let i = 0; i < 3; i++) members.push(await consuming({ groupId: 'js-three', sessionTimeout: 10000 }, 'js-three'))
    await until(() => members.every(m => m.assigned === 2), () => members.map(m => m.assigned).join())
    const { groups: [g] } = await admin.describeGroups(['js-three'])
    assert.deepStrictEqual([g.state, g.members.length, g.protocol], ['Stable', 3, 'RoundRobinAssigner'])
    await fill('js-three', 600)
    const all = () => members.flatMap(m => m.got)
    await until(() => all().length >= 600, () => all().length + ' records')
    assert.strictEqual(unique(all()), 600)
    await members.pop().stop()
    await until(() => members.every(m => m.assigned === 3), () => members.map(m => m.assigned).join())
    for (const m of members) await m.stop()
  },
  'group-commits-by-hand': async () => {
    await create('js-hand', 1)
    await fill('js-hand', 10)
    const a = await consuming({ groupId: 'js-hand' }, 'js-hand', { autoCommit: false })
    await until(() => a.got.length === 10, () => a.got.length + ' records')
    assert.deepStrictEqual(await committed('js-hand', 'js-hand'), ['0:-1'])
    await a.consumer.commitOffsets([{ topic: 'js-hand', partition: 0, offset: '7', metadata: 'why' }])
    await a.stop()
    assert.deepStrictEqual(await committed('js-hand', 'js-hand'), ['0:7'])
    await admin.setOffsets({ groupId: 'js-hand', topic: 'js-hand', partitions: [{ partition: 0, offset: '3' }] })
    assert.deepStrictEqual(await committed('js-hand', 'js-hand'), ['0:3'])
    await admin.deleteGroups(['js-hand'])
    await until(async () => !(await admin.listGroups()).groups.some(g => g.groupId === 'js-hand'), () => 'it is still there')
  },
  'group-not-empty': async () => {
    await create('js-busy', 1)
    const a = await consuming({ groupId: 'js-busy' }, 'js-busy')
    await until(() => a.assigned === 1, () => a.assigned)
    await assert.rejects(admin.deleteGroups(['js-busy']), e => e.groups && e.groups[0].errorCode === 68)
    await a.stop()
  },
  'transaction-commit': async () => {
    await create('js-txn', 2)
    await producing(async p => {
      const t = await p.transaction()
      for (let i = 0; i < 10; i++) await t.send({ topic: 'js-txn', messages: [{ partition: i % 2, value: String(i) }] })
      await t.commit()
    }, { transactionalId: 'js-txn', idempotent: true, maxInFlightRequests: 1 })
    const a = await consuming({ groupId: 'js-txn', readUncommitted: false }, 'js-txn')
    await until(() => a.got.length === 10, () => a.got.length + ' records')
    await a.stop()
    assert.deepStrictEqual(await offsetsOf('js-txn'), ['0:0:6', '1:0:6']) // with a marker each
  },
  'transaction-abort': async () => {
    await create('js-abort', 1)
    await producing(async p => {
      const t = await p.transaction()
      await t.send({ topic: 'js-abort', messages: [{ value: 'no' }, { value: 'never' }] })
      await t.abort()
      const u = await p.transaction()
      await u.send({ topic: 'js-abort', messages: [{ value: 'yes' }] })
      await u.commit()
    }, { transactionalId: 'js-abort', idempotent: true, maxInFlightRequests: 1 })
    const a = await consuming({ groupId: 'js-abort', readUncommitted: false }, 'js-abort')
    const b = await consuming({ groupId: 'js-dirty', readUncommitted: true }, 'js-abort')
    await until(() => a.got.length >= 1 && b.got.length >= 3, () => a.got.length + ' and ' + b.got.length)
    await a.stop()
    await b.stop()
    assert.deepStrictEqual([a.got, b.got], [['yes'], ['no', 'never', 'yes']])
  },
  'transaction-with-offsets': async () => {
    await create('js-in', 1)
    await create('js-out', 1)
    await fill('js-in', 20)
    await producing(async p => {
      for (const commit of [false, true]) {
        const t = await p.transaction()
        await t.send({ topic: 'js-out', messages: [{ value: String(commit) }] })
        await t.sendOffsets({ consumerGroupId: 'js-pipe', topics: [{ topic: 'js-in', partitions: [{ partition: 0, offset: commit ? '15' : '10' }] }] })
        if (commit) await t.commit(); else await t.abort()
        const want = commit ? '0:15' : '0:-1'
        await until(async () => (await committed('js-pipe', 'js-in'))[0] === want, () => 'it is not ' + want)
      }
    }, { transactionalId: 'js-pipe', idempotent: true, maxInFlightRequests: 1 })
    const a = await consuming({ groupId: 'js-pipe-out', readUncommitted: false }, 'js-out')
    await until(() => a.got.length === 1, () => a.got.length + ' records')
    await a.stop()
    assert.deepStrictEqual(a.got, ['true'])
  },
  'transaction-fenced': async () => {
    await create('js-fence', 1)
    const options = { transactionalId: 'js-fence', idempotent: true, maxInFlightRequests: 1 }
    await producing(async first => {
      const t = await first.transaction()
      await t.send({ topic: 'js-fence', messages: [{ value: 'old' }] })
      await producing(async second => {
        const u = await second.transaction()
        await u.send({ topic: 'js-fence', messages: [{ value: 'new' }] })
        await assert.rejects(t.commit(), e => { assert.match(String(e.type), /INVALID_PRODUCER_EPOCH|PRODUCER_FENCED/); return true })
        await u.commit()
      }, options)
    }, options)
    const a = await consuming({ groupId: 'js-fence', readUncommitted: false }, 'js-fence')
    await until(() => a.got.length >= 1, () => a.got.length + ' records')
    await a.stop()
    assert.deepStrictEqual(a.got, ['new'])
  },
  'unknown-topic': async () => {
    await assert.rejects(admin.fetchTopicOffsets('js/bad'), /topic|Topic/)
  },
}

async function main() {
  if (process.argv[2] === '--list') return console.log(Object.keys(tests).join('\n'))
  await admin.connect()
  try {
    await tests[process.argv[3]]()
    console.log('ok')
  } catch (e) {
    console.log(String(e && e.stack || e).split('\n').slice(0, 12).join(' '))
  } finally {
    await admin.disconnect()
  }
}

main().then(() => process.exit(0))
