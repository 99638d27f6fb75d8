# The protocols that the shared memory and the library's tables stand on, as models; a model checker tries all ways in which
# they can go.
find_program(LIBTRACE_SPIN spin)
foreach(name ring gate children)
  if(LIBTRACE_SPIN)
    add_test(NAME model.${name} COMMAND ${CMAKE_CURRENT_LIST_DIR}/check ${CMAKE_CURRENT_LIST_DIR}/${name}.pml)
    set_tests_properties(model.${name} PROPERTIES TIMEOUT 600)
  endif()
endforeach()
