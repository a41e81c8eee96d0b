// Deciding a record by filters of the original converter. Nearly every record means the same to it and to Weir's own
// language, so it is read in the usual, quick way; what may differ is found out, and such a record is read again,
// exactly. Called by the kernel in place of its own decision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "arena.h"
#include "decision.h"
#include "delays.h"
#include "field_reader.h"
#include "json_cursor.h"
#include "matcher.h"
#include "original_record.h"
#include "program.h"
#include "repeated_keys.h"
#include "slab.h"

namespace weir {

class OriginalJudge {
 public:
  // All of them outlive the judge.
  OriginalJudge(const Program& program, const Matcher& matcher, Decision& decision, FieldReader& reader);

  // The deciding rule, the number of rules standing for the default, or why the record is malformed. What is dropped
  // under a mode other than `full` may be malformed as well.
  struct Answer {
    uint32_t rule;
    Reason reason;
  };
  Answer Decide(const char* begin, const char* end, Validation mode);

  // What stands in the time field of the record that was decided last, if it is kept and the program has that field.
  const TimeText& time() const { return time_; }

  // What the decision asks about a record that is read exactly. What its values strike is not remembered.
  bool Holds(uint32_t predicate);
  const uint64_t* Struck(uint32_t) { return nullptr; }
  const uint64_t* Strike(uint32_t, uint32_t) { return nullptr; }

 private:
  Answer DecideExactly(const char* begin, const char* end);
  bool IsOrdinary(const char* begin, const char* end);
  bool MayDiffer(const char* end);
  void ReadTime(const char* begin, const char* end);
  void ReadTimeExactly();

  // A field's text in the record that is read exactly.
  struct FieldText {
    bool is_known = false;
    bool is_present = false;
    std::string bytes;
    Text text;
  };

  const Program& program_;
  const Matcher& matcher_;
  Decision& decision_;
  FieldReader& reader_;
  RepeatedKeys repeated_;
  Validator validator_;
  OriginalRecord record_;
  std::vector<FieldText> texts_;
  TimeText time_;
  std::string time_bytes_;
  Arena arena_;
};

}  // namespace weir
