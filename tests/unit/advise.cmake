# The unit tests of analyzer/advise: its mathematics, what it reads of source, and what is suppressed.
foreach(name test_trend test_python_source test_suppressed)
  add_executable(${name} ${CMAKE_CURRENT_LIST_DIR}/${name}.c)
  target_link_libraries(${name} PRIVATE advise m PkgConfig::CMOCKA)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME ${name} COMMAND ${name})
endforeach()

# What the collector counts of blocks' contents, and what that says of all.
add_executable(test_repeats ${CMAKE_CURRENT_LIST_DIR}/test_repeats.c ${CMAKE_SOURCE_DIR}/analyzer/collector/content_counts.c)
target_include_directories(test_repeats PRIVATE ${CMAKE_SOURCE_DIR}/analyzer/collector)
target_link_libraries(test_repeats PRIVATE advise PkgConfig::CMOCKA)
set_target_properties(test_repeats PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_repeats COMMAND test_repeats)

# What of Python's objects is compared.
add_executable(test_python_values ${CMAKE_CURRENT_LIST_DIR}/test_python_values.c
  ${CMAKE_SOURCE_DIR}/analyzer/collector/python_values.c ${CMAKE_SOURCE_DIR}/analyzer/collector/python_memory.c)
target_include_directories(test_python_values PRIVATE ${CMAKE_SOURCE_DIR}/analyzer/collector ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(test_python_values PRIVATE PkgConfig::CMOCKA)
set_target_properties(test_python_values PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_python_values COMMAND test_python_values)

add_executable(test_python_keys ${CMAKE_CURRENT_LIST_DIR}/test_python_keys.c ${CMAKE_SOURCE_DIR}/analyzer/collector/python_keys.c)
target_include_directories(test_python_keys PRIVATE ${CMAKE_SOURCE_DIR}/analyzer/collector ${CMAKE_SOURCE_DIR}/include)
target_link_libraries(test_python_keys PRIVATE PkgConfig::CMOCKA)
set_target_properties(test_python_keys PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_python_keys COMMAND test_python_keys)
