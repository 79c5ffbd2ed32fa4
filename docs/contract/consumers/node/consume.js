// Prints recycle events as JSON lines: node consume.js COUNT, after `node generate.js`; ends after COUNT events.
//
//   KAFKA_BOOTSTRAP_SERVERS   host:port,…
//   LEADLOOP_SCHEMAS          the folder that `leadloop schemas export` wrote
//   LEADLOOP_TOPIC_PREFIX     of the topics, if they have one
//   GROUP                     the consumer group
import {readFileSync} from 'node:fs'
import {join} from 'node:path'
import avro from 'avsc'
import yaml from 'js-yaml'
import kafkajs, {CompressionTypes, Kafka, logLevel} from 'kafkajs'
import snappy from 'kafkajs-snappy'
import LeadRecycled from './models/LeadloopDotV1DotLeadRecycled.js'

const folder = process.env.LEADLOOP_SCHEMAS
const document = yaml.load(readFileSync(join(folder, 'asyncapi.yml'), 'utf8'))
const {schemas} = JSON.parse(readFileSync(join(folder, 'ids.json'), 'utf8'))
const message = document.components.messages.LeadRecycled
const parse = (schema) => avro.Type.forSchema(schema, {wrapUnions: false})
const type = parse(message.payload.schema)
const resolvers = new Map()

// The wire format: a zero byte, the id of the schema that wrote the datum, the datum.
function decode(value) {
  const id = value.readInt32BE(1)
  const datum = value.subarray(5)
  if (id === message['x-schema-id']) return type.fromBuffer(datum)
  // Another version wrote it: Avro resolves it to the version of this document.
  if (!resolvers.has(id)) {
    const writer = parse(JSON.parse(readFileSync(join(folder, schemas[id]), 'utf8')))
    resolvers.set(id, {writer, resolver: type.createResolver(writer)})
  }
  return type.fromBuffer(datum, resolvers.get(id).resolver)
}

// Streams compresses with snappy, which kafkajs does not unpack by itself.
kafkajs.CompressionCodecs[CompressionTypes.Snappy] = snappy

const kafka = new Kafka({
  clientId: 'example-node',
  brokers: process.env.KAFKA_BOOTSTRAP_SERVERS.split(','),
  logLevel: logLevel.ERROR,
})
const consumer = kafka.consumer({groupId: process.env.GROUP ?? 'example-node'})
const seen = new Set()
const wanted = Number(process.argv[2])
await consumer.connect()
await consumer.subscribe({topic: (process.env.LEADLOOP_TOPIC_PREFIX ?? '') + 'lead-recycled', fromBeginning: true})
await new Promise((resolve) =>
  consumer.run({
    eachMessage: async ({message: {value}}) => {
      const event = new LeadRecycled({}).unmarshal(decode(value))
      // Delivery is at least once: the same event may come again.
      const id = `${event.action} ${event.recycleId}`
      if (seen.has(id)) return
      seen.add(id)
      console.log(event.marshal())
      if (seen.size === wanted) resolve()
    },
  }),
)
await consumer.disconnect()
