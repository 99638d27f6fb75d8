# Fuzz targets, where there is a clang with libFuzzer: a short run of each is a test; a long one is
# build/release/tests/fuzz/arena FOLDER.
find_program(LIBTRACE_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
if(LIBTRACE_CLANG)
  file(WRITE ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer.c
    "int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { (void)d; return (int)(n & 0); }\n")
  execute_process(COMMAND ${LIBTRACE_CLANG} -fsanitize=fuzzer,address,undefined -o ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer.c
    RESULT_VARIABLE LIBTRACE_NO_FUZZER OUTPUT_QUIET ERROR_QUIET)
endif()
if(NOT LIBTRACE_CLANG OR LIBTRACE_NO_FUZZER)
  message(STATUS "No clang with libFuzzer: the fuzz targets are not built")
  return()
endif()

# The sources of a library of ours, to be compiled again with the fuzzer's instrumentation.
function(libtrace_sources variable library)
  get_target_property(sources ${library} SOURCES)
  get_target_property(directory ${library} SOURCE_DIR)
  list(TRANSFORM sources PREPEND ${directory}/ REGEX "^[^/]")
  set(${variable} ${sources} PARENT_SCOPE)
endfunction()

libtrace_sources(arena_sources arena)
libtrace_sources(ledger_sources ledger)
get_target_property(arena_directory arena SOURCE_DIR)
get_target_property(ledger_directory ledger SOURCE_DIR)
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/tests/fuzz/arena
  COMMAND ${LIBTRACE_CLANG} -std=gnu11 -w -g -O1 -fno-strict-aliasing -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined
    -I${CMAKE_SOURCE_DIR}/include -I${arena_directory} -I${ledger_directory} -I${UTHASH_INCLUDE_DIR}
    -o ${CMAKE_BINARY_DIR}/tests/fuzz/arena ${CMAKE_CURRENT_LIST_DIR}/arena.c ${arena_sources} ${ledger_sources}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/arena.c ${arena_sources} ${ledger_sources} ${CMAKE_SOURCE_DIR}/include/wire.h
  COMMENT "Building the fuzz target of the shared memory" VERBATIM)
add_custom_target(fuzz-arena ALL DEPENDS ${CMAKE_BINARY_DIR}/tests/fuzz/arena)
add_test(NAME fuzz.arena COMMAND ${CMAKE_BINARY_DIR}/tests/fuzz/arena -seed=1 -max_len=1200 -runs=20000 -max_total_time=20 -rss_limit_mb=4096
  -artifact_prefix=${CMAKE_BINARY_DIR}/tests/fuzz/)
