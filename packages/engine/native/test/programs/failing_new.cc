// Linked into an addon for tests, this gives it an operator new of its own, which fails while the environment variable
// WEIR_FAIL_NEW says so: the only way to send an exception through the addon's door. Linked into nothing that is shipped.

#include <cstdlib>
#include <new>

namespace {

void* Allocate(size_t size) noexcept { return std::getenv("WEIR_FAIL_NEW") != nullptr ? nullptr : std::malloc(size == 0 ? 1 : size); }

void* OrThrow(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(size_t size) { return OrThrow(Allocate(size)); }
void* operator new[](size_t size) { return OrThrow(Allocate(size)); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
