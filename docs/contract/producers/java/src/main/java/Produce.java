import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.Future;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;
import org.apache.avro.generic.GenericRecordBuilder;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.Producer;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.serialization.StringSerializer;

/**
 * Publishes facts about leads, without Leadloop. The argument is a file with one JSON object a line,
 * {"topic": "lead-created", "record": {"event_id": …, "lead_id": …, "occurred_at": …, …}}.
 *
 * <p>KAFKA_BOOTSTRAP_SERVERS: host:port,…; LEADLOOP_SCHEMAS: the folder that `leadloop schemas export` wrote;
 * LEADLOOP_TOPIC_PREFIX: of the topics, if they have one.
 */
public final class Produce {
  private static final ObjectMapper JSON = new ObjectMapper();

  /** The schema of a topic's records, and its id. */
  private record Topic(Schema schema, int id) {
    /** The wire format: a zero byte, the id of the schema in four bytes (big-endian), the datum. */
    byte[] encode(JsonNode fields) throws IOException {
      for (String name : List.of("event_id", "lead_id", "occurred_at")) {
        if (!fields.hasNonNull(name) || fields.get(name).asText().isEmpty()) {
          throw new IllegalArgumentException(schema.getName() + ": a fact needs its " + name);
        }
      }
      var record = new GenericRecordBuilder(schema); // takes the default of the schema for what is not given
      for (Map.Entry<String, JsonNode> field : fields.properties()) {
        var declared = schema.getField(field.getKey());
        if (declared == null) {
          throw new IllegalArgumentException(schema.getName() + " has no field " + field.getKey());
        }
        record.set(declared, value(declared.schema(), field.getValue()));
      }
      var bytes = new ByteArrayOutputStream();
      var header = new DataOutputStream(bytes);
      header.writeByte(0);
      header.writeInt(id);
      BinaryEncoder encoder = EncoderFactory.get().directBinaryEncoder(bytes, null);
      new GenericDatumWriter<GenericRecord>(schema).write(record.build(), encoder);
      encoder.flush();
      return bytes.toByteArray();
    }
  }

  private static Object value(Schema schema, JsonNode json) {
    if (json.isNull()) {
      return null;
    }
    return switch (schema.getType()) {
      case UNION -> value(schema.getTypes().get(1), json); // null and one other type
      case ENUM -> new GenericData.EnumSymbol(schema, json.textValue());
      case LONG -> json.longValue();
      case BOOLEAN -> json.booleanValue();
      default -> json.textValue();
    };
  }

  private static Map<String, Topic> topics(Path folder) throws IOException {
    var topics = new HashMap<String, Topic>();
    for (var entry : JSON.readTree(folder.resolve("ids.json").toFile()).get("topics").properties()) {
      var text = Files.readString(folder.resolve(entry.getValue().get("schema").textValue()), StandardCharsets.UTF_8);
      topics.put(entry.getKey(), new Topic(new Schema.Parser().parse(text), entry.getValue().get("id").intValue()));
    }
    return topics;
  }

  public static void main(String[] arguments) throws Exception {
    var topics = topics(Path.of(System.getenv("LEADLOOP_SCHEMAS")));
    var prefix = System.getenv().getOrDefault("LEADLOOP_TOPIC_PREFIX", "");
    var settings = new Properties();
    settings.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, System.getenv("KAFKA_BOOTSTRAP_SERVERS"));
    // The defaults are right: acks=all, idempotence, and murmur2 of the key. Set no partitioner.class.
    var sent = new ArrayList<Future<RecordMetadata>>();
    try (Producer<String, byte[]> producer =
        new KafkaProducer<>(settings, new StringSerializer(), new ByteArraySerializer())) {
      for (var line : Files.readAllLines(Path.of(arguments[0]), StandardCharsets.UTF_8)) {
        var topic = JSON.readTree(line).get("topic").textValue();
        var fields = JSON.readTree(line).get("record");
        var value = topics.get(topic).encode(fields);
        var record = new ProducerRecord<>(prefix + topic, fields.get("lead_id").textValue(), value);
        record.headers().add("content-type", "application/avro".getBytes(StandardCharsets.UTF_8));
        sent.add(producer.send(record));
      }
      for (var future : sent) {
        future.get(); // fails if the broker did not accept the fact
      }
    }
    System.out.println("published " + sent.size() + " facts");
  }
}
