// Publishes facts about leads: node produce.js FACTS, where FACTS is a file with one JSON object a line,
// {"topic": "lead-created", "record": {"event_id": …, "lead_id": …, "occurred_at": …, …}}.
//
//   KAFKA_BOOTSTRAP_SERVERS   host:port,…
//   LEADLOOP_SCHEMAS          the folder that `leadloop schemas export` wrote
//   LEADLOOP_TOPIC_PREFIX     of the topics, if they have one
//   PARTITIONER               murmur2 (default), or kafkajs-legacy to see what goes wrong
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import avro from 'avsc'
import {Kafka, Partitioners, logLevel} from 'kafkajs'

const prefix = process.env.LEADLOOP_TOPIC_PREFIX ?? ''
const folder = process.env.LEADLOOP_SCHEMAS
const {topics} = JSON.parse(readFileSync(join(folder, 'ids.json'), 'utf8'))

// A union of null and one type is that type or null; a `long` must be a safe integer, which milliseconds are.
const types = new Map(
  Object.entries(topics).map(([topic, {schema, id}]) => {
    const type = avro.Type.forSchema(JSON.parse(readFileSync(join(folder, schema), 'utf8')), {wrapUnions: false})
    return [topic, {type, id}]
  }),
)

// The wire format: a zero byte, the id of the schema in four bytes (big-endian), the datum.
function encode(topic, record) {
  const {type, id} = types.get(topic)
  for (const name of ['event_id', 'lead_id', 'occurred_at'])
    if (!record[name]) throw new Error(`${topic}: a fact needs its ${name}`)
  const unknown = Object.keys(record).filter((name) => !type.fields.some((field) => field.name === name))
  if (unknown.length) throw new Error(`${topic} has no field ${unknown}`)
  // avsc needs every field: take the default of the schema for what is not given.
  const whole = Object.fromEntries(type.fields.map((field) => [field.name, record[field.name] ?? field.defaultValue()]))
  const header = Buffer.alloc(5)
  header.writeInt32BE(id, 1)
  return Buffer.concat([header, type.toBuffer(whole)])
}

const kafka = new Kafka({
  clientId: 'example-node',
  brokers: process.env.KAFKA_BOOTSTRAP_SERVERS.split(','),
  logLevel: logLevel.ERROR,
})
const createPartitioner =
  process.env.PARTITIONER === 'kafkajs-legacy' ? Partitioners.LegacyPartitioner : Partitioners.DefaultPartitioner
const producer = kafka.producer({createPartitioner, idempotent: true, maxInFlightRequests: 1})

const facts = readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line))
await producer.connect()
try {
  // In the order of the events. For few facts an hour this is fast enough; for more, use sendBatch.
  for (const {topic, record} of facts)
    await producer.send({
      topic: prefix + topic,
      acks: -1,
      messages: [{key: record.lead_id, value: encode(topic, record), headers: {'content-type': 'application/avro'}}],
    })
} finally {
  await producer.disconnect()
}
console.log(`published ${facts.length} facts`)
