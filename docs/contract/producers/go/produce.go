// Publishes facts about leads, without Leadloop: produce FACTS, where FACTS is a file with one JSON object a line,
// {"topic": "lead-created", "record": {"event_id": …, "lead_id": …, "occurred_at": …, …}}.
//
//	KAFKA_BOOTSTRAP_SERVERS   host:port,…
//	LEADLOOP_SCHEMAS          the folder that `leadloop schemas export` wrote
//	LEADLOOP_TOPIC_PREFIX     of the topics, if they have one
//	PARTITIONER               murmur2 (default), or sarama to see what goes wrong
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"log"
	"os"
	"path/filepath"
	"strings"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kgo"
)

type topic struct {
	ID     uint32 `json:"id"`
	Schema string `json:"schema"`
	schema *avro.RecordSchema
}

func main() {
	log.SetFlags(0)
	topics, err := read(os.Getenv("LEADLOOP_SCHEMAS"))
	if err != nil {
		log.Fatal(err)
	}
	records, err := facts(os.Args[1], topics)
	if err != nil {
		log.Fatal(err)
	}
	// Without a hasher of your own, franz-go hashes keys as the Java client does: murmur2.
	var hasher kgo.PartitionerHasher
	if os.Getenv("PARTITIONER") == "sarama" {
		hasher = kgo.SaramaCompatHasher(fnv32a)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), ",")...),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(hasher)),
	)
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(context.Background(), records...).FirstErr(); err != nil {
		log.Fatal(err)
	}
	fmt.Printf("published %d facts\n", len(records))
}

// read returns the topics with their schemas, as `leadloop schemas export` wrote them.
func read(folder string) (map[string]*topic, error) {
	text, err := os.ReadFile(filepath.Join(folder, "ids.json"))
	if err != nil {
		return nil, err
	}
	var ids struct{ Topics map[string]*topic }
	if err := json.Unmarshal(text, &ids); err != nil {
		return nil, err
	}
	for _, topic := range ids.Topics {
		text, err := os.ReadFile(filepath.Join(folder, topic.Schema))
		if err != nil {
			return nil, err
		}
		schema, err := avro.ParseBytesWithCache(text, "", &avro.SchemaCache{})
		if err != nil {
			return nil, err
		}
		topic.schema = schema.(*avro.RecordSchema)
	}
	return ids.Topics, nil
}

func facts(file string, topics map[string]*topic) ([]*kgo.Record, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var records []*kgo.Record
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		var fact struct {
			Topic  string
			Record map[string]any
		}
		decoder := json.NewDecoder(bytes.NewReader(lines.Bytes()))
		decoder.UseNumber()
		if err := decoder.Decode(&fact); err != nil {
			return nil, err
		}
		leadID, _ := fact.Record["lead_id"].(string)
		value, err := encode(topics[fact.Topic], fact.Record)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", fact.Topic, err)
		}
		records = append(records, &kgo.Record{
			Topic:   os.Getenv("LEADLOOP_TOPIC_PREFIX") + fact.Topic,
			Key:     []byte(leadID),
			Value:   value,
			Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte("application/avro")}},
		})
	}
	return records, nil
}

// encode writes the wire format: a zero byte, the id of the schema in four bytes (big-endian), the datum.
func encode(topic *topic, record map[string]any) ([]byte, error) {
	for _, name := range []string{"event_id", "lead_id", "occurred_at"} {
		if value, ok := record[name]; !ok || value == "" {
			return nil, fmt.Errorf("a fact needs its %s", name)
		}
	}
	whole := map[string]any{}
	for _, field := range topic.schema.Fields() {
		value, given := record[field.Name()]
		if !given { // the datum has no fields that are left out: take the default of the schema
			value = field.Default()
		}
		delete(record, field.Name())
		if number, ok := value.(json.Number); ok {
			whole[field.Name()], _ = number.Int64()
		} else {
			whole[field.Name()] = value
		}
	}
	for name := range record {
		return nil, fmt.Errorf("no field %s", name)
	}
	datum, err := avro.Marshal(topic.schema, whole)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint32([]byte{0}, topic.ID), datum...), nil
}

// fnv32a is the hash of sarama's default partitioner, which streams does not share.
func fnv32a(key []byte) uint32 {
	hash := fnv.New32a()
	hash.Write(key)
	return hash.Sum32()
}
