# One ctest test for each file of end-to-end tests.
file(GLOB LIBTRACE_E2E_FILES CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/test_*.py)
foreach(file IN LISTS LIBTRACE_E2E_FILES)
  get_filename_component(name ${file} NAME_WE)
  string(REPLACE "test_" "e2e." name ${name})
  libtrace_pytest(${name} ${file})
endforeach()

# What only the tests trace: built as the workloads are.
add_subdirectory(${CMAKE_CURRENT_LIST_DIR}/targets ${CMAKE_BINARY_DIR}/tests/targets)
