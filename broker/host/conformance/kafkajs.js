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
    console.log(String(e && e.stack || e).split('\n').slice(0, 3).join(' '))
  } finally {
    await admin.disconnect()
  }
}

main().then(() => process.exit(0))
