# Fuzz targets, where there is a clang with libFuzzer: what they are about is compiled again with its instrumentation, ASan
# and UBSan. A short run of each over its kept inputs is a test; ./scripts/fuzz runs longer ones.
find_program(LIBTRACE_CLANG NAMES clang clang-19 clang-18 clang-17 clang-16 clang-15 clang-14)
if(LIBTRACE_CLANG)
  file(WRITE ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer.c
    "int LLVMFuzzerTestOneInput(const char *d, unsigned long n); int LLVMFuzzerTestOneInput(const char *d, unsigned long n) { (void)d; return (int)(n & 0); }\n")
  execute_process(COMMAND ${LIBTRACE_CLANG} -fsanitize=fuzzer,address,undefined -o ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer ${CMAKE_BINARY_DIR}/tests/fuzz/fuzzer.c
    RESULT_VARIABLE LIBTRACE_NO_FUZZER OUTPUT_QUIET ERROR_QUIET)
endif()
if(NOT LIBTRACE_CLANG OR LIBTRACE_NO_FUZZER OR LIBTRACE_SANITIZE OR LIBTRACE_COVERAGE)
  set(why "no clang with libFuzzer: ./scripts/setup installs it")
  if(LIBTRACE_SANITIZE)
    set(why "the build has sanitizers of its own")
  elseif(LIBTRACE_COVERAGE)
    set(why "the build counts how often lines run, which the targets do by themselves")
  endif()
  message(STATUS "The fuzz targets are not built: ${why}")
  add_test(NAME fuzz COMMAND ${CMAKE_COMMAND} -E echo "not run: ${why}")
  set_tests_properties(fuzz PROPERTIES SKIP_REGULAR_EXPRESSION "not run: ")
  return()
endif()

find_package(PkgConfig REQUIRED)
pkg_check_modules(SQLITE REQUIRED sqlite3)
pkg_check_modules(SMARTCOLS REQUIRED smartcols)
pkg_check_modules(ZLIB REQUIRED zlib)
pkg_check_modules(LIBDW REQUIRED libdw libelf)
pkg_check_modules(DEFLATE REQUIRED libdeflate)
pkg_check_modules(ZSTD libzstd)
set(folder ${CMAKE_BINARY_DIR}/tests/fuzz)
set(flags -std=gnu11 -w -gline-tables-only -O1 -fno-strict-aliasing -fno-omit-frame-pointer -mcx16
  -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -DLIBTRACE_VERSION="${PROJECT_VERSION}")
if(ZSTD_FOUND)
  list(APPEND flags -DLIBTRACE_ZSTD)
endif()

# -I for all that these targets see.
function(fuzz_includes variable)
  set(all -I${CMAKE_CURRENT_LIST_DIR} -I${CMAKE_SOURCE_DIR}/include -I${CMAKE_SOURCE_DIR}/tests/unit)
  foreach(target IN LISTS ARGN)
    set(seen $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
    list(APPEND all "$<$<BOOL:${seen}>:-I$<JOIN:${seen},$<SEMICOLON>-I>>")
  endforeach()
  set(${variable} ${all} PARENT_SCOPE)
endfunction()

# fuzz_object(VARIABLE SOURCE TARGETS... [FLAGS...]): compiles a file as one that belongs to these targets, once.
function(fuzz_object variable source)
  cmake_parse_arguments(PARSE_ARGV 2 of "" "" "TARGETS;FLAGS;DEPENDS")
  fuzz_includes(includes ${of_TARGETS})
  string(REPLACE "${CMAKE_SOURCE_DIR}/" "" name ${source})
  string(REPLACE "${CMAKE_BINARY_DIR}/" "" name ${name})
  set(object ${folder}/objects/${name}.o)
  set(${variable} ${object} PARENT_SCOPE)
  get_property(made GLOBAL PROPERTY FUZZ_OBJECTS)
  if(object IN_LIST made)
    return()
  endif()
  set_property(GLOBAL APPEND PROPERTY FUZZ_OBJECTS ${object})
  get_filename_component(place ${object} DIRECTORY)
  file(MAKE_DIRECTORY ${place})
  add_custom_command(OUTPUT ${object}
    COMMAND ${LIBTRACE_CLANG} ${flags} ${of_FLAGS} ${includes} -MMD -MF ${object}.d -c -o ${object} ${source}
    DEPENDS ${source} ${of_DEPENDS} DEPFILE ${object}.d COMMENT "Building ${name} to be fuzzed" VERBATIM COMMAND_EXPAND_LISTS)
endfunction()

# fuzz_library(NAME): a library of ours, compiled again.
function(fuzz_library library)
  get_target_property(sources ${library} SOURCES)
  get_target_property(directory ${library} SOURCE_DIR)
  set(objects)
  foreach(source IN LISTS sources)
    if(source MATCHES "^\\$")
      continue() # objects of another library of these
    endif()
    get_filename_component(source ${source} ABSOLUTE BASE_DIR ${directory})
    fuzz_object(object ${source} TARGETS ${library} DEPENDS ${FUZZ_AFTER_${library}})
    list(APPEND objects ${object})
  endforeach()
  add_custom_command(OUTPUT ${folder}/lib${library}.a COMMAND ${CMAKE_COMMAND} -E rm -f ${folder}/lib${library}.a
    COMMAND ${CMAKE_AR} rcs ${folder}/lib${library}.a ${objects} DEPENDS ${objects} VERBATIM)
endfunction()
set(FUZZ_AFTER_store_code store_code) # its generated sources
set(FUZZ_AFTER_store store)
foreach(library arena ledger pages symbols pycode store_code store rows_receive query advise export page report)
  fuzz_library(${library})
endforeach()

# What several targets have in common.
fuzz_object(make_db ${CMAKE_SOURCE_DIR}/tests/report/make_db.c TARGETS store FLAGS -Dmain=make_db_main)
fuzz_object(rows_run ${CMAKE_SOURCE_DIR}/tests/unit/rows_run.c TARGETS store)
foreach(name arena_memory changed folder formats no_store reports)
  fuzz_object(${name}_object ${CMAKE_CURRENT_LIST_DIR}/${name}.c TARGETS arena page report store)
endforeach()
set(reports ${reports_object} ${folder_object} ${make_db} ${rows_run})

# Inputs to begin with.
file(GLOB seeds_of CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/symbols/*.c*)
add_custom_command(OUTPUT ${folder}/seeds/made COMMAND ${LIBTRACE_PYTEST_PYTHON} ${CMAKE_CURRENT_LIST_DIR}/seeds.py ${folder}/seeds
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/seeds.py ${seeds_of} COMMENT "Making inputs to fuzz with" VERBATIM)

# libtrace_fuzz(NAME ABOUT PATTERN [SOURCES FILE...] [OBJECTS...] [TARGETS...] [LIBRARIES...] [LINK...]): the target NAME.c.
# ABOUT: a regular expression of the files whose coverage is told. SOURCES belong to TARGETS; LIBRARIES were made above.
function(libtrace_fuzz name)
  cmake_parse_arguments(PARSE_ARGV 1 of "" "ABOUT" "SOURCES;OBJECTS;TARGETS;LIBRARIES;LINK;AFTER")
  set(objects)
  foreach(source ${CMAKE_CURRENT_LIST_DIR}/${name}.c ${of_SOURCES})
    fuzz_object(object ${source} TARGETS ${of_TARGETS} ${of_LIBRARIES})
    list(APPEND objects ${object})
  endforeach()
  list(TRANSFORM of_LIBRARIES REPLACE "(.+)" "${folder}/lib\\1.a" OUTPUT_VARIABLE libraries)
  add_custom_command(OUTPUT ${folder}/${name}
    COMMAND ${LIBTRACE_CLANG} -fsanitize=fuzzer,address,undefined -o ${folder}/${name} ${objects} ${of_OBJECTS}
      -Wl,--start-group ${libraries} -Wl,--end-group ${of_LINK} -lm -lpthread -ldl
    DEPENDS ${objects} ${of_OBJECTS} ${libraries} ${of_AFTER} COMMENT "Linking the fuzz target ${name}" VERBATIM COMMAND_EXPAND_LISTS)
  file(WRITE ${folder}/${name}.about "${of_ABOUT}\n")
  set_property(GLOBAL APPEND PROPERTY FUZZ_TARGETS ${folder}/${name})
  add_test(NAME fuzz.${name} COMMAND ${CMAKE_SOURCE_DIR}/scripts/fuzz --short ${name})
  set_tests_properties(fuzz.${name} PROPERTIES ENVIRONMENT "LIBTRACE_BUILD=${CMAKE_BINARY_DIR}" TIMEOUT 300)
endfunction()

set(guest ${CMAKE_SOURCE_DIR}/preload/guest)
set(collector ${CMAKE_SOURCE_DIR}/analyzer/collector)
set(dwarf ${LIBDW_LINK_LIBRARIES} ${DEFLATE_LINK_LIBRARIES} ${ZSTD_LINK_LIBRARIES} ${IBERTY_LIBRARY})
set(all_reports report export page advise query store store_code)
set(report_libraries ${SQLITE_LINK_LIBRARIES} ${SMARTCOLS_LINK_LIBRARIES} ${ZLIB_LINK_LIBRARIES} $<TARGET_FILE:html_page>)

libtrace_fuzz(arena ABOUT "analyzer/(arena|collector)/" OBJECTS ${arena_memory_object} LIBRARIES ledger arena)
libtrace_fuzz(notes ABOUT "analyzer/collector/(intern|attribution)" TARGETS collector OBJECTS ${arena_memory_object} ${no_store_object}
  SOURCES ${collector}/intern.c ${collector}/intern_lines.c ${collector}/intern_notes.c ${collector}/intern_memory.c
    ${collector}/intern_objects.c ${collector}/intern_types.c ${collector}/attribution.c ${collector}/known_symbols.c
    ${collector}/files.c ${collector}/module_file.c ${collector}/build_id.c ${collector}/rtti.c ${collector}/object_looks.c
    ${collector}/object_shares.c ${collector}/object_types.c ${collector}/python_keys.c ${collector}/python_memory.c ${collector}/python_values.c ${CMAKE_SOURCE_DIR}/analyzer/store/measures.c
  LIBRARIES ledger arena symbols pycode LINK ${dwarf})
libtrace_fuzz(rows ABOUT "analyzer/(rows|store)/" OBJECTS ${folder_object} LIBRARIES rows_receive store store_code
  LINK ${SQLITE_LINK_LIBRARIES})
libtrace_fuzz(cfi ABOUT "guest/stack/(cfi|expression|extent)" TARGETS trace
  SOURCES ${guest}/stack/cfi.c ${guest}/stack/expression.c ${guest}/stack/extent.c ${guest}/base/rlimits.c ${guest}/base/guest.c)
libtrace_fuzz(debug_frame ABOUT "/debug_frame" TARGETS trace
  SOURCES ${guest}/stack/cfi.c ${guest}/stack/expression.c ${guest}/stack/extent.c ${guest}/base/rlimits.c ${guest}/base/guest.c)
libtrace_fuzz(elf ABOUT "analyzer/symbols/" LIBRARIES symbols LINK ${dwarf})
libtrace_fuzz(demangle ABOUT "symbols/(demangle|block_types|library_code|vtables)" LIBRARIES symbols LINK ${dwarf})
libtrace_fuzz(pycode ABOUT "symbols/pycode" LIBRARIES pycode)
libtrace_fuzz(smaps ABOUT "pages/smaps" LIBRARIES pages)
libtrace_fuzz(source ABOUT "advise/python_source" LIBRARIES advise query store store_code LINK ${SQLITE_LINK_LIBRARIES})
libtrace_fuzz(arguments ABOUT "query/(args|text|units)" OBJECTS ${reports} LIBRARIES ${all_reports} LINK ${report_libraries} AFTER html_page)
libtrace_fuzz(windows ABOUT "query/(window|filter|match|run)" OBJECTS ${reports} LIBRARIES ${all_reports} LINK ${report_libraries} AFTER html_page)
libtrace_fuzz(suppressions ABOUT "(query/suppress|advise/suppressed)" OBJECTS ${reports} LIBRARIES ${all_reports} LINK ${report_libraries} AFTER html_page)
libtrace_fuzz(database ABOUT "analyzer/(query|report|advise|export|html|store/read)" OBJECTS ${reports} ${changed_object} LIBRARIES ${all_reports} LINK ${report_libraries} AFTER html_page)
libtrace_fuzz(names ABOUT "analyzer/(export|html|query/(json|text|texts|names))" OBJECTS ${reports} ${changed_object} ${formats_object} LIBRARIES ${all_reports} LINK ${report_libraries} AFTER html_page)

get_property(targets GLOBAL PROPERTY FUZZ_TARGETS)
add_custom_target(fuzz ALL DEPENDS ${targets} ${folder}/seeds/made)
