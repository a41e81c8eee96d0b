// Prints topics as the Java client reads them, from their first records to their ends at the time of the call; then ends. A
// line a record, fields between tabs: topic, partition, offset, time, key, value, then name and value of each header. Bytes
// are base64, and `-` is null. A line with a partition alone says first that there is one.
package weir;

import java.io.BufferedOutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

public final class TopicReader {
  /** Arguments: brokers, isolation level, topics. */
  public static void main(String[] arguments) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", arguments[0]);
    settings.put("isolation.level", arguments[1]);
    settings.put("enable.auto.commit", "false");
    settings.put("auto.offset.reset", "none");
    settings.put("allow.auto.create.topics", "false");
    settings.put("default.api.timeout.ms", "30000");
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out, 1 << 20), false);
    var bytes = new ByteArrayDeserializer();
    try (var consumer = new KafkaConsumer<byte[], byte[]>(settings, bytes, bytes)) {
      List<TopicPartition> partitions = new ArrayList<>();
      for (String topic : List.of(arguments).subList(2, arguments.length)) {
        var found = consumer.partitionsFor(topic);
        if (found.isEmpty()) throw new IllegalStateException("There is no topic " + topic + ".");
        for (var each : found) partitions.add(new TopicPartition(topic, each.partition()));
      }
      for (TopicPartition each : partitions) out.print(each.topic() + "\t" + each.partition() + "\n");
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      // With read_committed, the end is where the first transaction begins that is still open. Markers of transactions take
      // offsets too: the position passes them, and no record says so.
      Map<TopicPartition, Long> ends = consumer.endOffsets(partitions);
      while (ends.entrySet().stream().anyMatch(end -> consumer.position(end.getKey()) < end.getValue())) {
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          if (record.offset() < ends.get(new TopicPartition(record.topic(), record.partition()))) print(out, record);
        }
      }
    }
    out.flush();
  }

  private static void print(PrintStream out, ConsumerRecord<byte[], byte[]> record) {
    out.print(record.topic() + "\t" + record.partition() + "\t" + record.offset() + "\t" + record.timestamp());
    out.print("\t" + text(record.key()) + "\t" + text(record.value()));
    for (Header header : record.headers()) {
      out.print("\t" + text(header.key().getBytes(java.nio.charset.StandardCharsets.UTF_8)) + "\t" + text(header.value()));
    }
    out.print("\n");
  }

  private static String text(byte[] bytes) {
    return bytes == null ? "-" : Base64.getEncoder().encodeToString(bytes);
  }

  private TopicReader() {}
}
