// Filters between two topics by Kafka Streams, exactly once: {@code StreamsFilter TASK}. A record goes to the partition that it
// came from, so that the order within partitions stays.
package weir;

import java.io.IOException;
import java.time.Duration;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;
import org.apache.kafka.streams.processor.api.ContextualFixedKeyProcessor;
import org.apache.kafka.streams.processor.api.FixedKeyRecord;

public final class StreamsFilter {
  /** A value that is kept, and the partition that it came from. */
  private record Kept(int partition, byte[] value) {}

  /** Runs until SIGTERM, then commits and ends. Ends with 1 where a thread fails. */
  public static void main(String[] arguments) throws IOException, InterruptedException {
    Task task = Task.read(arguments[0]);
    CountDownLatch failed = new CountDownLatch(1);
    KafkaStreams streams = new KafkaStreams(topology(task).build(), settings(task));
    streams.setUncaughtExceptionHandler(error -> {
      error.printStackTrace();
      failed.countDown();
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    // A transaction that it cannot end in this time is aborted by the broker, and its records are read again.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
    streams.start();
    failed.await();
    System.exit(1);
  }

  private static Properties settings(Task task) {
    Properties properties = new Properties();
    properties.setProperty("bootstrap.servers", task.bootstrap());
    properties.setProperty("application.id", task.group());
    properties.setProperty("state.dir", task.folder());
    // With it, transactions are committed every 100 ms.
    properties.setProperty("processing.guarantee", "exactly_once_v2");
    properties.setProperty("num.stream.threads", String.valueOf(task.threads()));
    Task.quickConsumer(properties, "main.consumer.");
    Task.quickProducer(properties, "producer.");
    return properties;
  }

  private static StreamsBuilder topology(Task task) {
    StreamsBuilder builder = new StreamsBuilder();
    Serde<byte[]> bytes = Serdes.ByteArray();
    Serde<Kept> kept = Serdes.serdeFrom((topic, each) -> each.value(), (topic, value) -> {
      throw new UnsupportedOperationException("is only written");
    });
    builder.stream(task.input(), Consumed.with(bytes, bytes))
        .processValues(() -> new Filtering(task))
        .to(task.output(), Produced.with(bytes, kept)
            .withStreamPartitioner((topic, key, value, count) -> Optional.of(Set.of(value.partition()))));
    return builder;
  }

  private static final class Filtering extends ContextualFixedKeyProcessor<byte[], byte[], Kept> {
    private final LineFilter lines;
    private final boolean isChunks;

    Filtering(Task task) {
      lines = new LineFilter(task.settings(), LineFilter.Deciding.FIRST_KEY);
      isChunks = task.isChunks();
    }

    @Override
    public void process(FixedKeyRecord<byte[], byte[]> record) {
      byte[] value = record.value();
      if (value == null) return;
      if (isChunks) value = lines.keptLines(value);
      else if (!lines.keeps(value, 0, value.length)) return;
      if (value == null) return;
      int partition = context().recordMetadata().orElseThrow().partition();
      context().forward(record.withValue(new Kept(partition, value)));
    }
  }

  private StreamsFilter() {}
}
