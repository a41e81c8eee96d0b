package weir;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * What the original converter does with lines, from a file to a file: {@code Converter MODE SETTINGS INPUT OUTPUT}.
 *
 * <ul>
 *   <li>{@code original}: as published. For every line it reads the filters out of the settings and compiles the patterns that it
 *       comes to; each line that is kept is flushed, and parsed a second time for the delay that it reports.
 *   <li>{@code repaired}: filters and patterns are made once, each line is parsed once, and output is flushed at the end.
 * </ul>
 */
public final class Converter {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final TypeReference<Map<String, Object>> RECORD = new TypeReference<>() {};
  private static final TypeReference<List<Setting>> SETTINGS = new TypeReference<>() {};

  /** A filter as the settings have it. */
  private record Setting(String fieldName, String regex, boolean include) {}

  /** A filter; `pattern` is absent where it is compiled whenever it is asked. */
  record Filter(String[] path, String regex, Pattern pattern, boolean include) {
    private boolean matches(String text) {
      Pattern compiled = pattern == null ? Pattern.compile(regex) : pattern;
      return compiled.matcher(text).matches();
    }
  }

  /** Decides a line. */
  private interface Rules {
    boolean keep(String line) throws IOException;
  }

  public static void main(String[] arguments) throws IOException {
    boolean isOriginal = arguments[0].equals("original");
    JsonNode settings = MAPPER.readTree(new File(arguments[1]));
    List<Filter> filters = filters(settings, true);
    Rules rules = isOriginal ? line -> passes(filters(settings, false), line) : line -> passes(filters, line);
    double delays = 0;
    try (BufferedReader in = Files.newBufferedReader(Path.of(arguments[2]), StandardCharsets.UTF_8);
        BufferedWriter out = Files.newBufferedWriter(Path.of(arguments[3]), StandardCharsets.UTF_8)) {
      for (String line = in.readLine(); line != null; line = in.readLine()) {
        if (!rules.keep(line)) continue;
        out.write(line);
        out.write('\n');
        if (isOriginal) {
          out.flush();
          delays += delay(line);
        }
      }
    }
    // Told, so that no compiler may leave the work out.
    if (isOriginal) System.err.println("sum of delays: " + delays + " ms");
  }

  /** The filters of settings, their patterns compiled now or each time that they are asked. */
  static List<Filter> filters(JsonNode settings, boolean areCompiled) {
    return MAPPER.convertValue(settings.get("filters"), SETTINGS).stream()
        .map(each -> {
          Pattern pattern = areCompiled ? Pattern.compile(each.regex()) : null;
          return new Filter(each.fieldName().split("\\."), each.regex(), pattern, each.include());
        })
        .toList();
  }

  /** Whether a line passes all filters; without any, everything does. */
  static boolean passes(List<Filter> filters, String line) {
    if (filters.isEmpty()) return true;
    Map<String, Object> record;
    try {
      record = MAPPER.readValue(line, RECORD);
    } catch (IOException malformed) {
      return false;
    }
    if (record == null) return false;
    for (Filter filter : filters) {
      Object value = valueAt(record, filter.path());
      boolean matches = value != null && filter.matches(value.toString());
      if (matches != filter.include()) return false;
    }
    return true;
  }

  /** Where a key in the middle is missing, the last key is looked up in the deepest object that was reached. */
  private static Object valueAt(Map<String, Object> record, String[] path) {
    Map<?, ?> at = record;
    for (int i = 0; i < path.length - 1; i++) {
      Object next = at.get(path[i]);
      if (next == null) break;
      if (!(next instanceof Map<?, ?> object)) return null;
      at = object;
    }
    return at.get(path[path.length - 1]);
  }

  /** Milliseconds since the time that the record has, parsed once more. */
  static double delay(String line) throws IOException {
    Object time = MAPPER.readValue(line, RECORD).get("reqTimeSec");
    return time instanceof String text ? System.currentTimeMillis() - Double.parseDouble(text) * 1000 : 0;
  }
}
