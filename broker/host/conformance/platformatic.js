// The tests of @platformatic/kafka: node suite.js --list, or node suite.js BROKERS TEST, which
// prints ok or what is wrong.
const assert = require('assert')

const bootstrapBrokers = (process.argv[2] || '').split(',')
let lib
const open = []

function made(client) {
  open.push(client)
  return client
}

const client = options => ({ clientId: 'conformance', bootstrapBrokers, retries: 10, retryDelay: 100, ...options })
const admin = () => made(new lib.Admin(client()))
const producer = options => made(new lib.Producer(client({ serializers: lib.stringSerializers, ...options })))
const consumer = (groupId, options) => made(new lib.Consumer(client({
  groupId, deserializers: lib.stringDeserializers, maxWaitTime: 100, sessionTimeout: 10000, rebalanceTimeout: 10000, heartbeatInterval: 500, ...options
})))

// causes are an error and what is behind it.
const causes = e => e ? [e, ...causes(e.cause || (e.errors && e.errors[0]))] : []

async function until(f, what) {
  for (let i = 0; !(await f()); i++) {
    if (i > 1500) assert.fail(String(what()))
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}

const create = (topic, partitions = 1) => admin().createTopics({ topics: [topic], partitions, replicas: 3 })

const records = (topic, n, partitions = 1, from = 0) =>
  Array.from({ length: n }, (_, i) => ({ topic, key: 'k' + i, value: String(from + i), partition: i % partitions, headers: { i: String(i) } }))

const numbers = n => Array.from({ length: n }, (_, i) => String(i)).sort()

// reading is a member of a group, and what it has got.
async function reading(topic, groupId, options = {}, consume = {}) {
  const c = consumer(groupId, options)
  const r = { consumer: c, got: [], messages: [] }
  r.stream = await c.consume({ topics: [topic], mode: 'committed', fallbackMode: 'earliest', autocommit: true, ...consume })
  r.stream.on('data', m => { r.got.push(m.value); r.messages.push(m) })
  r.stream.on('error', e => { r.error = e })
  r.assigned = () => ((c.assignments || []).find(a => a.topic === topic) || { partitions: [] }).partitions.slice().sort()
  r.stop = async () => { await r.stream.close(); await c.close(true); open.splice(open.indexOf(c), 1) }
  return r
}

async function read(topic, groupId, n, consume = {}) {
  const r = await reading(topic, groupId, {}, consume)
  await until(() => r.got.length >= n || r.error, () => r.got.length + ' records')
  await new Promise(resolve => setTimeout(resolve, 300))
  await r.stop()
  assert.ifError(r.error)
  return r.got.sort()
}

async function committed(topic, groupId, partitions = [0]) {
  const c = consumer(groupId)
  return (await c.listCommittedOffsets({ topics: [{ topic, partitions }] })).get(topic).map(String)
}

async function codec(compression) {
  const topic = 'codec-' + compression
  await create(topic, 2)
  await producer().send({ acks: -1, messages: records(topic, 500, 2), compression, acks: -1 })
  assert.deepStrictEqual(await read(topic, topic, 500), numbers(500))
}

// group is a group of which one member comes and goes; each has half of the partitions then.
async function group(topic, options) {
  await create(topic, 6)
  await producer().send({ acks: -1, messages: records(topic, 300, 6) })
  const a = await reading(topic, topic, options)
  await until(() => a.got.length === 300, () => a.got.length + ' records')
  const b = await reading(topic, topic, options)
  await until(() => a.assigned().length === 3 && b.assigned().length === 3, () => a.assigned() + ' and ' + b.assigned())
  assert.deepStrictEqual(a.assigned().concat(b.assigned()).sort(), [0, 1, 2, 3, 4, 5])
  await producer().send({ acks: -1, messages: records(topic, 300, 6, 300) })
  await until(() => new Set(a.got.concat(b.got)).size === 600, () => a.got.length + ' and ' + b.got.length)
  await b.stop()
  await until(() => a.assigned().length === 6, () => a.assigned())
  await a.stop()
  assert.ok((await admin().listGroups({ types: ['classic', 'consumer'] })).has(topic))
  await producer().send({ acks: -1, messages: records(topic, 60, 6, 600) })
  const rest = await read(topic, topic, 60)
  assert.strictEqual(rest.filter(v => Number(v) >= 600).length, 60)
}

const transactional = id => producer({ transactionalId: id, idempotent: true })

const tests = {
  'codec-none': () => codec('none'),
  'codec-gzip': () => codec('gzip'),
  admin: async () => {
    await create('admin', 2)
    const a = admin()
    assert.ok((await a.listTopics()).includes('admin'))
    await a.createPartitions({ topics: [{ name: 'admin', count: 3 }] })
    await until(async () => (await a.metadata({ topics: ['admin'], forceUpdate: true })).topics.get('admin').partitionsCount === 3, () => 'not three partitions')
    await a.deleteTopics({ topics: ['admin'] })
    await until(async () => !(await a.listTopics()).includes('admin'), () => 'it is still there')
  },
  'list-offsets': async () => {
    await create('list-offsets')
    await producer().send({ acks: -1, messages: records('list-offsets', 10) })
    const c = consumer('list-offsets')
    const at = async timestamp => (await c.listOffsets({ topics: ['list-offsets'], timestamp })).get('list-offsets').map(String)
    assert.deepStrictEqual([await at(-2n), await at(-1n)], [['0'], ['10']])
  },
  quotas: async () => {
    const a = admin()
    const entities = [{ entityType: 'client-id', entityName: 'conformance-quota' }]
    await a.alterClientQuotas({ entries: [{ entities, ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }] }] })
    const list = () => a.describeClientQuotas({ components: [{ entityType: 'client-id', matchType: 0, match: 'conformance-quota' }], strict: true })
    await until(async () => (await list()).length === 1, () => 'no quota')
    assert.deepStrictEqual((await list())[0].values.map(v => [v.key, v.value]), [['producer_byte_rate', 1000]])
  },
  idempotent: async () => {
    await create('idempotent')
    const p = producer({ idempotent: true })
    for (let i = 0; i < 50; i++) {
      const { offsets } = await p.send({ messages: records('idempotent', 1), acks: -1 })
      assert.strictEqual(String(offsets[0].offset), String(i))
    }
  },
  'group-classic': () => group('group-classic', {}),
  'group-consumer': () => group('group-consumer', { groupProtocol: 'consumer', rebalanceTimeout: 30000 }),
  'group-static': async () => {
    await create('static', 4)
    const member = name => reading('static', 'static', { groupInstanceId: name })
    const a = await member('a')
    const b = await member('b')
    await until(() => a.assigned().length === 2 && b.assigned().length === 2, () => a.assigned() + ' and ' + b.assigned())
    const { groupInstanceId } = a.consumer
    assert.strictEqual(groupInstanceId, 'a')
    await producer().send({ acks: -1, messages: records('static', 100, 4) })
    await until(() => new Set(a.got.concat(b.got)).size === 100, () => a.got.length + ' and ' + b.got.length)
    await a.stop()
    await b.stop()
  },
  commits: async () => {
    await create('commits')
    await producer().send({ acks: -1, messages: records('commits', 10) })
    const a = await reading('commits', 'commits', {}, { autocommit: false })
    await until(() => a.got.length === 10, () => a.got.length + ' records')
    await a.consumer.commit({ offsets: [{ topic: 'commits', partition: 0, offset: 7n, leaderEpoch: 0 }] })
    await a.stop()
    assert.deepStrictEqual(await committed('commits', 'commits'), ['7'])
  },
  'transaction-commit': async () => {
    await create('txn', 2)
    const p = transactional('txn')
    for (let i = 0; i < 20; i += 10) {
      const t = await p.beginTransaction()
      await t.send({ messages: records('txn', 10, 2, i) })
      await t.commit()
    }
    assert.deepStrictEqual(await read('txn', 'txn', 20, { isolationLevel: 1 }), numbers(20))
  },
  'transaction-abort': async () => {
    await create('txn-abort')
    const p = transactional('txn-abort')
    const t = await p.beginTransaction()
    await t.send({ messages: [{ topic: 'txn-abort', value: 'no', partition: 0 }] })
    await t.abort()
    const u = await p.beginTransaction()
    await u.send({ messages: [{ topic: 'txn-abort', value: 'yes', partition: 0 }] })
    await u.commit()
    assert.deepStrictEqual(await read('txn-abort', 'txn-clean', 1, { isolationLevel: 1 }), ['yes'])
    assert.deepStrictEqual(await read('txn-abort', 'txn-dirty', 2, { isolationLevel: 0 }), ['no', 'yes'])
  },
  'transaction-with-offsets': async () => {
    await create('txn-in')
    await create('txn-out')
    await producer().send({ acks: -1, messages: records('txn-in', 20) })
    const p = transactional('txn-pipe')
    const a = await reading('txn-in', 'txn-pipe', {}, { autocommit: false, isolationLevel: 1 })
    await until(() => a.got.length === 20, () => a.got.length + ' records')
    for (const commit of [false, true]) {
      const t = await p.beginTransaction()
      await t.addConsumer(a.consumer)
      await t.send({ messages: [{ topic: 'txn-out', value: String(commit), partition: 0 }] })
      await t.addOffset(a.messages[commit ? 14 : 9])
      await (commit ? t.commit() : t.abort())
      const want = commit ? /^1[45]$/ : /^-1$/ // this client commits what was read, not what comes next
      await until(async () => want.test((await committed('txn-in', 'txn-pipe'))[0]), () => 'not ' + want)
    }
    await a.stop()
    assert.deepStrictEqual(await read('txn-out', 'txn-out', 1, { isolationLevel: 1 }), ['true'])
  },
  'transaction-fenced': async () => {
    await create('txn-fenced')
    const t = await transactional('txn-fenced').beginTransaction()
    await t.send({ messages: [{ topic: 'txn-fenced', value: 'old', partition: 0 }] })
    let u // the client does not ask again while the old transaction is being aborted
    const next = transactional('txn-fenced')
    await until(async () => {
      try { u = await next.beginTransaction() } catch (e) { if (!causes(e).some(x => x.apiId === 'CONCURRENT_TRANSACTIONS')) throw e }
      return u
    }, () => 'it does not begin')
    await assert.rejects(t.commit())
    await u.send({ messages: [{ topic: 'txn-fenced', value: 'new', partition: 0 }] })
    await u.commit()
    assert.deepStrictEqual(await read('txn-fenced', 'txn-fenced', 1, { isolationLevel: 1 }), ['new'])
  }
}

async function main() {
  if (process.argv[2] === '--list') return console.log(Object.keys(tests).join('\n'))
  lib = await import('@platformatic/kafka')
  try {
    await tests[process.argv[3]]()
    console.log('ok')
  } catch (e) {
    console.log(causes(e).map(x => String(x.stack || x).split('\n').slice(0, 12).join(' ')).join(' <- '))
  }
}

main().then(() => process.exit(0))
