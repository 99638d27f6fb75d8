# Builds of the analyzer and of the unit tests under sanitizers, with asserts; what runs inside programs is the same
# as ever. Not in a build that is one itself.
if(LIBTRACE_SANITIZE OR LIBTRACE_COVERAGE)
  return()
endif()

# libtrace_sanitized(NAME SANITIZERS UNIT_TESTS...): builds them, and runs them; then the collector records programs.
function(libtrace_sanitized name sanitizers)
  set(build ${CMAKE_BINARY_DIR}/tests/${name})
  add_test(NAME sanitized.${name}.build COMMAND ${CMAKE_CURRENT_LIST_DIR}/build
    ${CMAKE_SOURCE_DIR} ${build} ${sanitizers} ${ARGN} trace-collector trace-parser trace-symbols)
  list(JOIN ARGN "|" tests)
  add_test(NAME sanitized.${name}.unit
    COMMAND ${CMAKE_CTEST_COMMAND} --test-dir ${build} --output-on-failure --no-tests=error -R "^(${tests})$")
  libtrace_pytest(sanitized.${name}.collector ${CMAKE_CURRENT_LIST_DIR}/test_sanitized_collector.py)
  set_property(TEST sanitized.${name}.collector APPEND PROPERTY ENVIRONMENT "LIBTRACE_SANITIZED=${build}")
  set_tests_properties(sanitized.${name}.build PROPERTIES FIXTURES_SETUP ${name} TIMEOUT 1200 PROCESSORS 2)
  # Some of the damaged runs that the test has without a sanitizer, each a database of its own, and of the random changes.
  set_tests_properties(sanitized.${name}.unit PROPERTIES ENVIRONMENT "LIBTRACE_ROWS_TRIES=20;LIBTRACE_BLOCKS_STEPS=1000000")
  set_tests_properties(sanitized.${name}.unit sanitized.${name}.collector PROPERTIES FIXTURES_REQUIRED ${name} TIMEOUT 900)
endfunction()

libtrace_sanitized(asan address,undefined
  test_arena test_block_types test_blocks test_cfi test_domains test_drain test_event_log test_files test_frames test_ledger
  test_mapped_image test_memory_limit test_new_file test_proc test_python_source test_query test_reader test_reader_rings test_refusal test_rows test_samples test_stacks test_store
  test_store_views test_symbols test_table test_trend test_trim trace)
# libtrace.so is the same in both builds: the first one's does for the second.
libtrace_sanitized(tsan thread test_arena test_domains test_drain test_reader test_reader_rings test_stacks)
set_tests_properties(sanitized.tsan.build PROPERTIES FIXTURES_REQUIRED asan
  ENVIRONMENT "LIBRARY_FROM=${CMAKE_BINARY_DIR}/tests/asan")
