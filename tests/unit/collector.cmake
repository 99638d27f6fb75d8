# The unit tests of analyzer/collector.
find_package(PkgConfig REQUIRED)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)

foreach(name test_blocks test_drain test_event_log test_ledger test_reader test_samples test_trim)
  add_executable(${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c)
  target_link_libraries(${name} PRIVATE ledger PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
endforeach()

add_executable(test_memory_limit ${CMAKE_CURRENT_LIST_DIR}/test_memory_limit.c ${CMAKE_SOURCE_DIR}/analyzer/collector/memory_limit.c)
target_include_directories(test_memory_limit PRIVATE ${CMAKE_SOURCE_DIR}/analyzer/collector)
target_link_libraries(test_memory_limit PRIVATE PkgConfig::CMOCKA)
set_target_properties(test_memory_limit PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_memory_limit COMMAND test_memory_limit)

set(collector ${CMAKE_SOURCE_DIR}/analyzer/collector)
add_executable(test_files ${CMAKE_CURRENT_LIST_DIR}/test_files.c ${collector}/files.c ${collector}/module_file.c ${collector}/build_id.c ${collector}/grow.c)
target_include_directories(test_files PRIVATE ${collector} ${CMAKE_SOURCE_DIR}/analyzer/arena ${UTHASH_INCLUDE_DIR})
target_link_libraries(test_files PRIVATE wire PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_files PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_files COMMAND test_files)
