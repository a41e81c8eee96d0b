// One node of Kafka for tests: formats its folder where that is new, then is the broker. Ends at once when its standard
// input does, so that it cannot outlive the tests, however they end.
package weir;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

public final class KafkaNode {
  /** Arguments: the file of settings, the folder of data, the cluster's id, then what else `format` is to be told. */
  public static void main(String[] arguments) throws IOException {
    endWithInput();
    String settings = arguments[0];
    if (!Files.exists(Path.of(arguments[1], "meta.properties"))) {
      List<String> format = new ArrayList<>(List.of("format", "-c", settings, "-t", arguments[2]));
      format.addAll(List.of(arguments).subList(3, arguments.length));
      int status = kafka.tools.StorageTool.execute(format.toArray(String[]::new), System.out);
      if (status != 0) System.exit(status);
    }
    kafka.Kafka.main(new String[] {settings});
  }

  private static void endWithInput() {
    Thread watch = new Thread(() -> {
      try {
        while (System.in.read() >= 0) continue;
      } catch (IOException error) {
        // As good as its end.
      }
      // Not exit(): that would wait for an orderly shutdown, and nobody is left to wait for it.
      Runtime.getRuntime().halt(1);
    }, "end-with-input");
    watch.setDaemon(true);
    watch.start();
  }

  private KafkaNode() {}
}
