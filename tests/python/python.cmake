# Python: line tables, stacks and sizes against what the interpreters themselves say.
find_program(LIBTRACE_TEST_PYTHON NAMES python3 PATHS /usr/bin NO_DEFAULT_PATH)
find_program(LIBTRACE_TEST_PYTHON NAMES python3)

add_executable(test_pycode ${CMAKE_CURRENT_LIST_DIR}/test_pycode.c)
target_link_libraries(test_pycode PRIVATE pycode)
add_test(NAME python-line-tables COMMAND test_pycode)
if(LIBTRACE_TEST_PYTHON)
  add_test(NAME python-lines COMMAND ${LIBTRACE_TEST_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/test_lines.py
           $<TARGET_FILE:test_pycode>)
  set_tests_properties(python-lines PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT 300)
endif()

libtrace_pytest(python.tracemalloc ${CMAKE_CURRENT_LIST_DIR}/test_tracemalloc.py)
set_tests_properties(python.tracemalloc PROPERTIES TIMEOUT 1800)
libtrace_pytest(python.types ${CMAKE_CURRENT_LIST_DIR}/test_types_by_line.py)
set_tests_properties(python.types PROPERTIES TIMEOUT 1800)
libtrace_pytest(python.programs ${CMAKE_CURRENT_LIST_DIR}/test_programs.py)
set_tests_properties(python.programs PROPERTIES TIMEOUT 1800)
libtrace_pytest(python.deep ${CMAKE_CURRENT_LIST_DIR}/test_deep.py)
add_test(NAME python.storm COMMAND ${LIBTRACE_TEST_PYTHON} ${CMAKE_SOURCE_DIR}/scripts/crash-test-python 0.1)
set_tests_properties(python.storm PROPERTIES ENVIRONMENT "LIBTRACE_BUILD=${CMAKE_BINARY_DIR}" TIMEOUT 600)
