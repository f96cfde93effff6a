# Run by cpack before it gathers files. For a source tarball these are what the commit has that is checked out, and nothing else that
# lies about; its commit is written into cmake/GitCommit.cmake, since there is no git where the tarball is unpacked.
if(CPACK_TOPLEVEL_TAG MATCHES "-Source$")
  set(folder ${CPACK_TANGRAM_BINARY}/source)
  file(REMOVE_RECURSE ${folder})
  file(MAKE_DIRECTORY ${folder})
  execute_process(COMMAND git -C ${CPACK_TANGRAM_SOURCE} archive --format=tar --output=${folder}.tar HEAD
    RESULT_VARIABLE code)
  if(NOT code EQUAL 0)
    message(FATAL_ERROR "a source tarball is made in a git clone, of what is committed")
  endif()
  file(ARCHIVE_EXTRACT INPUT ${folder}.tar DESTINATION ${folder})
endif()
