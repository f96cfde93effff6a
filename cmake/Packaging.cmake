# What is installed, and the packages that cpack makes of it: a Debian package (cpack -G DEB) and a source tarball
# (cpack --config CPackSourceConfig.cmake), see docs/install.md.

# ---- manual pages and completions: made by a program that reads the option tables; man pages are compressed where gzip is there

file(GLOB TANGRAM_MANUAL_SOURCES CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/manual/*.cpp)
add_executable(tangram_manual ${TANGRAM_MANUAL_SOURCES})
target_link_libraries(tangram_manual PRIVATE tangram_library)
find_program(GZIP_PROGRAM gzip)
if(GZIP_PROGRAM)
  set(compress_pages COMMAND sh -c "${GZIP_PROGRAM} -9n ${CMAKE_BINARY_DIR}/manual/man1/*.1")
endif()
string(TIMESTAMP today "%Y-%m-%d" UTC)  # or what SOURCE_DATE_EPOCH says
add_custom_command(OUTPUT ${CMAKE_BINARY_DIR}/manual.stamp
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${CMAKE_BINARY_DIR}/manual
  COMMAND tangram_manual ${today} ${CMAKE_BINARY_DIR}/manual
  ${compress_pages}
  COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/manual.stamp
  DEPENDS tangram_manual COMMENT "Manual pages and completions" VERBATIM)
add_custom_target(tangram_manual_pages ALL DEPENDS ${CMAKE_BINARY_DIR}/manual.stamp)

# ---- where everything goes

set(TANGRAM_ZSH_FOLDER ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING
  "Where zsh looks for completions (Debian: share/zsh/vendor-completions for packages)")
install(TARGETS tangram RUNTIME)
if(TARGET tangram_krylov)
  install(TARGETS tangram_krylov LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/tangram)
endif()
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/bash/ DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions)
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/zsh/ DESTINATION ${TANGRAM_ZSH_FOLDER})
install(DIRECTORY ${CMAKE_BINARY_DIR}/manual/fish/ DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(DIRECTORY jobs DESTINATION ${CMAKE_INSTALL_DATADIR}/tangram USE_SOURCE_PERMISSIONS
  PATTERN __pycache__ EXCLUDE
  PATTERN quickstart.sh EXCLUDE          # these two build the program
  PATTERN install-packages.sh EXCLUDE)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES README.md CHANGELOG.md CITATION.cff DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright)

# ---- packages

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The Tangram developers")
set(CPACK_PACKAGE_CONTACT "The Tangram developers <tangram@packages.invalid>" CACHE STRING "Who answers for the package")
set(CPACK_STRIP_FILES ON)
set(CPACK_RESOURCE_FILE_LICENSE ${PROJECT_SOURCE_DIR}/LICENSE)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "openmpi-bin, python3")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "python3-h5py, python3-matplotlib, python3-numpy")
set(CPACK_DEBIAN_PACKAGE_SUGGESTS "bash-completion, python3-onnx, python3-torch, slurm-client")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "neural tangent kernels of neural networks, tensor by tensor")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION "Computes the empirical neural tangent kernel of a trained network and its
samples on any number of MPI ranks: the whole kernel, and the part of it that
each parameter tensor contributes, in one HDF5 file, verified against explicit
Jacobians. Networks come from safetensors, HDF5, Keras and ONNX files.

Beside kernels: comparison with another program's kernel, spectra, kernel
regression, scripts for PyTorch checkpoints, figures and Slurm jobs.")
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/debian/complete.cmake)

set(CPACK_SOURCE_GENERATOR TGZ)
set(CPACK_SOURCE_PACKAGE_FILE_NAME tangram-${PROJECT_VERSION})
set(CPACK_SOURCE_INSTALLED_DIRECTORIES "${CMAKE_BINARY_DIR}/source;/")
set(CPACK_INSTALL_SCRIPTS ${PROJECT_SOURCE_DIR}/packaging/source.cmake)
set(CPACK_TANGRAM_SOURCE ${PROJECT_SOURCE_DIR})
set(CPACK_TANGRAM_BINARY ${CMAKE_BINARY_DIR})
include(CPack)
