// Keeps the addon loadable where glibc is as old as Node itself allows (2.28), whatever glibc it was linked on. The few
// functions that the statically linked libstdc++ and Abseil need and that got a newer symbol version since are defined
// here, inside the addon, on top of the version that every glibc has. Not for musl or other systems, where this file is
// empty. Linked into the addon only; test/package.test.ts reads the versions that the addon asks for.

#include <features.h>

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))

#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#ifdef __x86_64__
#define OLDEST "GLIBC_2.2.5"
#define STAT_VERSION 1
#else
#define OLDEST "GLIBC_2.17"
#define STAT_VERSION 0
#endif

// `oldest_NAME` is NAME in the version that the first glibc of this architecture had. Before 2.34 most of these lie in
// libpthread, which Node has loaded.
#define OLDEST_VERSION(name) __asm__(".symver oldest_" #name ", " #name "@" OLDEST)

struct stat64;

// GCC knows that pthread_setspecific does not read what its second argument points to, and then takes our passing that
// argument on for a use of memory that nobody has written.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

OLDEST_VERSION(pthread_once);
OLDEST_VERSION(pthread_key_create);
OLDEST_VERSION(pthread_getspecific);
OLDEST_VERSION(pthread_setspecific);
OLDEST_VERSION(pthread_sigmask);
OLDEST_VERSION(__fxstat64);

extern int oldest_pthread_once(pthread_once_t* control, void (*routine)(void));
extern int oldest_pthread_key_create(pthread_key_t* key, void (*destructor)(void*));
extern void* oldest_pthread_getspecific(pthread_key_t key);
extern int oldest_pthread_setspecific(pthread_key_t key, const void* value);
extern int oldest_pthread_sigmask(int how, const sigset_t* set, sigset_t* old);
extern int oldest___fxstat64(int version, int file, struct stat64* status);

// 2.34 moved these from libpthread to libc.
int pthread_once(pthread_once_t* control, void (*routine)(void)) { return oldest_pthread_once(control, routine); }
int pthread_key_create(pthread_key_t* key, void (*destructor)(void*)) {
  return oldest_pthread_key_create(key, destructor);
}
void* pthread_getspecific(pthread_key_t key) { return oldest_pthread_getspecific(key); }
int pthread_setspecific(pthread_key_t key, const void* value) { return oldest_pthread_setspecific(key, value); }

// So did 2.32.
int pthread_sigmask(int how, const sigset_t* set, sigset_t* old) { return oldest_pthread_sigmask(how, set, old); }

// A function since 2.33; before, a macro over this one.
int fstat64(int file, struct stat64* status) { return oldest___fxstat64(STAT_VERSION, file, status); }

// New in 2.36, called by std::random_device alone. getentropy is of 2.25, and cannot fail for four bytes on a kernel that
// runs Node.
uint32_t arc4random(void) {
  uint32_t value = 0;
  if (getentropy(&value, sizeof value) != 0) __builtin_trap();
  return value;
}

// New in 2.32: lets std::shared_ptr count without atomics in a process of one thread. Node never is one, and nobody writes it.
const char __libc_single_threaded = 0;

#endif
