# scripts/verify: what it needs, and a short run of it. Not in a build with sanitizers, whose runtime would have to be preloaded.
if(LIBTRACE_SANITIZE)
  return()
endif()
add_subdirectory(${CMAKE_CURRENT_LIST_DIR} ${CMAKE_BINARY_DIR}/tests/verify)
libtrace_pytest(verify ${CMAKE_CURRENT_LIST_DIR}/test_verify.py)
