# Run by cpack before it packs: what a Debian package has beyond what is installed anywhere.
if(NOT CPACK_GENERATOR STREQUAL "DEB")
  return()
endif()
set(folder ${CPACK_TEMPORARY_DIRECTORY}/usr/share)
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # or what SOURCE_DATE_EPOCH says
file(WRITE ${folder}/doc/tangram/changelog.Debian "tangram (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) bookworm; urgency=medium

  * What is new is in changelog.gz.

 -- ${CPACK_PACKAGE_CONTACT}  ${date}
")
file(RENAME ${folder}/doc/tangram/CHANGELOG.md ${folder}/doc/tangram/changelog)
execute_process(COMMAND gzip -9n ${folder}/doc/tangram/changelog ${folder}/doc/tangram/changelog.Debian
  COMMAND_ERROR_IS_FATAL ANY)
file(COPY ${CMAKE_CURRENT_LIST_DIR}/lintian-overrides DESTINATION ${folder}/lintian/overrides)
file(RENAME ${folder}/lintian/overrides/lintian-overrides ${folder}/lintian/overrides/tangram)
