# TANGRAM_GIT_COMMIT: what the build was made from, recorded in every kernel file: asked of git in a clone; in a source tarball what
# "git archive" wrote in the place of the format below (.gitattributes); else "unknown".
set(TANGRAM_GIT_COMMIT "$Format:%h$")
if(NOT TANGRAM_GIT_COMMIT MATCHES "^[0-9a-f]+$")
  set(TANGRAM_GIT_COMMIT "unknown")
endif()
find_package(Git QUIET)
if(Git_FOUND AND EXISTS ${PROJECT_SOURCE_DIR}/.git)
  execute_process(COMMAND ${GIT_EXECUTABLE} -C ${PROJECT_SOURCE_DIR} describe --always --dirty --abbrev=12
    OUTPUT_VARIABLE TANGRAM_GIT_COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
# A new commit configures anew, so that the record does not go stale.
if(EXISTS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/.git/logs/HEAD)
endif()
if(NOT TANGRAM_GIT_COMMIT)
  set(TANGRAM_GIT_COMMIT "unknown")
endif()
