// Filters over lines of JSON, as quick as Jackson's tokens allow: only values that filters ask for become texts. For
// programs that are no copy of the original.
package weir;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;

/** One thread's. */
final class LineFilter {
  /** Which of equal keys counts. With the first, a line is read no further than to the value that drops it. */
  enum Deciding { FIRST_KEY, LAST_KEY }

  private static final JsonFactory JSON = new ObjectMapper().getFactory();

  private final List<Converter.Filter> filters;
  private final boolean isFirst;
  /** Numbers of fields, by their keys; null where a path has several steps, which need the whole record. */
  private final Map<String, Integer> fields;
  private final int[] fieldOf;
  private final Matcher[] matchers;
  private final String[] texts;
  private final boolean[] wasRead;
  private byte[] kept = new byte[1 << 16];

  LineFilter(JsonNode settings, Deciding deciding) {
    filters = Converter.filters(settings, true);
    isFirst = deciding == Deciding.FIRST_KEY;
    boolean isFlat = filters.stream().allMatch(each -> each.path().length == 1);
    fields = isFlat ? new HashMap<>() : null;
    fieldOf = new int[filters.size()];
    matchers = filters.stream().map(each -> each.pattern().matcher("")).toArray(Matcher[]::new);
    for (int i = 0; isFlat && i < filters.size(); i++) {
      String key = filters.get(i).path()[0];
      fields.putIfAbsent(key, fields.size());
      fieldOf[i] = fields.get(key);
    }
    texts = new String[filters.size()];
    wasRead = new boolean[filters.size()];
  }

  /** Whether the line passes all filters. */
  boolean keeps(byte[] bytes, int start, int length) {
    if (filters.isEmpty()) return true;
    if (fields == null) return Converter.passes(filters, new String(bytes, start, length, StandardCharsets.UTF_8));
    Arrays.fill(texts, null);
    Arrays.fill(wasRead, false);
    try (JsonParser parser = JSON.createParser(bytes, start, length)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) return false;
      for (String key = parser.nextFieldName(); key != null; key = parser.nextFieldName()) {
        if (!take(parser, key)) return false;
      }
    } catch (IOException malformed) {
      return false;
    }
    for (int i = 0; i < matchers.length; i++) if (!holds(i)) return false;
    return true;
  }

  /** Reads one value. False where it drops the line. */
  private boolean take(JsonParser parser, String key) throws IOException {
    JsonToken token = parser.nextToken();
    Integer field = fields.get(key);
    if (field == null || (isFirst && wasRead[field])) {
      parser.skipChildren();
      return true;
    }
    wasRead[field] = true;
    texts[field] = textOf(parser, token);
    if (!isFirst) return true;
    for (int i = 0; i < fieldOf.length; i++) if (fieldOf[i] == field && !holds(i)) return false;
    return true;
  }

  private boolean holds(int filter) {
    String text = texts[fieldOf[filter]];
    boolean matches = text != null && matchers[filter].reset(text).matches();
    return matches == filters.get(filter).include();
  }

  /** As {@code toString()} has what Jackson makes of a value; null for none. */
  private static String textOf(JsonParser parser, JsonToken token) throws IOException {
    if (token == JsonToken.VALUE_STRING) return parser.getText();
    if (token == JsonToken.VALUE_NULL) return null;
    return parser.readValueAs(Object.class).toString();
  }

  /** The lines of a value that pass, each with its line end; null where none does. */
  byte[] keptLines(byte[] value) {
    if (kept.length <= value.length) kept = new byte[value.length + 1];
    int size = 0;
    for (int start = 0, end; start < value.length; start = end + 1) {
      end = start;
      while (end < value.length && value[end] != '\n') end++;
      if (!keeps(value, start, end - start)) continue;
      System.arraycopy(value, start, kept, size, end - start);
      size += end - start;
      kept[size++] = '\n';
    }
    return size == 0 ? null : Arrays.copyOf(kept, size);
  }
}
