// A record as the original converter's filters read it: the first JSON value of a line, the last of several equal
// keys, and values as Java's toString writes them. Exact and slow; original_judge.h asks for it where the usual way of
// reading cannot be sure to come to the same.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "program.h"
#include "slab.h"

namespace weir {

class OriginalRecord {
 public:
  // Asked for any path.
  OriginalRecord() = default;
  // Asked for the paths of these fields alone: of members that none of them names, nothing is kept but whether they are
  // well-formed. The fields outlive it.
  explicit OriginalRecord(const std::vector<Field>& fields);

  enum class Kind : uint8_t { kObject, kNull, kMalformed };

  // Reads the line [begin, end), which must stay while the record is asked for values. Reads up to 16 bytes
  // behind it.
  Kind Read(const char* begin, const char* end);
  // Why the line is malformed.
  Reason reason() const { return reason_; }

  // The text of the value that the path leads to. False when there is none, or null.
  bool Text(const std::vector<Step>& path, std::string* text) const;

  // Forgets the record, and gives back memory that only a huge one needs.
  void Forget();
  // Bytes that the record takes beside its line.
  size_t memory() const { return nodes_.capacity() * sizeof(Node); }

 private:
  enum class Type : uint8_t { kNull, kWord, kNumber, kString, kObject, kArray };
  static constexpr uint32_t kNone = ~uint32_t{0};

  // A value. Of a string or key, the bytes are what stands between the quotes.
  struct Node {
    Type type = Type::kNull;
    bool is_escaped = false;
    bool is_key_escaped = false;
    std::string_view bytes;
    std::string_view key;
    uint32_t first = kNone;  // of the members
    uint32_t next = kNone;   // member beside it
  };

  // What follows reads at p_ and moves it on; false where the line is malformed.
  bool ReadTree();
  bool ReadKey(Node* node);
  bool ReadScalar(Node* node);
  bool ReadString(std::string_view* bytes, bool* is_escaped, size_t most_units);
  bool PassEscape();
  bool ReadWord(std::string_view word);
  bool ReadNumber(Node* node);
  bool Open(Type type, bool is_kept);
  void Keep(const Node& node);
  bool IsWanted(const Node& member) const;
  bool Close();
  bool Fail(Reason reason);
  void PassSpace();
  bool Stands(char c) const { return p_ < end_ && *p_ == c; }

  uint32_t Member(uint32_t object, const std::string& key) const;
  void Print(const Node& node, std::u16string* out) const;
  void PrintObject(const Node& node, std::u16string* out) const;

  std::vector<Node> nodes_;
  // The containers that are open; of those that are kept, their node and the last of their members so far.
  struct Level {
    bool is_object;
    bool is_kept;
    uint32_t node;
    uint32_t last;
  };
  std::vector<Level> levels_;
  bool wants_all_ = true;
  std::vector<std::string_view> wanted_;  // keys, ascending
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  Reason reason_ = Reason::kNone;
  bool has_control_ = false;
};

}  // namespace weir
