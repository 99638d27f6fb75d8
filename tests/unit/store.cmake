# The database, and the reports' parts.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

foreach(name test_store test_store_opening test_new_file test_store_views test_page_rows test_sampling_rows test_filter test_filter_stacks test_window test_window_sites test_query)
  add_executable(${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c)
  target_link_libraries(${name} PRIVATE query PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
  set_tests_properties(${name} PROPERTIES TIMEOUT 120)
endforeach()

# What writes other tools' files.
add_executable(test_protobuf ${CMAKE_CURRENT_LIST_DIR}/test_protobuf.c)
target_link_libraries(test_protobuf PRIVATE export PkgConfig::CMOCKA)
set_target_properties(test_protobuf PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_protobuf COMMAND test_protobuf)
set_tests_properties(test_protobuf PROPERTIES TIMEOUT 120)

# Runs of weeks, by a clock that runs ahead: in a test, and for scripts/test-month.
foreach(name test_thin test_rotate month)
  add_executable(${name} ${CMAKE_CURRENT_LIST_DIR}/month.c
    ${CMAKE_CURRENT_LIST_DIR}/$<IF:$<STREQUAL:${name},month>,month_main.c,${name}.c>)
  target_link_libraries(${name} PRIVATE ledger query PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
endforeach()
target_link_options(test_rotate PRIVATE -Wl,--wrap=store_run_why)
add_test(NAME test_thin COMMAND test_thin)
add_test(NAME test_rotate COMMAND test_rotate)
set_tests_properties(test_thin test_rotate PROPERTIES TIMEOUT 300)
