# The protocols that the shared memory stands on, as models; a model checker tries all ways in which they can go.
find_program(LIBTRACE_SPIN spin)
if(LIBTRACE_SPIN)
  add_test(NAME model.ring COMMAND ${CMAKE_CURRENT_LIST_DIR}/check ${CMAKE_CURRENT_LIST_DIR}/ring.pml)
  set_tests_properties(model.ring PROPERTIES TIMEOUT 600)
endif()
