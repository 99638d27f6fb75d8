# patch.c with our own functions in the place of libtrace.so's, and libraries whose calls it leads to them. A sanitizer
# brings an allocator of its own, and looks into every module itself.
if(LIBTRACE_SANITIZE)
  return()
endif()

function(patch_library name)
  add_library(${name} MODULE ${CMAKE_CURRENT_LIST_DIR}/patch_library.c)
  target_compile_options(${name} PRIVATE -fno-builtin)
  target_link_options(${name} PRIVATE ${ARGN})
  set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  if(LIBTRACE_COVERAGE) # it counts no lines: the counters of a library that is unloaded would stay mapped
    set_target_properties(${name} PROPERTIES C_COMPILER_LAUNCHER ${LIBTRACE_TRACED_LAUNCHER} COMPILE_OPTIONS "-fno-builtin"
      C_LINKER_LAUNCHER ${LIBTRACE_TRACED_LAUNCHER} LINK_OPTIONS "${ARGN}")
  endif()
endfunction()
patch_library(patch_late -Wl,-z,lazy -Wl,-z,norelro)
patch_library(patch_at_once -Wl,-z,now -Wl,-z,relro)
patch_library(patch_again -Wl,-z,now -Wl,-z,relro)

set(guest ${CMAKE_SOURCE_DIR}/preload/guest)
set(hooks malloc calloc realloc reallocarray free cfree free_sized free_aligned_sized posix_memalign aligned_alloc
  memalign valloc pvalloc malloc_usable_size _exit _Exit quick_exit)
list(TRANSFORM hooks REPLACE "(.+)" "\\1=hook_\\1")
add_library(patch_tested STATIC ${guest}/entry/patch.c)
target_compile_definitions(patch_tested PRIVATE ${hooks} mprotect=test_mprotect exports_symbol=test_exports_symbol)
target_compile_options(patch_tested PRIVATE -fno-builtin)
target_link_libraries(patch_tested PRIVATE guest)

add_executable(test_patch ${CMAKE_CURRENT_LIST_DIR}/test_patch.c ${guest}/base/exports.c ${guest}/base/guest.c
  ${guest}/base/loader.c ${guest}/base/rlimits.c)
target_compile_definitions(test_patch PRIVATE LIBRARY_LATE="$<TARGET_FILE:patch_late>"
  LIBRARY_AT_ONCE="$<TARGET_FILE:patch_at_once>" LIBRARY_AGAIN="$<TARGET_FILE:patch_again>")
target_compile_options(test_patch PRIVATE -fno-builtin)
target_link_libraries(test_patch PRIVATE patch_tested guest PkgConfig::CMOCKA Threads::Threads ${CMAKE_DL_LIBS})
add_dependencies(test_patch patch_late patch_at_once patch_again)
set_target_properties(test_patch PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
add_test(NAME test_patch COMMAND test_patch)
set_tests_properties(test_patch PROPERTIES TIMEOUT 120)
