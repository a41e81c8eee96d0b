// The door between Node and the kernel: one crossing per batch. All state belongs to the values that
// JavaScript holds; no C++ exception leaves this file.
//
// load(program: Uint8Array, techniques: number): Evaluator, an opaque value that keeps the program's memory alive;
//   `techniques` as in techniques.h, 0 for all adaptive
// evaluate(evaluator: Evaluator, slab: Uint8Array): undefined
// report(evaluator: Evaluator): Float64Array of what its techniques did: kTechniques pairs of (used, fell back), the bytes
//   that its value caches hold, then for each field of the program values, looked up, known, screened, candidates
// release(evaluator: Evaluator): undefined; frees its memory at once, and it cannot be used afterwards
// slabFormat: number

#include <node_api.h>

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "kernel.h"
#include "simdjson.h"

namespace {

// Marks our external values: anything else that JavaScript passes is refused.
constexpr napi_type_tag kEvaluatorTag = {0x6b1f0f3c51d04e07u, 0x9d7b6c1a4e88f25bu};

// One evaluator, and what it needs of JavaScript's memory.
struct Handle {
  std::unique_ptr<weir::Evaluator> evaluator;
  napi_ref program = nullptr;
  int64_t memory = 0;

  // Frees what there is to free; the handle itself stays until JavaScript forgets it.
  void Clear(napi_env env) {
    evaluator.reset();
    if (program != nullptr) napi_delete_reference(env, program);
    program = nullptr;
    int64_t total;
    if (memory != 0) napi_adjust_external_memory(env, -memory, &total);
    memory = 0;
  }
};

napi_value Throw(napi_env env, const std::string& message) {
  napi_throw_error(env, "ERR_ENGINE_KERNEL_FAULT", message.c_str());
  return nullptr;
}

bool Arguments(napi_env env, napi_callback_info info, size_t count, napi_value* out) {
  size_t given = count;
  return napi_get_cb_info(env, info, &given, out, nullptr, nullptr) == napi_ok && given >= count;
}

bool Bytes(napi_env env, napi_value value, uint8_t** data, size_t* size) {
  napi_typedarray_type type;
  void* bytes = nullptr;
  bool is_typed_array = false;
  if (napi_is_typedarray(env, value, &is_typed_array) != napi_ok || !is_typed_array) return false;
  if (napi_get_typedarray_info(env, value, &type, size, &bytes, nullptr, nullptr) != napi_ok) return false;
  *data = static_cast<uint8_t*>(bytes);
  return type == napi_uint8_array;
}

void Finalize(napi_env env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  handle->Clear(env);
  delete handle;
}

Handle* HandleOf(napi_env env, napi_value value) {
  bool is_ours = false;
  void* wrapped = nullptr;
  napi_valuetype type;
  // Node throws an exception of its own when it is asked for the tag of undefined.
  if (napi_typeof(env, value, &type) != napi_ok || type != napi_object) return nullptr;
  if (napi_check_object_type_tag(env, value, &kEvaluatorTag, &is_ours) != napi_ok || !is_ours) return nullptr;
  return napi_unwrap(env, value, &wrapped) == napi_ok ? static_cast<Handle*>(wrapped) : nullptr;
}

napi_value Load(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  napi_value result;
  uint8_t* data = nullptr;
  size_t size = 0;
  uint32_t techniques = 0;
  if (!Arguments(env, info, 2, arguments) || !Bytes(env, arguments[0], &data, &size)) {
    return Throw(env, "load takes a Uint8Array and a number");
  }
  if (napi_get_value_uint32(env, arguments[1], &techniques) != napi_ok || !weir::Techniques::IsValid(techniques)) {
    return Throw(env, "the second argument is no setting of techniques");
  }
  auto handle = std::make_unique<Handle>();
  std::string error;
  handle->evaluator = weir::Evaluator::Load(data, size, &error, weir::Techniques(techniques));
  if (handle->evaluator == nullptr) return Throw(env, error);
  if (napi_create_object(env, &result) != napi_ok || napi_create_reference(env, arguments[0], 1, &handle->program) != napi_ok ||
      napi_wrap(env, result, handle.get(), Finalize, nullptr, nullptr) != napi_ok) {
    handle->Clear(env);
    return Throw(env, "Node cannot hold the evaluator");
  }
  Handle* held = handle.release();  // JavaScript's from here on
  if (napi_type_tag_object(env, result, &kEvaluatorTag) != napi_ok) return Throw(env, "Node cannot tag the evaluator");
  int64_t total;
  held->memory = held->evaluator->memory();
  napi_adjust_external_memory(env, held->memory, &total);
  return result;
}

napi_value Evaluate(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint8_t* slab = nullptr;
  size_t size = 0;
  if (!Arguments(env, info, 2, arguments)) return Throw(env, "evaluate takes an evaluator and a slab");
  Handle* handle = HandleOf(env, arguments[0]);
  if (handle == nullptr) return Throw(env, "the first argument is no evaluator of this kernel");
  if (handle->evaluator == nullptr) return Throw(env, "the evaluator was released");
  if (!Bytes(env, arguments[1], &slab, &size)) return Throw(env, "the slab is a Uint8Array");
  std::string error;
  if (!handle->evaluator->Evaluate(slab, size, &error)) return Throw(env, error);
  return nullptr;
}

napi_value Report(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!Arguments(env, info, 1, &argument)) return Throw(env, "report takes an evaluator");
  Handle* handle = HandleOf(env, argument);
  if (handle == nullptr || handle->evaluator == nullptr) return Throw(env, "the argument is no evaluator that is loaded");
  const weir::Evaluator::Report report = handle->evaluator->report();
  std::vector<double> numbers;
  const auto add = [&numbers](auto... counts) { (numbers.push_back(static_cast<double>(counts)), ...); };
  for (const weir::TechniqueCounts& each : report.techniques) add(each.used, each.fell_back);
  add(report.cache_bytes);
  for (const weir::FieldCounts& each : report.fields) {
    add(each.values, each.looked_up, each.known, each.screened, each.candidates);
  }
  void* data = nullptr;
  napi_value buffer;
  napi_value result;
  if (napi_create_arraybuffer(env, numbers.size() * sizeof(double), &data, &buffer) != napi_ok ||
      napi_create_typedarray(env, napi_float64_array, numbers.size(), buffer, 0, &result) != napi_ok) {
    return Throw(env, "Node has no memory for the report");
  }
  std::memcpy(data, numbers.data(), numbers.size() * sizeof(double));
  return result;
}

napi_value Release(napi_env env, napi_callback_info info) {
  napi_value argument;
  if (!Arguments(env, info, 1, &argument)) return Throw(env, "release takes an evaluator");
  Handle* handle = HandleOf(env, argument);
  if (handle == nullptr) return Throw(env, "the argument is no evaluator of this kernel");
  handle->Clear(env);
  return nullptr;
}

// Runs a function so that none of its exceptions reaches Node.
template <napi_value (*Function)(napi_env, napi_callback_info)>
napi_value Guarded(napi_env env, napi_callback_info info) {
  try {
    return Function(env, info);
  } catch (const std::exception& fault) {
    return Throw(env, fault.what());
  } catch (...) {
    return Throw(env, "an unknown exception");
  }
}

bool Export(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  return napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value) == napi_ok &&
         napi_set_named_property(env, exports, name, value) == napi_ok;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value format;
  // The choice of vector instructions is made once, before any worker thread can race for it.
  simdjson::get_active_implementation()->name();
  if (!Export(env, exports, "load", Guarded<Load>) || !Export(env, exports, "evaluate", Guarded<Evaluate>) ||
      !Export(env, exports, "report", Guarded<Report>) || !Export(env, exports, "release", Guarded<Release>) ||
      napi_create_uint32(env, weir::kSlabFormat, &format) != napi_ok ||
      napi_set_named_property(env, exports, "slabFormat", format) != napi_ok) {
    napi_throw_error(env, "ERR_ENGINE_KERNEL_FAULT", "Node refuses the kernel's functions");
    return nullptr;
  }
  return exports;
}
