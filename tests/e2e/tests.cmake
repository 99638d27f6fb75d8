# One ctest test for each file of end-to-end tests.
file(GLOB LIBTRACE_E2E_FILES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.py)
foreach(file IN LISTS LIBTRACE_E2E_FILES)
  get_filename_component(name ${file} NAME_WE)
  string(REPLACE "test_" "e2e." name ${name})
  libtrace_pytest(${name} ${file})
endforeach()

# What only the tests trace: built as the workloads are.
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/targets ${CMAKE_BINARY_DIR}/tests/targets)

# The collector with SQLite as a library, whose operations on files can be made to fail: where it is part of it they cannot.
add_executable(collector-shared ${CMAKE_SOURCE_DIR}/analyzer/collector/trace_collector.c)
target_compile_definitions(collector-shared PRIVATE LIBTRACE_VERSION="${PROJECT_VERSION}")
target_link_libraries(collector-shared PRIVATE collector store rows_receive)
set_target_properties(collector-shared PROPERTIES OUTPUT_NAME trace-collector RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/shared)
add_dependencies(collector-shared trace-symbols trace-parser)
foreach(file trace-symbols.so trace-parser)
  add_custom_command(TARGET collector-shared POST_BUILD
    COMMAND ${CMAKE_COMMAND} -E create_symlink ${CMAKE_BINARY_DIR}/${LIBTRACE_LIBEXEC}/${file} ${CMAKE_BINARY_DIR}/tests/shared/${file})
endforeach()
