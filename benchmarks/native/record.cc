// A walk ends when all wanted fields were met. Keys and values without escapes are looked at where they stand; only those
// with a backslash are copied.

#include "record.h"

#include <algorithm>
#include <cstring>

namespace plain {

using simdjson::error_code;
using simdjson::SUCCESS;
namespace ondemand = simdjson::ondemand;

// A look-up passes over the fields between the last one and the wanted one, so it loses to a walk where many are wanted:
// with 6 fields it was a sixth faster, with 21 a tenth slower.
constexpr size_t kMostLookUps = 8;

RecordReader::RecordReader(const RuleSet& rules)
    : rules_(rules), values_(rules.fields.size()), decoded_(rules.fields.size()) {
  looks_up_ = rules.fields.size() <= kMostLookUps &&
              std::all_of(rules.fields.begin(), rules.fields.end(), [](const auto& path) { return path.size() == 1; });
  for (size_t slot = 0; slot < rules.fields.size(); slot++) {
    Node* node = &root_;
    for (const Step& step : rules.fields[slot]) {
      node->slots.push_back(slot);
      node = Child(node, step);
    }
    node->slots.push_back(slot);
    node->slot = slot;
    nodes_.push_back(node);
  }
}

RecordReader::Node* RecordReader::Child(Node* node, const Step& step) {
  if (step.is_index) {
    for (const auto& [index, child] : node->items) {
      if (index == step.index) return child.get();
    }
    return node->items.emplace_back(step.index, std::make_unique<Node>()).second.get();
  }
  node->has_keys = true;
  const std::string quoted = step.key + '"';
  auto& alike = node->keys[static_cast<uint8_t>(quoted[0])];
  for (const auto& [key, child] : alike) {
    if (key == quoted) return child.get();
  }
  return alike.emplace_back(quoted, std::make_unique<Node>()).second.get();
}

bool RecordReader::Read(const char* line, size_t size, size_t capacity) {
  line_ = line;
  size_ = size;
  capacity_ = capacity;
  has_backslash_ = std::memchr(line, '\\', size) != nullptr;
  is_broken_ = false;
  return looks_up_ ? Begin() : Walk();
}

bool RecordReader::Begin() {
  std::fill(values_.begin(), values_.end(), Value());
  unseen_ = values_.size();
  return parser_.iterate(line_, size_, capacity_).get(document_) == SUCCESS && document_.get_object().get(object_) == SUCCESS;
}

bool RecordReader::Walk() {
  if (!Begin() || WalkObject(root_, object_) != SUCCESS) return false;
  SetRestMissing(root_);
  return true;
}

void RecordReader::LookUp(size_t slot) {
  // After an error the parser must not be asked again.
  if (is_broken_) return;
  ondemand::value value;
  error_code error = object_.find_field_unordered(rules_.fields[slot][0].key).get(value);
  if (error == SUCCESS) error = Take(*nodes_[slot], value);
  if (error == simdjson::NO_SUCH_FIELD) {
    // It finds no key that is written with escapes: where there may be one, the walk says.
    if (!has_backslash_) return Set(slot, Value::kMissing, {});
    if (Walk()) return;
  }
  is_broken_ = error != SUCCESS;
}

// `key`: ends with a quote and has readable bytes behind it.
const RecordReader::Node* RecordReader::Find(const Node& node, const char* key) {
  for (const auto& [wanted, child] : node.keys[static_cast<uint8_t>(*key)]) {
    if (std::memcmp(wanted.data(), key, wanted.size()) == 0) return child.get();
  }
  return nullptr;
}

const RecordReader::Node* RecordReader::FindField(const Node& node, ondemand::field& field) {
  const Node* const child = Find(node, field.key().raw());
  if (!has_backslash_ || child != nullptr || field.escaped_key().find('\\') == std::string_view::npos) return child;
  std::string_view key;
  if (field.unescaped_key(true).get(key) != SUCCESS) return nullptr;
  unescaped_.assign(key).append(1, '"').append(simdjson::SIMDJSON_PADDING, ' ');
  return Find(node, unescaped_.data());
}

error_code RecordReader::WalkObject(const Node& node, ondemand::object object) {
  for (auto each : object) {
    ondemand::field field;
    if (const auto error = std::move(each).get(field)) return error;
    const Node* const child = FindField(node, field);
    if (child == nullptr || child->IsSeen(values_)) continue;
    if (const auto error = Take(*child, field.value())) return error;
    SetRestMissing(*child);
    if (unseen_ == 0) break;
  }
  return SUCCESS;
}

error_code RecordReader::WalkArray(const Node& node, ondemand::array array) {
  size_t index = 0;
  for (auto each : array) {
    ondemand::value value;
    if (const auto error = std::move(each).get(value)) return error;
    for (const auto& [wanted, child] : node.items) {
      if (wanted != index) continue;
      if (const auto error = Take(*child, value)) return error;
    }
    index++;
  }
  return SUCCESS;
}

error_code RecordReader::Take(const Node& node, ondemand::value value) {
  ondemand::json_type type;
  if (const auto error = value.type().get(type)) return error;
  const bool is_object = type == ondemand::json_type::object;
  if (!is_object && type != ondemand::json_type::array) {
    return node.slot == Node::kNoSlot ? SUCCESS : TakeScalar(node.slot, value);
  }
  if (node.slot != Node::kNoSlot) Set(node.slot, Value::kStructure, {});
  if (is_object && node.has_keys) return WalkObject(node, value.get_object());
  if (!is_object && !node.items.empty()) return WalkArray(node, value.get_array());
  return SUCCESS;
}

error_code RecordReader::TakeScalar(size_t slot, ondemand::value value) {
  // Up to the next token: white space may follow.
  std::string_view text = value.raw_json_token();
  text = text.substr(0, text.find_last_not_of(" \t\r\n") + 1);
  if (text.front() == '"') {
    if (has_backslash_ && text.find('\\') != text.npos) {
      if (const auto error = value.get_string(true).get(text)) return error;
    } else {
      text = text.substr(1, text.size() - 2);
    }
  } else if (text == "null") {
    Set(slot, Value::kMissing, {});
    return SUCCESS;
  }
  const bool is_missing = std::find(rules_.missing.begin(), rules_.missing.end(), text) != rules_.missing.end();
  Set(slot, is_missing ? Value::kMissing : Value::kText, text);
  return SUCCESS;
}

void RecordReader::Set(size_t slot, Value::Kind kind, std::string_view text) {
  values_[slot] = {kind, true, false, text};
  unseen_--;
}

// What was not found below the first occurrence of a key is missing, whatever a later one holds.
void RecordReader::SetRestMissing(const Node& node) {
  for (const size_t slot : node.slots) {
    if (!values_[slot].is_seen) Set(slot, Value::kMissing, {});
  }
}

std::string_view RecordReader::Decoded(size_t slot) {
  Value& value = values_[slot];
  if (!value.is_decoded) {
    DecodeUrl(value.text, &decoded_[slot]);
    value.is_decoded = true;
  }
  return decoded_[slot];
}

}  // namespace plain
