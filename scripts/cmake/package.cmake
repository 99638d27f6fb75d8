# Builds the Debian package: cmake --preset package && cmake --build --preset package
#
# With that preset's prefix, /usr, GNUInstallDirs puts the library into Debian's folder for the architecture;
# the target `package` of another build makes a package that has it in /usr/lib.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME libtrace)
set(CPACK_PACKAGE_VERSION ${PROJECT_VERSION})
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "memory tracer for existing programs")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)

set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "the libtrace authors <maintainers@libtrace.invalid>")
set(CPACK_DEBIAN_PACKAGE_SECTION devel)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
"Shows which lines of a program allocate its memory: how much, how often, and
what was held at the peak. It works on programs as they are, with their threads
and child processes; in C and C++, and line by line in Python.

This package has trace-run, trace-attach, trace-report, and libtrace.so, which
is loaded into the programs that are traced.")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
# trace-report push loads libcurl when it is called; no other command needs it. Debian 13's is called libcurl4t64.
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "libcurl4 | libcurl4t64 | libcurl3-gnutls | libcurl3t64-gnutls")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
# That project's library has the same names, which LD_PRELOAD=libtrace.so and -ltrace would find.
set(CPACK_DEBIAN_PACKAGE_CONFLICTS libtrace3-dev)

# LD_PRELOAD=libtrace.so is found through the loader's cache, which dpkg refreshes at the end.
file(WRITE ${CMAKE_BINARY_DIR}/package/triggers "activate-noawait ldconfig\n")
# Python's compiled copies of our modules belong to no package: remove them, too.
file(WRITE ${CMAKE_BINARY_DIR}/package/prerm "#!/bin/sh
set -e
if command -v py3clean >/dev/null; then
  py3clean -p libtrace
fi
")
file(CHMOD ${CMAKE_BINARY_DIR}/package/prerm PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA ${CMAKE_BINARY_DIR}/package/triggers ${CMAKE_BINARY_DIR}/package/prerm)

set(CPACK_PRE_BUILD_SCRIPTS ${CMAKE_SOURCE_DIR}/scripts/cmake/package_files.cmake)
include(CPack)
