package weir;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.StringJoiner;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * What the original converter does with lines, on the real Jackson and java.util.regex. Reads requests from standard
 * input, a JSON object a line, and answers each with a line:
 *
 * <ul>
 *   <li>{@code {"regex", "values"}}: {@code {"error"}}, or {@code {"matches"}} with a 0 or 1 for each value;
 *   <li>{@code {"filters", "bytes"}}, the bytes in Base64: {@code {"outcomes", "kept"}}, an outcome for each line and
 *       the lines that are kept, in Base64;
 *   <li>{@code {"filters", "envelope"}}, a Fluentd record in Base64: the same for the lines of its {@code message}, or
 *       {@code {"error"}} where it is refused;
 *   <li>{@code {"number"}}: {@code {"text"}}, what Java prints of it.
 * </ul>
 */
public final class OriginalFilters {
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final TypeReference<Map<String, Object>> RECORD = new TypeReference<>() {};

  private record Filter(String fieldName, Pattern regex, boolean include) {}

  public static void main(String[] arguments) throws Exception {
    var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    var out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
    for (String line = in.readLine(); line != null; line = in.readLine()) {
      out.print(MAPPER.writeValueAsString(answer(MAPPER.readTree(line))));
      out.print('\n');
    }
    out.flush();
  }

  private static ObjectNode answer(JsonNode request) throws Exception {
    if (request.has("regex")) return match(request.get("regex").asText(), request.get("values"));
    if (request.has("envelope")) return open(request.get("filters"), text(request.get("envelope")));
    if (request.has("filters")) return filter(request.get("filters"), text(request.get("bytes")));
    ObjectNode answer = MAPPER.createObjectNode();
    return answer.put("text", text(MAPPER.readValue("{\"a\":" + request.get("number").asText() + "}", RECORD).get("a")));
  }

  private static ObjectNode match(String regex, JsonNode values) {
    ObjectNode answer = MAPPER.createObjectNode();
    Pattern pattern;
    try {
      pattern = Pattern.compile(regex);
    } catch (PatternSyntaxException error) {
      return answer.put("error", error.getDescription());
    }
    var matches = new StringBuilder();
    for (JsonNode value : values) {
      try {
        matches.append(pattern.matcher(value.asText()).matches() ? '1' : '0');
      } catch (StackOverflowError error) {
        matches.append('?');
      } catch (RuntimeException error) {
        // Java takes some patterns that it cannot use.
        matches.append('!');
      }
    }
    return answer.put("matches", matches.toString());
  }

  private static ObjectNode filter(JsonNode settings, String message) {
    List<Filter> filters = new ArrayList<>();
    for (JsonNode each : settings) {
      filters.add(
          new Filter(
              each.get("fieldName").asText(), Pattern.compile(each.get("regex").asText()), each.path("include").asBoolean()));
    }
    ObjectNode answer = MAPPER.createObjectNode();
    ArrayNode outcomes = answer.putArray("outcomes");
    var kept = new StringBuilder();
    for (String line : lines(message)) {
      String outcome = outcome(line, filters);
      outcomes.add(outcome);
      if (outcome.equals("keep")) kept.append(line).append('\n');
    }
    return answer.put("kept", Base64.getEncoder().encodeToString(kept.toString().getBytes(StandardCharsets.UTF_8)));
  }

  /** Bytes as Kafka's deserializer reads them. */
  private static String text(JsonNode base64) throws Exception {
    return new String(base64.binaryValue(), StandardCharsets.UTF_8);
  }

  private static ObjectNode open(JsonNode filters, String envelope) throws Exception {
    String message;
    try {
      message = message(envelope);
    } catch (JsonProcessingException error) {
      return MAPPER.createObjectNode().put("error", error.getOriginalMessage());
    }
    return filter(filters, message);
  }

  /** An object of scalars, which are taken as text. */
  private static String message(String envelope) throws Exception {
    Map<String, String> record = MAPPER.readValue(envelope, new TypeReference<Map<String, String>>() {});
    return record == null || record.get("message") == null ? "" : record.get("message");
  }

  /** Lines end at a line feed and nowhere else; one at the very end begins no further line. */
  private static List<String> lines(String message) {
    List<String> lines = new ArrayList<>(List.of(message.split("\n", -1)));
    if (lines.get(lines.size() - 1).isEmpty()) lines.remove(lines.size() - 1);
    return lines;
  }

  /** {@code keep}, {@code null}, {@code error}, or the index of the filter that drops the line. */
  private static String outcome(String line, List<Filter> filters) {
    if (filters.isEmpty()) return "keep";
    Map<String, Object> record;
    try {
      record = MAPPER.readValue(line, RECORD);
    } catch (Exception error) {
      return "error";
    }
    if (record == null) return "null";
    for (int i = 0; i < filters.size(); i++) {
      Filter filter = filters.get(i);
      Object value = find(record, filter.fieldName());
      boolean matches = value != null && filter.regex().matcher(text(value)).matches();
      if (matches != filter.include()) return String.valueOf(i);
    }
    return "keep";
  }

  /** Where a key on the way is absent or null, the last key is looked for in the object that was reached. */
  private static Object find(Map<?, ?> record, String fieldName) {
    String[] keys = fieldName.split("\\.");
    Map<?, ?> reached = record;
    for (int i = 0; i + 1 < keys.length && reached.get(keys[i]) != null; i++) {
      if (!(reached.get(keys[i]) instanceof Map<?, ?> next)) return null;
      reached = next;
    }
    return reached.get(keys[keys.length - 1]);
  }

  /** What toString gives on Java 19 and later, whose Double.toString is another than before. */
  private static String text(Object value) {
    if (value instanceof Double number) return text(number.doubleValue());
    if (value instanceof Map<?, ?> members) {
      var joined = new StringJoiner(", ", "{", "}");
      members.forEach((key, member) -> joined.add(key + "=" + text(member)));
      return joined.toString();
    }
    if (value instanceof List<?> items) {
      var joined = new StringJoiner(", ", "[", "]");
      items.forEach(item -> joined.add(text(item)));
      return joined.toString();
    }
    return String.valueOf(value);
  }

  /** By the definition: of the shortest decimals that round to the number, two digits at least, the nearest, or even. */
  private static String text(double number) {
    if (Double.isInfinite(number) || number == 0) return Double.toString(number);
    BigDecimal exact = new BigDecimal(Math.abs(number));
    String text = null;
    for (int digits = 2; text == null; digits++) {
      BigDecimal low = exact.round(new MathContext(digits, RoundingMode.FLOOR));
      BigDecimal high = exact.round(new MathContext(digits, RoundingMode.CEILING));
      boolean takesLow = low.doubleValue() == Math.abs(number);
      boolean takesHigh = high.doubleValue() == Math.abs(number);
      int nearer = exact.subtract(low).compareTo(high.subtract(exact));
      boolean isLowEven = !low.setScale(low.scale() + digits - low.precision()).unscaledValue().testBit(0);
      if (takesLow && (!takesHigh || nearer < 0 || (nearer == 0 && isLowEven))) text = print(low);
      else if (takesHigh) text = print(high);
    }
    if (number < 0) text = "-" + text;
    if (Runtime.version().feature() >= 19 && !text.equals(Double.toString(number))) {
      throw new AssertionError(text + " is not what Java prints: " + number);
    }
    return text;
  }

  private static String print(BigDecimal decimal) {
    int exponent = decimal.precision() - decimal.scale() - 1;
    if (exponent >= -3 && exponent < 7) {
      BigDecimal plain = decimal.stripTrailingZeros();
      return plain.setScale(Math.max(1, plain.scale())).toPlainString();
    }
    String digits = decimal.stripTrailingZeros().unscaledValue().toString();
    return digits.charAt(0) + "." + (digits.length() > 1 ? digits.substring(1) : "0") + "E" + exponent;
  }
}
