# LD_PRELOAD=libtrace.so, without a path, is found through the loader's cache: refresh it,
# or tell the user to.
if(NOT "$ENV{DESTDIR}" STREQUAL "")
  return() # this only fills a package; the package manager will run ldconfig
endif()
execute_process(COMMAND ldconfig RESULT_VARIABLE failed OUTPUT_QUIET ERROR_QUIET)
if(NOT failed)
  execute_process(COMMAND ldconfig -p OUTPUT_VARIABLE cache ERROR_QUIET)
endif()
if(NOT cache MATCHES "libtrace\\.so [^\n]*${libdir}")
  message(STATUS "To use LD_PRELOAD=libtrace.so without a path, run ldconfig as root (with ${libdir} in "
                 "/etc/ld.so.conf.d/); trace-run works as it is.")
endif()
