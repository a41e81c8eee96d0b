// What one operator of a rule asks of a text: an object each, made once, as anyone would write it. No caches, no
// prefilters, no tables that several operators share. Made by rule_set.cc.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace plain {

// Rules that this program cannot express or RE2 refuses; the message names the place.
struct RuleError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Test {
 public:
  virtual ~Test() = default;
  virtual bool Holds(std::string_view text) const = 0;
};

enum class Comparison { kLess, kLessOrEqual, kGreater, kGreaterOrEqual };

// `whole`: from end to end of the text.
std::unique_ptr<Test> PatternTest(std::string_view pattern, bool whole, bool ignore_case);
std::unique_ptr<Test> OneOfTest(std::vector<std::string> texts, bool ignore_case);
std::unique_ptr<Test> PrefixTest(std::vector<std::string> texts, bool ignore_case);
std::unique_ptr<Test> SuffixTest(std::vector<std::string> texts, bool ignore_case);
std::unique_ptr<Test> ContainsTest(std::vector<std::string> texts, bool ignore_case);
std::unique_ptr<Test> NumberTest(Comparison comparison, std::string_view bound);
std::unique_ptr<Test> NetworkTest(const std::vector<std::string>& networks);

// Sets `out` to the text with %XX and + decoded; bytes that are then not UTF-8 become U+FFFD.
void DecodeUrl(std::string_view text, std::string* out);

}  // namespace plain
