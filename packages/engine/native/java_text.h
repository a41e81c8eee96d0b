// Text as Java has it: UTF-16, in which halves of surrogate pairs may stand alone, and the text of numbers. For filters
// of the original converter; knows nothing of records.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace weir {

// Appends `bytes` as Java decodes UTF-8: U+FFFD for each maximal subpart that is none, but one for a whole encoded half
// of a surrogate pair.
void AppendUtf16(std::string_view bytes, std::u16string* out);

// The same for the content of a JSON string, whose escapes are well-formed.
void AppendUnescaped(std::string_view raw, std::u16string* out);

// What stands for half of a surrogate pair in the text that patterns see: java-classes.ts says why.
constexpr uint32_t kHalfPair = 0x10ffff;

// The text as UTF-8, with kHalfPair for halves of surrogate pairs that stand alone.
std::string ToUtf8(std::u16string_view text);

// A JSON number with a fraction or an exponent, as Double.toString of Java 19 and later writes it: the shortest digits
// that read back as the same double, but two at least, and then those nearest to it.
std::string JavaDouble(std::string_view number);

}  // namespace weir
