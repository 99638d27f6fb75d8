# Line tables of CPython; stands alone.
add_library(pycode STATIC ${CMAKE_CURRENT_LIST_DIR}/pycode.c)
target_include_directories(pycode PUBLIC ${CMAKE_CURRENT_LIST_DIR})
set_target_properties(pycode PROPERTIES POSITION_INDEPENDENT_CODE ON)
