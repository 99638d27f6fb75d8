# The unit tests of preload.
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
pkg_check_modules(LIBDW REQUIRED IMPORTED_TARGET libdw libelf)

add_executable(test_cfi ${CMAKE_CURRENT_LIST_DIR}/test_cfi.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/cfi.c
  ${CMAKE_SOURCE_DIR}/preload/guest/stack/expression.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/extent.c
  ${CMAKE_SOURCE_DIR}/preload/guest/base/rlimits.c ${CMAKE_SOURCE_DIR}/preload/guest/base/guest.c)
target_link_libraries(test_cfi PRIVATE guest PkgConfig::CMOCKA PkgConfig::LIBDW ${CMAKE_DL_LIBS})
set_target_properties(test_cfi PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_cfi COMMAND test_cfi)

add_executable(test_cfi_instructions ${CMAKE_CURRENT_LIST_DIR}/test_cfi_instructions.c
  ${CMAKE_SOURCE_DIR}/preload/guest/stack/cfi.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/expression.c)
target_link_libraries(test_cfi_instructions PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_cfi_instructions PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_cfi_instructions COMMAND test_cfi_instructions)

add_executable(test_expression ${CMAKE_CURRENT_LIST_DIR}/test_expression.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/expression.c)
target_link_libraries(test_expression PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_expression PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_expression COMMAND test_expression)

add_executable(test_extent ${CMAKE_CURRENT_LIST_DIR}/test_extent.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/extent.c
  ${CMAKE_SOURCE_DIR}/preload/guest/stack/bounds.c ${CMAKE_SOURCE_DIR}/preload/guest/base/rlimits.c
  ${CMAKE_SOURCE_DIR}/preload/guest/base/guest.c)
target_link_libraries(test_extent PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_extent PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_extent COMMAND test_extent)

add_executable(test_deep ${CMAKE_CURRENT_LIST_DIR}/test_deep.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/deep.c)
target_link_libraries(test_deep PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_deep PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_deep COMMAND test_deep)

add_executable(test_arena ${CMAKE_CURRENT_LIST_DIR}/test_arena.c ${CMAKE_SOURCE_DIR}/preload/guest/link/arena.c
  ${CMAKE_SOURCE_DIR}/preload/guest/base/rlimits.c ${CMAKE_SOURCE_DIR}/preload/guest/base/guest.c)
target_link_libraries(test_arena PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_arena PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_arena COMMAND test_arena)

add_executable(test_frames ${CMAKE_CURRENT_LIST_DIR}/test_frames.c ${CMAKE_SOURCE_DIR}/preload/guest/python/frames.c)
target_link_libraries(test_frames PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_frames PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_frames COMMAND test_frames)

add_executable(test_domains ${CMAKE_CURRENT_LIST_DIR}/test_domains.c ${CMAKE_SOURCE_DIR}/preload/guest/hooks/domains.c
               ${CMAKE_SOURCE_DIR}/preload/guest/hooks/domain_layers.c
               ${CMAKE_SOURCE_DIR}/preload/guest/hooks/probes.c)
target_compile_options(test_domains PRIVATE -mcx16)
target_link_libraries(test_domains PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_domains PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_domains COMMAND test_domains)

add_executable(test_stacks ${CMAKE_CURRENT_LIST_DIR}/test_stacks.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/stacks.c
               ${CMAKE_SOURCE_DIR}/preload/guest/stack/children.c)
target_link_libraries(test_stacks PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_stacks PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_stacks COMMAND test_stacks)

add_executable(test_table ${CMAKE_CURRENT_LIST_DIR}/test_table.c ${CMAKE_SOURCE_DIR}/preload/guest/python/number_cache.c
               ${CMAKE_SOURCE_DIR}/preload/guest/base/rlimits.c ${CMAKE_SOURCE_DIR}/preload/guest/base/guest.c)
target_link_libraries(test_table PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_table PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_table COMMAND test_table)

add_executable(test_guest_assert ${CMAKE_CURRENT_LIST_DIR}/test_guest_assert.c)
target_link_libraries(test_guest_assert PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_guest_assert PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_guest_assert COMMAND test_guest_assert)

add_executable(test_notes ${CMAKE_CURRENT_LIST_DIR}/test_notes.c ${CMAKE_SOURCE_DIR}/preload/guest/link/notes.c)
target_link_libraries(test_notes PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_notes PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_notes COMMAND test_notes)

add_executable(test_rules ${CMAKE_CURRENT_LIST_DIR}/test_rules.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/rules.c)
target_compile_options(test_rules PRIVATE -mcx16)
target_link_libraries(test_rules PRIVATE guest PkgConfig::CMOCKA Threads::Threads ${CMAKE_DL_LIBS})
set_target_properties(test_rules PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_rules COMMAND test_rules)

add_executable(test_stack_cache ${CMAKE_CURRENT_LIST_DIR}/test_stack_cache.c
               ${CMAKE_SOURCE_DIR}/preload/guest/stack/stack_cache.c)
target_link_libraries(test_stack_cache PRIVATE guest PkgConfig::CMOCKA Threads::Threads)
set_target_properties(test_stack_cache PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_stack_cache COMMAND test_stack_cache)

add_executable(test_predict ${CMAKE_CURRENT_LIST_DIR}/test_predict.c ${CMAKE_SOURCE_DIR}/preload/guest/stack/predict.c
               ${CMAKE_SOURCE_DIR}/preload/guest/stack/stack_cache.c)
target_link_libraries(test_predict PRIVATE guest PkgConfig::CMOCKA)
set_target_properties(test_predict PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_predict COMMAND test_predict)

add_executable(test_sampler ${CMAKE_CURRENT_LIST_DIR}/test_sampler.c ${CMAKE_SOURCE_DIR}/preload/guest/thread/sampler.c
               ${CMAKE_SOURCE_DIR}/preload/guest/thread/sample_set.c ${CMAKE_SOURCE_DIR}/preload/guest/base/rlimits.c
               ${CMAKE_SOURCE_DIR}/preload/guest/base/guest.c)
target_compile_options(test_sampler PRIVATE -mcx16)
target_link_libraries(test_sampler PRIVATE guest PkgConfig::CMOCKA m)
target_link_options(test_sampler PRIVATE -Wl,--wrap=guest_pages)
set_target_properties(test_sampler PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_sampler COMMAND test_sampler)

# Those with threads once more, which change at their atomic operations.
foreach(name stacks stack_cache domains notes table)
  get_target_property(sources test_${name} SOURCES)
  get_target_property(options test_${name} COMPILE_OPTIONS)
  get_target_property(libraries test_${name} LINK_LIBRARIES)
  if(NOT options)
    set(options)
  endif()
  add_executable(test_${name}_yielding ${sources})
  target_compile_options(test_${name}_yielding PRIVATE ${options} -D_GNU_SOURCE= -include ${CMAKE_CURRENT_LIST_DIR}/yielding.h)
  target_link_libraries(test_${name}_yielding PRIVATE ${libraries})
  set_target_properties(test_${name}_yielding PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  add_test(NAME test_${name}_yielding COMMAND test_${name}_yielding)
endforeach()
