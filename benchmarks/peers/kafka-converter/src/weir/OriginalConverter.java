// The original converter between two topics, as published: {@code OriginalConverter TASK}. What differs: it is told the form of
// values, in place of opening the envelope in which lines come to the original, it commits every 100 ms, since that is how one
// sees that it reads, and it leaves out the log and the metrics of each message.
package weir;

import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Properties;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.DoubleAdder;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

public final class OriginalConverter {
  private static final DoubleAdder DELAYS = new DoubleAdder();

  /** Runs until the process is ended. Offsets are committed by the client, ahead of the work that waits in the queue. */
  public static void main(String[] arguments) throws IOException {
    Task task = Task.read(arguments[0]);
    Properties reading = task.consumer();
    reading.setProperty("auto.commit.interval.ms", "100");
    var producer = new KafkaProducer<>(task.producer(), new StringSerializer(), new StringSerializer());
    // Told, so that no compiler may leave the work out.
    Runtime.getRuntime().addShutdownHook(new Thread(() -> System.err.println("sum of delays: " + DELAYS.sum() + " ms")));
    try (var consumer = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(task.input()));
      ExecutorService workers = Executors.newFixedThreadPool(task.threads());
      while (true) {
        for (ConsumerRecord<String, String> record : consumer.poll(Duration.ofMillis(100))) {
          workers.submit(() -> convert(task, record, producer));
        }
      }
    }
  }

  private static void convert(Task task, ConsumerRecord<String, String> record, KafkaProducer<String, String> producer) {
    try {
      StringBuilder kept = new StringBuilder();
      String rest = record.value();
      while (rest != null && !rest.isEmpty()) {
        int end = rest.indexOf('\n');
        String line = end < 0 ? rest : rest.substring(0, end);
        rest = end < 0 ? null : rest.substring(end + 1);
        if (!Converter.passes(Converter.filters(task.settings(), false), line)) continue;
        DELAYS.add(Converter.delay(line));
        if (task.isChunks()) kept.append(line).append('\n');
        else send(task, record.key(), line, producer);
      }
      if (!kept.isEmpty()) send(task, record.key(), kept.toString(), producer);
    } catch (Throwable error) {
      System.err.println(error);
    }
  }

  /** What comes of it is not looked at. */
  private static void send(Task task, String key, String value, KafkaProducer<String, String> producer) {
    producer.send(new ProducerRecord<>(task.output(), key, value));
    producer.flush();
  }

  private OriginalConverter() {}
}
