# Run by CPack on the package's files before they are packed: Debian wants manuals and changelogs compressed,
# and the licence under another name.
set(share ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/usr/share)
file(GLOB_RECURSE pages ${share}/man/*)
execute_process(COMMAND gzip -9n ${pages} ${share}/doc/libtrace/CHANGELOG.md COMMAND_ERROR_IS_FATAL ANY)
file(RENAME ${share}/doc/libtrace/CHANGELOG.md.gz ${share}/doc/libtrace/changelog.gz)
file(RENAME ${share}/doc/libtrace/LICENSE ${share}/doc/libtrace/copyright)
