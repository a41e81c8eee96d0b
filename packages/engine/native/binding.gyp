# What is compiled, and with which flags. Four targets: the vendored sources (built once, never again when only our files
# change), our core, the addon that Node loads, and the core's test program, which needs no Node. The lists come from
# sources.mjs; build.mjs runs this. The file stands here and not beside package.json because npm compiles at install
# where it finds one there.
{
  'target_defaults': {
    # RE2 and simdjson run without exceptions; they are on so that std::bad_alloc can be caught where the addon begins.
    'cflags_cc!': [ '-fno-exceptions', '-std=gnu++17', '-std=gnu++20' ],
    'cflags_cc': [ '-std=c++20', '-fexceptions', '-fvisibility=hidden', '-fvisibility-inlines-hidden', '-pthread' ],
    'cflags': [ '-O3' ],
    'defines': [ 'NDEBUG', 'NOMINMAX' ],
    'include_dirs': [ '<!@(node sources.mjs includes)' ],
    'xcode_settings': {
      'CLANG_CXX_LANGUAGE_STANDARD': 'c++20',
      'CLANG_CXX_LIBRARY': 'libc++',
      'GCC_ENABLE_CPP_EXCEPTIONS': 'YES',
      'GCC_OPTIMIZATION_LEVEL': '3',
      'GCC_SYMBOLS_PRIVATE_EXTERN': 'YES',
      'MACOSX_DEPLOYMENT_TARGET': '11.0',
    },
  },
  'targets': [
    {
      'target_name': 'vendored',
      'type': 'static_library',
      'sources': [ '<!@(node sources.mjs vendored)' ],
      'cflags': [ '-w' ],
    },
    {
      'target_name': 'core',
      'type': 'static_library',
      'sources': [ '<!@(node sources.mjs core)' ],
      'cflags_cc': [ '-Wall', '-Wextra', '-Wno-unused-parameter' ],
    },
    {
      'target_name': 'weir',
      'type': 'loadable_module',
      'dependencies': [ 'core', 'vendored' ],
      'sources': [ 'addon.cc' ],
      'defines': [
        'NAPI_VERSION=8',
      ],
      'cflags_cc': [ '-Wall', '-Wextra', '-Wno-unused-parameter' ],
      'conditions': [
        # Node exports simdjson and Abseil symbols of its own: ours are bound inside the addon and none is shown.
        # The linker runs in build/, hence the dots. libstdc++ goes in, because the system's may be older than the
        # compiler's; libgcc_s stays outside, because Node loads it anyway and a static one asks for a newer glibc. Parts
        # of libstdc++ that nothing reaches are left out, and with them what they need of glibc.
        ['OS=="linux"', {
          'sources': [ 'glibc_floor.c' ],
          'ldflags': [
            '-pthread', '-Wl,-Bsymbolic', '-Wl,--version-script=../exports.map', '-Wl,--gc-sections',
            '<!@(node sources.mjs link-flags)',
          ],
        }],
      ],
    },
    {
      'target_name': 'core_test',
      'type': 'executable',
      'dependencies': [ 'core', 'vendored' ],
      'sources': [ '<!@(node sources.mjs tests)' ],
      # The test's checks must not vanish under NDEBUG; it uses no assert() of the C library.
      # GCC 12 takes a literal and a string put together for an overlap, wrongly (its bug 105651).
      'cflags_cc': [ '-Wall', '-Wextra', '-Wno-unused-parameter', '-Wno-restrict' ],
      'ldflags': [ '-pthread' ],
    },
  ],
}
