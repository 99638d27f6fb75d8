# The unit tests of trace-attach: on processes that they fork.
set(attach ${CMAKE_SOURCE_DIR}/preload/commands/attach)
add_library(attach_tested STATIC ${attach}/inject.c ${attach}/mapped_image.c ${attach}/proc.c ${attach}/refusal.c
  ${attach}/search.c ${attach}/target.c ${attach}/thread_stack.c ${CMAKE_SOURCE_DIR}/preload/arch/x86_64/frame.c
  ${CMAKE_CURRENT_LIST_DIR}/child.c)
target_include_directories(attach_tested PUBLIC ${attach} ${CMAKE_CURRENT_LIST_DIR})
target_compile_definitions(attach_tested PUBLIC _GNU_SOURCE)
target_link_libraries(attach_tested PUBLIC wire arch PkgConfig::CMOCKA PkgConfig::LIBDW Threads::Threads ${CMAKE_DL_LIBS})

set(tests proc mapped_image refusal)
if(NOT LIBTRACE_SANITIZE) # a child that is stopped in a sanitizer's midst tells of the sanitizer
  list(APPEND tests target thread_stack search inject)
endif()
foreach(name IN LISTS tests)
  add_executable(test_${name} ${CMAKE_CURRENT_LIST_DIR}/test_${name}.c)
  target_link_libraries(test_${name} PRIVATE attach_tested)
  set_target_properties(test_${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME test_${name} COMMAND test_${name})
  set_tests_properties(test_${name} PROPERTIES TIMEOUT 120)
endforeach()

# What trace-report does where memory is missing; the last of them is built as distributions build.
if(NOT LIBTRACE_SANITIZE) # a sanitizer has the allocations to itself
  foreach(name test_report_table test_no_memory test_no_memory_fortified)
    string(REPLACE _fortified "" source ${name})
    add_executable(${name} ${CMAKE_CURRENT_LIST_DIR}/${source}.c ${CMAKE_CURRENT_LIST_DIR}/each_allocation.c
      ${CMAKE_SOURCE_DIR}/analyzer/report/no_memory.c)
    target_link_options(${name} PRIVATE $<TARGET_PROPERTY:trace-report,LINK_OPTIONS>)
    target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/analyzer/report)
    target_link_libraries(${name} PRIVATE report PkgConfig::CMOCKA)
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
    add_test(NAME ${name} COMMAND ${name})
  endforeach()
  target_compile_options(test_no_memory_fortified PRIVATE -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
endif()
