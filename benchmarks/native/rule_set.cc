// From JSON to conditions. The engine has checked the rule set before: what it would refuse is not looked for here.

#include "rule_set.h"

#include <charconv>
#include <map>

#include "simdjson.h"

namespace plain {
namespace {

using simdjson::dom::element;

std::string String(element value, const char* what) {
  std::string_view text;
  if (value.get(text) != simdjson::SUCCESS) throw RuleError(std::string("this program needs a string as ") + what);
  return std::string(text);
}

// A literal's text: a string, or an integer or boolean as written.
std::string Literal(element value) {
  switch (value.type()) {
    case simdjson::dom::element_type::STRING: return String(value, "literal");
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
    case simdjson::dom::element_type::DOUBLE:
    case simdjson::dom::element_type::BOOL: return simdjson::minify(value);
    default: throw RuleError("this program takes no list files: " + simdjson::minify(value));
  }
}

std::vector<std::string> Literals(element value) {
  simdjson::dom::array list;
  if (value.get(list) != simdjson::SUCCESS) return {Literal(value)};
  std::vector<std::string> texts;
  for (const element each : list) texts.push_back(Literal(each));
  return texts;
}

bool Keeps(element action) {
  std::string_view name;
  if (action.get(name) != simdjson::SUCCESS) throw RuleError("this program knows no routes: " + simdjson::minify(action));
  return name == "keep";
}

// Takes a path apart: keys between dots, quoted keys and indexes in brackets.
std::vector<Step> ParsePath(const std::string& path) {
  std::vector<Step> steps;
  for (size_t at = 0; at < path.size();) {
    if (path[at] != '[') {
      if (path[at] == '.') at++;
      const size_t end = std::min(path.find_first_of(".[", at), path.size());
      steps.push_back({path.substr(at, end - at), 0, false});
      at = end;
    } else if (at + 1 < path.size() && path[at + 1] == '"') {
      size_t end = at + 2;
      while (end < path.size() && path[end] != '"') end += path[end] == '\\' ? 2 : 1;
      if (end + 1 >= path.size()) throw RuleError("no field path: " + path);
      simdjson::dom::parser parser;
      steps.push_back({String(parser.parse(path.substr(at + 1, end - at)), "key"), 0, false});
      at = end + 2;
    } else {
      Step step{"", 0, true};
      const auto parsed = std::from_chars(path.data() + at + 1, path.data() + path.size(), step.index);
      if (parsed.ec != std::errc()) throw RuleError("no field path: " + path);
      steps.push_back(step);
      at = static_cast<size_t>(parsed.ptr - path.data()) + 1;
    }
  }
  return steps;
}

class Reader {
 public:
  explicit Reader(RuleSet* rules) : rules_(*rules) {}

  Condition Read(element value) {
    const simdjson::dom::object object = value.get_object();
    for (const auto& [name, kind] : {std::pair{"all", Condition::kAll}, {"any", Condition::kAny}, {"not", Condition::kNot}}) {
      element inner;
      if (object[name].get(inner) != simdjson::SUCCESS) continue;
      Condition condition;
      condition.kind = kind;
      if (kind == Condition::kNot) condition.children.push_back(Read(inner));
      else for (const element each : inner.get_array()) condition.children.push_back(Read(each));
      return condition;
    }
    return ReadPredicate(object);
  }

 private:
  Condition ReadPredicate(simdjson::dom::object object) {
    Condition condition;
    Predicate& predicate = condition.predicate;
    bool ignore_case = false;
    if (object["ignoreCase"].get(ignore_case) != simdjson::SUCCESS) ignore_case = false;
    for (const auto& [key, value] : object) {
      if (key == "field") predicate.slot = Slot(String(value, "field"));
      else if (key == "decode") predicate.decodes = true;
      else if (key == "exists") predicate.exists = value.get_bool();
      else if (key != "ignoreCase") predicate.tests.push_back(ReadOperator(key, value, ignore_case));
    }
    return condition;
  }

  std::unique_ptr<Test> ReadOperator(std::string_view name, element value, bool ignore_case) {
    if (name == "matches") return PatternTest(String(value, "pattern"), true, ignore_case);
    if (name == "search") return PatternTest(String(value, "pattern"), false, ignore_case);
    if (name == "equals" || name == "in") return OneOfTest(Literals(value), ignore_case);
    if (name == "prefix") return PrefixTest(Literals(value), ignore_case);
    if (name == "suffix") return SuffixTest(Literals(value), ignore_case);
    if (name == "contains") return ContainsTest(Literals(value), ignore_case);
    if (name == "lt") return NumberTest(Comparison::kLess, Literal(value));
    if (name == "lte") return NumberTest(Comparison::kLessOrEqual, Literal(value));
    if (name == "gt") return NumberTest(Comparison::kGreater, Literal(value));
    if (name == "gte") return NumberTest(Comparison::kGreaterOrEqual, Literal(value));
    if (name == "cidr") return NetworkTest(Literals(value));
    throw RuleError("this program does not know the operator " + std::string(name));
  }

  size_t Slot(const std::string& path) {
    const auto [found, is_new] = slots_.try_emplace(path, rules_.fields.size());
    if (is_new) rules_.fields.push_back(ParsePath(path));
    return found->second;
  }

  RuleSet& rules_;
  std::map<std::string, size_t> slots_;
};

}  // namespace

RuleSet ReadRuleSet(std::string_view json) {
  simdjson::dom::parser parser;
  RuleSet rules;
  try {
    const element root = parser.parse(json.data(), json.size());
    Reader reader(&rules);
    element missing;
    if (root["missing"].get(missing) == simdjson::SUCCESS) rules.missing = Literals(missing);
    for (const element rule : root["rules"].get_array()) {
      rules.rules.push_back({reader.Read(rule["when"]), Keeps(rule["then"])});
    }
    rules.keeps_by_default = Keeps(root["default"]);
  } catch (const simdjson::simdjson_error& error) {
    throw RuleError(std::string("no rule set: ") + error.what());
  }
  return rules;
}

}  // namespace plain
