// The door between Node and the kernel: two functions, one crossing per batch. All state belongs to the values that
// JavaScript holds; no C++ exception leaves this file.
//
// load(program: Uint8Array): Evaluator, an opaque value that keeps the program's memory alive
// evaluate(evaluator: Evaluator, slab: Uint8Array): undefined
// slabFormat: number

#include <node_api.h>

#include <exception>
#include <memory>
#include <new>
#include <string>

#include "kernel.h"
#include "simdjson.h"

namespace {

// Marks our external values: anything else that JavaScript passes is refused.
constexpr napi_type_tag kEvaluatorTag = {0x6b1f0f3c51d04e07u, 0x9d7b6c1a4e88f25bu};

struct Handle {
  std::unique_ptr<weir::Evaluator> evaluator;
  napi_ref program = nullptr;
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

void Release(napi_env env, void* data, void*) {
  auto* handle = static_cast<Handle*>(data);
  if (handle->program != nullptr) napi_delete_reference(env, handle->program);
  delete handle;
}

napi_value Load(napi_env env, napi_callback_info info) {
  napi_value argument;
  uint8_t* data = nullptr;
  size_t size = 0;
  if (!Arguments(env, info, 1, &argument) || !Bytes(env, argument, &data, &size)) return Throw(env, "load takes a Uint8Array");
  auto handle = std::make_unique<Handle>();
  try {
    std::string error;
    handle->evaluator = weir::Evaluator::Load(data, size, &error);
    if (handle->evaluator == nullptr) return Throw(env, error);
  } catch (const std::exception& fault) {
    return Throw(env, fault.what());
  }
  napi_value result;
  if (napi_create_object(env, &result) != napi_ok) return Throw(env, "Node cannot create an object");
  if (napi_create_reference(env, argument, 1, &handle->program) != napi_ok) return Throw(env, "Node cannot keep the program");
  if (napi_wrap(env, result, handle.get(), Release, nullptr, nullptr) != napi_ok) {
    napi_delete_reference(env, handle->program);
    return Throw(env, "Node cannot wrap the evaluator");
  }
  handle.release();
  if (napi_type_tag_object(env, result, &kEvaluatorTag) != napi_ok) return Throw(env, "Node cannot tag the evaluator");
  return result;
}

napi_value Evaluate(napi_env env, napi_callback_info info) {
  napi_value arguments[2];
  uint8_t* slab = nullptr;
  size_t size = 0;
  void* wrapped = nullptr;
  bool is_ours = false;
  if (!Arguments(env, info, 2, arguments)) return Throw(env, "evaluate takes an evaluator and a slab");
  if (napi_check_object_type_tag(env, arguments[0], &kEvaluatorTag, &is_ours) != napi_ok || !is_ours ||
      napi_unwrap(env, arguments[0], &wrapped) != napi_ok) {
    return Throw(env, "the first argument is no evaluator of this kernel");
  }
  if (!Bytes(env, arguments[1], &slab, &size)) return Throw(env, "the slab is a Uint8Array");
  try {
    std::string error;
    if (!static_cast<Handle*>(wrapped)->evaluator->Evaluate(slab, size, &error)) return Throw(env, error);
  } catch (const std::exception& fault) {
    return Throw(env, fault.what());
  }
  return nullptr;
}

}  // namespace

NAPI_MODULE_INIT() {
  napi_value value;
  // The choice of vector instructions is made once, before any worker thread can race for it.
  simdjson::get_active_implementation()->name();
  if (napi_create_function(env, "load", NAPI_AUTO_LENGTH, Load, nullptr, &value) != napi_ok ||
      napi_set_named_property(env, exports, "load", value) != napi_ok ||
      napi_create_function(env, "evaluate", NAPI_AUTO_LENGTH, Evaluate, nullptr, &value) != napi_ok ||
      napi_set_named_property(env, exports, "evaluate", value) != napi_ok ||
      napi_create_uint32(env, weir::kSlabFormat, &value) != napi_ok ||
      napi_set_named_property(env, exports, "slabFormat", value) != napi_ok) {
    napi_throw_error(env, "ERR_ENGINE_KERNEL_FAULT", "Node refuses the kernel's functions");
    return nullptr;
  }
  return exports;
}
