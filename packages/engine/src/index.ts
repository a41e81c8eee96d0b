// The engine's public names, listed by hand. docs/api.txt repeats the list, and a test compares them.

export { delayBoundsMs, malformedReason } from './batch/batch.ts'
export type { MalformedReason, Validation } from './batch/batch.ts'
export { compileRules } from './compiled-rules.ts'
export type { CompiledRules, RecordVerdict, TestRecord } from './compiled-rules.ts'
export { createEngine } from './engine.ts'
export type { Engine, FilterOptions, KernelInUse } from './engine.ts'
export { ConfigError, EngineError, errorCodes, RuleSetError, WeirError } from './errors.ts'
export type { ErrorCode, ErrorCodeRow, RuleSetIssue } from './errors.ts'
export type { Verdict } from './evaluation.ts'
export type {
  ByteSource,
  DeliveryOptions,
  FilterBatchesOptions,
  FilterFileOptions,
  FilterTotals,
  OpenFile,
} from './filtering.ts'
export type { KernelName } from './kernel/kernel.ts'
export type { FieldReport, KernelReport, Technique, TechniqueReport } from './kernel/techniques.ts'
export { limits } from './limits.ts'
export type { EngineOptions, KernelChoice, ThreadStart } from './options.ts'
export type { BatchResult, FailedBatch, MalformedRecord, OnBatch, OnFailedBatch, Segment } from './ordered-batches.ts'
export { prepareRules } from './prepared-rules.ts'
export type { PreparedRules, PrepareOptions } from './prepared-rules.ts'
export type { RuleSource, RuleText } from './rules/compile.ts'
export type { RuleTestResult, RuleTestSummary } from './rule-tests.ts'
export { importFilters } from './rules/original-import.ts'
export type { ImportDifference, ImportedFilter, ImportedFilters } from './rules/original-import.ts'
export type { Dialect } from './rules/program.ts'
export type {
  Action,
  Bound,
  Condition,
  ListFile,
  Literal,
  OriginalFilterSettings,
  OriginalSettings,
  Predicate,
  Rule,
  RuleSet,
  RuleTest,
} from './rules/rule-set.ts'
export { ruleSetSchema } from './rules/schema.ts'
export { addCounts, delayPercentileMs } from './stats.ts'
export type { EngineStats } from './stats.ts'
export type { EngineReport } from './tallies.ts'
export type { Counts, DelayCounts } from './verdict/verdict.ts'
