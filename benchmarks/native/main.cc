// plain-cpp: filters NDJSON as a careful developer would write it with simdjson's On-Demand parser and RE2. A contender of
// the benchmarks: right on their records, and not in every corner that docs/rules.md describes.
//
//   plain-cpp [--check] RULES IN OUT             one file to another; OUT may be -
//   plain-cpp [--check] --resident RULES IN      passes over memory, as told on standard input
//   plain-cpp --newlines IN                      the same, and counts line feeds with memchr instead
//
// A resident process prints `ready`; then for each line `run` one line of JSON: nanoseconds and counts; for `write PATH`
// it writes what the last pass kept and prints the number of bytes; at the end of its input it ends. --check has every
// kept record parsed whole. Exit codes: 0; 1 for a fault; 2 for rules that it does not know, or wrong use.

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "filter.h"
#include "rule_set.h"

namespace plain {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct FileCloser {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

File Open(const std::string& path, const char* mode) {
  File file(path == "-" ? fdopen(STDOUT_FILENO, mode) : std::fopen(path.c_str(), mode));
  if (file == nullptr) Fail(path);
  // Reads and writes are large and go past the library's buffer.
  std::setvbuf(file.get(), nullptr, _IONBF, 0);
  return file;
}

void Write(std::FILE* file, const std::string& path, const char* bytes, size_t count) {
  if (std::fwrite(bytes, 1, count, file) != count) Fail(path);
}

size_t Read(std::FILE* file, const std::string& path, char* bytes, size_t room) {
  const size_t count = std::fread(bytes, 1, room, file);
  if (count < room && std::ferror(file) != 0) Fail(path);
  return count;
}

// A file in memory, with simdjson's padding behind it.
struct Bytes {
  std::unique_ptr<char[]> data;
  size_t size = 0;
};

Bytes ReadWhole(const std::string& path) {
  const File file = Open(path, "rb");
  if (std::fseek(file.get(), 0, SEEK_END) != 0) Fail(path);
  const auto size = static_cast<size_t>(std::ftell(file.get()));
  std::rewind(file.get());
  Bytes bytes{std::make_unique<char[]>(size + simdjson::SIMDJSON_PADDING), size};
  if (Read(file.get(), path, bytes.data.get(), size) != size) throw std::runtime_error(path + " has become shorter");
  return bytes;
}

RuleSet ReadRules(const std::string& path) {
  const Bytes json = ReadWhole(path);
  return ReadRuleSet({json.data.get(), json.size});
}

// File to file, in chunks of whole lines that stay in the processor's cache.
void FilterFile(const RuleSet& rules, bool checks, const std::string& from, const std::string& to) {
  const File input = Open(from, "rb"), output = Open(to, "wb");
  Filter filter(rules, checks);
  Counts counts;
  std::vector<char> in, out;
  size_t held = 0;
  for (bool is_end = false; !is_end;) {
    // A line that is longer than all before it needs a larger chunk.
    if (in.size() < held + kChunkBytes + simdjson::SIMDJSON_PADDING) in.resize(held + kChunkBytes + simdjson::SIMDJSON_PADDING);
    const size_t read = Read(input.get(), from, in.data() + held, kChunkBytes);
    is_end = read < kChunkBytes;
    const size_t filled = held + read;
    const auto* feed = is_end ? nullptr : static_cast<const char*>(memrchr(in.data() + held, '\n', read));
    const size_t whole = is_end ? filled : feed == nullptr ? 0 : static_cast<size_t>(feed - in.data()) + 1;
    if (out.size() < whole + 1) out.resize(whole + 1);
    const char* const end = filter.Run(in.data(), in.data() + whole, out.data(), &counts);
    Write(output.get(), to, out.data(), static_cast<size_t>(end - out.data()));
    held = filled - whole;
    std::memmove(in.data(), in.data() + whole, held);
  }
  std::fprintf(stderr, "%llu kept, %llu malformed\n", static_cast<unsigned long long>(counts.kept),
               static_cast<unsigned long long>(counts.malformed));
}

// Does what standard input says; `pass` returns the rest of the answer, `write` the number of bytes written to a path.
void Serve(const std::function<std::string()>& pass, const std::function<size_t(const std::string&)>& write) {
  std::cout << "ready" << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "run") {
      const auto started = std::chrono::steady_clock::now();
      const std::string answer = pass();
      const std::chrono::nanoseconds taken = std::chrono::steady_clock::now() - started;
      std::cout << "{\"ns\":" << taken.count() << answer << "}" << std::endl;
    } else if (line.starts_with("write ")) {
      const size_t bytes = write(line.substr(6));
      std::cout << "{\"bytes\":" << bytes << "}" << std::endl;
    } else {
      throw RuleError("on standard input: run or write PATH, not " + line);
    }
  }
}

std::string Describe(const Counts& counts) {
  std::string text = ",\"kept\":" + std::to_string(counts.kept) + ",\"malformed\":" + std::to_string(counts.malformed);
  text += ",\"byRule\":[";
  for (size_t i = 0; i < counts.by_rule.size(); i++) {
    if (i > 0) text += ',';
    text += std::to_string(counts.by_rule[i]);
  }
  text += ']';
  return text;
}

void ServeFilter(const RuleSet& rules, bool checks, const std::string& from) {
  const Bytes input = ReadWhole(from);
  const auto output = std::make_unique<char[]>(input.size + 1);
  Filter filter(rules, checks);
  size_t kept_bytes = 0;
  Serve(
      [&] {
        Counts counts;
        const char* const begin = input.data.get();
        const char* const end = filter.Run(begin, begin + input.size, output.get(), &counts);
        kept_bytes = static_cast<size_t>(end - output.get());
        return Describe(counts);
      },
      [&](const std::string& path) {
        Write(Open(path, "wb").get(), path, output.get(), kept_bytes);
        return kept_bytes;
      });
}

void ServeNewlines(const std::string& from) {
  const Bytes input = ReadWhole(from);
  Serve(
      [&input] {
        uint64_t lines = 0;
        const char* const end = input.data.get() + input.size;
        for (const char* p = input.data.get(); p < end; p++, lines++) {
          p = static_cast<const char*>(std::memchr(p, '\n', static_cast<size_t>(end - p)));
          if (p == nullptr) break;
        }
        return ",\"lines\":" + std::to_string(lines);
      },
      [](const std::string&) -> size_t { throw RuleError("counting line feeds keeps nothing to write"); });
}

int Main(std::vector<std::string> args) {
  const auto flag = [&args](const char* name) { return std::erase(args, name) > 0; };
  const bool checks = flag("--check"), is_resident = flag("--resident"), counts_lines = flag("--newlines");
  if (counts_lines && args.size() == 1) ServeNewlines(args[0]);
  else if (is_resident && args.size() == 2) ServeFilter(ReadRules(args[0]), checks, args[1]);
  else if (!counts_lines && !is_resident && args.size() == 3) FilterFile(ReadRules(args[0]), checks, args[1], args[2]);
  else throw RuleError("usage: plain-cpp [--check] RULES IN OUT | [--check] --resident RULES IN | --newlines IN");
  return 0;
}

}  // namespace
}  // namespace plain

int main(int argc, char** argv) {
  try {
    return plain::Main({argv + 1, argv + argc});
  } catch (const plain::RuleError& error) {
    std::fprintf(stderr, "plain-cpp: %s\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "plain-cpp: %s\n", error.what());
    return 1;
  }
}
