// What a program between two topics is to do, read from a file of JSON, and what follows from it for Apache's clients. The
// programs stand beside this file, and one in ../../../kafka-streams.
package weir;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.util.Properties;

/** `settings` has the filters as the original's settings file does. `isChunks`: a value holds many lines, not one. */
record Task(JsonNode settings, String bootstrap, String group, String input, String output, boolean isChunks, int threads,
    String folder) {

  static Task read(String path) throws IOException {
    JsonNode file = new ObjectMapper().readTree(new File(path));
    return new Task(file, text(file, "bootstrap"), text(file, "group"), text(file, "input"), text(file, "output"),
        text(file, "form").equals("chunks"), file.get("threads").asInt(), text(file, "folder"));
  }

  private static String text(JsonNode file, String name) {
    return file.get(name).textValue();
  }

  Properties consumer() {
    Properties properties = new Properties();
    properties.setProperty("bootstrap.servers", bootstrap);
    properties.setProperty("group.id", group);
    properties.setProperty("auto.offset.reset", "earliest");
    return properties;
  }

  Properties producer() {
    Properties properties = new Properties();
    properties.setProperty("bootstrap.servers", bootstrap);
    return properties;
  }

  /**
   * Settings of clients that are to be quick and to lose nothing, beside the client's own, which wait for all replicas and
   * repeat nothing: room for whole batches on both sides. `prefix` as Kafka Streams wants it before those of each client.
   */
  static void quickConsumer(Properties properties, String prefix) {
    properties.setProperty(prefix + "max.partition.fetch.bytes", String.valueOf(4 << 20));
    properties.setProperty(prefix + "max.poll.records", "2000");
  }

  static void quickProducer(Properties properties, String prefix) {
    properties.setProperty(prefix + "batch.size", String.valueOf(256 << 10));
    properties.setProperty(prefix + "max.request.size", String.valueOf(16 << 20));
  }
}
