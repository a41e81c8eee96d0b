// The original converter between two topics, repaired: {@code RepairedConverter TASK}. Patterns are compiled once, lines read
// once and from bytes, outputs batched; an offset is committed when all outputs before it are acknowledged, so that a crash
// repeats and loses nothing. Key, headers, time and partition stay, and so does the order within a partition.
package weir;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public final class RepairedConverter implements ConsumerRebalanceListener {
  /** Neighbours of one partition that a worker takes at once: many lines, or one value of lines. */
  private static final int SLICE_BYTES = 128 << 10;
  private static final int PENDING_BYTES = 32 << 20;
  private static final long COMMIT_NS = 100_000_000;

  /** Records that were handed to a worker, what comes of them, and how much of that is not acknowledged. */
  private record Slice(TopicPartition partition, long nextOffset, int bytes, Future<List<ProducerRecord<byte[], byte[]>>> kept,
      AtomicInteger open) {}

  private final Task task;
  private final KafkaConsumer<byte[], byte[]> consumer;
  private final KafkaProducer<byte[], byte[]> producer;
  private final ExecutorService workers;
  private final ThreadLocal<LineFilter> filter;
  private final Queue<Slice> pending = new ArrayDeque<>();
  private int pendingBytes;
  /** Given to the producer, in this order. */
  private final Queue<Slice> sent = new ArrayDeque<>();
  private long committedAt = System.nanoTime();
  private volatile boolean isStopping;
  private volatile Exception failure;

  /** Runs until SIGTERM, then finishes what it has begun. Ends with 1 where an output is not acknowledged. */
  public static void main(String[] arguments) throws IOException {
    RepairedConverter converter = new RepairedConverter(Task.read(arguments[0]));
    Thread main = Thread.currentThread();
    Runtime.getRuntime().addShutdownHook(new Thread(() -> converter.stop(main)));
    try {
      converter.run();
    } catch (Exception error) {
      error.printStackTrace();
      // Not exit(): that would wait for the hook, which waits for this thread.
      Runtime.getRuntime().halt(1);
    }
  }

  private RepairedConverter(Task task) {
    this.task = task;
    Properties reading = task.consumer();
    reading.setProperty("enable.auto.commit", "false");
    Task.quickConsumer(reading, "");
    Properties writing = task.producer();
    writing.setProperty("linger.ms", "10");
    Task.quickProducer(writing, "");
    consumer = new KafkaConsumer<>(reading, new ByteArrayDeserializer(), new ByteArrayDeserializer());
    producer = new KafkaProducer<>(writing, new ByteArraySerializer(), new ByteArraySerializer());
    workers = Executors.newFixedThreadPool(task.threads());
    filter = ThreadLocal.withInitial(() -> new LineFilter(task.settings(), LineFilter.Deciding.LAST_KEY));
  }

  private void run() throws Exception {
    consumer.subscribe(List.of(task.input()), this);
    while (!isStopping) {
      hand(consumer.poll(Duration.ofMillis(pending.isEmpty() ? 100 : 0)));
      while (!pending.isEmpty()) {
        sendNext();
        // While workers have enough to do, the next records are asked for.
        if (pendingBytes <= PENDING_BYTES && !pending.isEmpty() && !pending.peek().kept().isDone()) break;
      }
      if (System.nanoTime() - committedAt >= COMMIT_NS) commit();
    }
    finish();
    consumer.close();
    producer.close();
    workers.shutdown();
  }

  private void stop(Thread main) {
    isStopping = true;
    try {
      main.join();
    } catch (InterruptedException ended) {
      Thread.currentThread().interrupt();
    }
  }

  private void hand(ConsumerRecords<byte[], byte[]> records) {
    for (TopicPartition partition : records.partitions()) {
      List<ConsumerRecord<byte[], byte[]>> all = records.records(partition);
      for (int from = 0, to; from < all.size(); from = to) {
        int bytes = 0;
        for (to = from; to < all.size() && bytes < SLICE_BYTES; to++) bytes += Math.max(0, all.get(to).serializedValueSize());
        var slice = all.subList(from, to);
        long nextOffset = slice.get(slice.size() - 1).offset() + 1;
        pending.add(new Slice(partition, nextOffset, bytes, workers.submit(() -> kept(slice)), new AtomicInteger()));
        pendingBytes += bytes;
      }
    }
  }

  /** What comes of records, in a worker. */
  private List<ProducerRecord<byte[], byte[]>> kept(List<ConsumerRecord<byte[], byte[]>> records) {
    LineFilter lines = filter.get();
    List<ProducerRecord<byte[], byte[]>> outputs = new ArrayList<>();
    for (var record : records) {
      byte[] value = record.value();
      if (value == null) continue;
      if (task.isChunks()) value = lines.keptLines(value);
      else if (!lines.keeps(value, 0, value.length)) continue;
      if (value == null) continue;
      outputs.add(new ProducerRecord<>(task.output(), record.partition(), record.timestamp(), record.key(), value, record.headers()));
    }
    return outputs;
  }

  /** Waits for the oldest slice and gives what comes of it to the producer. */
  private void sendNext() throws InterruptedException, ExecutionException {
    Slice slice = pending.remove();
    pendingBytes -= slice.bytes();
    sent.add(slice);
    var outputs = slice.kept().get();
    slice.open().set(outputs.size());
    for (var output : outputs) {
      producer.send(output, (metadata, error) -> {
        if (error != null) failure = error;
        else slice.open().decrementAndGet();
      });
    }
  }

  /** Where partitions stand whose outputs are acknowledged, since it was asked last. */
  private Map<TopicPartition, OffsetAndMetadata> acknowledged() throws Exception {
    if (failure != null) throw failure;
    Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
    while (!sent.isEmpty() && sent.peek().open().get() == 0) {
      Slice slice = sent.remove();
      offsets.put(slice.partition(), new OffsetAndMetadata(slice.nextOffset()));
    }
    return offsets;
  }

  private void commit() throws Exception {
    committedAt = System.nanoTime();
    var offsets = acknowledged();
    if (!offsets.isEmpty()) consumer.commitAsync(offsets, null);
  }

  private void finish() throws Exception {
    while (!pending.isEmpty()) sendNext();
    producer.flush();
    consumer.commitSync(acknowledged());
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> partitions) {}

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> partitions) {
    try {
      finish();
    } catch (Exception error) {
      throw new IllegalStateException(error);
    }
  }

  /** They are another's: what is under way for them will be repeated there. */
  @Override
  public void onPartitionsLost(Collection<TopicPartition> partitions) {
    pending.removeIf(slice -> partitions.contains(slice.partition()));
    pendingBytes = pending.stream().mapToInt(Slice::bytes).sum();
    sent.removeIf(slice -> partitions.contains(slice.partition()));
  }
}
