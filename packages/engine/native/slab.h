// The layout of a slab: the request to the kernel and its answer, as words at the start of a batch's memory.
// Repeats src/batch/batch.ts, which explains each word; kSlabFormat changes with either, and the kernel's
// self-test compares them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir {

constexpr uint32_t kSlabFormat = 2;
constexpr uint32_t kSlabHeaderBytes = 4736;
constexpr uint32_t kPaddingBytes = 64;
constexpr uint32_t kMaxSegments = 256;
constexpr uint32_t kMaxSamples = 16;
constexpr uint16_t kNoRule = 0xffff;
// Bounds of delays in milliseconds, each inclusive; one bucket more holds what exceeds them.
constexpr uint32_t kDelayBoundsMs[] = {1,         2,         5,          10,         20,         50,        100,       200,
                                       500,       1000,      2000,       5000,       10'000,     15'000,    20'000,    30'000,
                                       45'000,    60'000,    90'000,     120'000,    180'000,    300'000,   600'000,   900'000,
                                       1'800'000, 3'600'000, 10'800'000, 21'600'000, 86'400'000, 259'200'000, 604'800'000};
constexpr uint32_t kDelayBounds = sizeof(kDelayBoundsMs) / sizeof(kDelayBoundsMs[0]);

enum SlabWord : uint32_t {
  kFormat = 0,
  kInputAt = 1,
  kStart = 2,
  kEnd = 3,
  kFlags = 4,
  kMaxRecordBytes = 5,
  kRecordsAt = 6,
  kRecordCapacity = 7,
  kGatherAt = 8,
  kGatherCapacity = 9,
  kCountsAt = 10,
  kCountCapacity = 11,
  kGatherRoutes = 12,
  kNow = 20,
  kConsumed = 32,
  kRecords = 33,
  kKept = 34,
  kDropped = 35,
  kMalformed = 36,
  kMalformedBy = 37,
  kLines = 42,
  kSegments = 43,
  kSampleCount = 44,
  kGathered = 45,
  kByRoute = 64,
  kSegment = 320,
  kSample = 1088,
  kDelay = 1136,
  kTimeAhead = 1168,
  kTimeMissing = 1169,
  kTimeUnreadable = 1170,
  kDelaySum = 1171,
  kAnswerEnd = 1173,
};
static_assert(kDelay + kDelayBounds + 1 == kTimeAhead && kAnswerEnd * 4 <= kSlabHeaderBytes);

enum SlabFlag : uint32_t {
  kValidationMask = 3,
  kContinues = 4,
  kOpen = 8,
  kWantRecords = 16,
};

enum class Validation : uint32_t { kKept = 0, kFull = 1, kRead = 2 };

// Why a record is malformed, in order of precedence.
enum class Reason : uint8_t { kNone = 0, kTooLong = 1, kUtf8 = 2, kSyntax = 3, kNotObject = 4, kDepth = 5 };

enum Route : uint32_t { kKeepRoute = 0, kDropRoute = 1, kMalformedRoute = 2 };

}  // namespace weir
