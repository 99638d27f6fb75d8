# Included with the tests of every room; see CMakeLists.txt beside this.
add_subdirectory(${CMAKE_CURRENT_LIST_DIR} ${CMAKE_BINARY_DIR}/tests/bench)
