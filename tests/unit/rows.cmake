# A run's rows between two processes. The sender is a program of its own: it has another store.
find_package(PkgConfig REQUIRED)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

add_executable(rows-sender ${CMAKE_CURRENT_LIST_DIR}/rows_sender.c ${CMAKE_CURRENT_LIST_DIR}/rows_run.c)
target_link_libraries(rows-sender PRIVATE store_rows)
add_executable(test_rows ${CMAKE_CURRENT_LIST_DIR}/test_rows.c ${CMAKE_CURRENT_LIST_DIR}/rows_run.c)
target_link_libraries(test_rows PRIVATE rows_receive PkgConfig::CMOCKA)
target_compile_definitions(test_rows PRIVATE ROWS_SENDER="$<TARGET_FILE:rows-sender>")
add_dependencies(test_rows rows-sender)
set_target_properties(rows-sender test_rows PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_rows COMMAND test_rows)
set_tests_properties(test_rows PROPERTIES TIMEOUT 600)
