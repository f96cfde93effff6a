# What tangram links to. Each missing package is named in one line, with the Debian package that brings it.

add_library(tangram_dependencies INTERFACE)

function(tangram_missing what package)
  message(FATAL_ERROR "tangram needs ${what}: install the Debian package ${package} "
    "(./jobs/install-packages.sh installs them all), or point CMAKE_PREFIX_PATH at it")
endfunction()

find_package(MPI QUIET COMPONENTS C)
if(NOT MPI_C_FOUND)
  tangram_missing("MPI" "libopenmpi-dev openmpi-bin")
endif()

set(HDF5_PREFER_PARALLEL ON)
find_package(HDF5 QUIET COMPONENTS C HL)
if(NOT HDF5_FOUND)
  tangram_missing("parallel HDF5" "libhdf5-openmpi-dev")
endif()
if(HDF5_VERSION VERSION_LESS 1.10.5)
  message(FATAL_ERROR "tangram needs HDF5 1.10.5 or newer (it asks where tiles lie), and found ${HDF5_VERSION}")
endif()
if(NOT HDF5_IS_PARALLEL)
  message(FATAL_ERROR "tangram needs parallel HDF5, but the HDF5 found in ${HDF5_C_INCLUDE_DIRS} is serial: "
    "install the Debian package libhdf5-openmpi-dev, or set HDF5_ROOT to a parallel build")
endif()

find_path(OPENBLAS_INCLUDE_DIR cblas.h
  HINTS $ENV{OPENBLAS_ROOT}/include $ENV{OPENBLAS_DIR}/include
  PATH_SUFFIXES openblas openblas-pthread openblas-openmp openblas-serial)
find_library(OPENBLAS_LIBRARY openblas
  HINTS $ENV{OPENBLAS_ROOT}/lib $ENV{OPENBLAS_DIR}/lib
  PATH_SUFFIXES openblas-pthread openblas-openmp openblas-serial)
if(NOT OPENBLAS_INCLUDE_DIR OR NOT OPENBLAS_LIBRARY)
  tangram_missing("OpenBLAS" "libopenblas-pthread-dev")
endif()
# Before all others, and again behind what needs it: more than a third of the symbols that a start looks up are its own, each sought
# in every library that comes first.
target_link_libraries(tangram_dependencies INTERFACE ${OPENBLAS_LIBRARY})

find_package(OpenMP QUIET COMPONENTS CXX)
if(NOT OpenMP_CXX_FOUND)
  tangram_missing("a C++ compiler with OpenMP" "g++")
endif()

find_package(OpenSSL QUIET COMPONENTS Crypto)
if(NOT OPENSSL_FOUND)
  tangram_missing("OpenSSL's libcrypto" "libssl-dev")
endif()

find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND)
  tangram_missing("zlib" "zlib1g-dev")
endif()

find_path(XXHASH_INCLUDE_DIR xxhash.h)
find_library(XXHASH_LIBRARY xxhash)
if(NOT XXHASH_INCLUDE_DIR OR NOT XXHASH_LIBRARY)
  tangram_missing("xxHash" "libxxhash-dev")
endif()

foreach(needed IN ITEMS "CLI11;libcli11-dev" "nlohmann_json;nlohmann-json3-dev" "fmt;libfmt-dev" "spdlog;libspdlog-dev")
  list(GET needed 0 name)
  list(GET needed 1 package)
  find_package(${name} QUIET CONFIG)
  if(NOT ${name}_FOUND)
    tangram_missing("${name}" "${package}")
  endif()
endforeach()

# For `tangram spectrum` on several ranks: ScaLAPACK, and ELPA on top of it. Without, it has LAPACK on one rank.
find_library(SCALAPACK_LIBRARY NAMES scalapack-openmpi scalapack HINTS $ENV{SCALAPACK_ROOT}/lib)
find_path(ELPA_INCLUDE_DIR elpa/elpa_constants.h HINTS $ENV{ELPA_ROOT}/include PATH_SUFFIXES elpa)
find_library(ELPA_LIBRARY elpa HINTS $ENV{ELPA_ROOT}/lib)
if(SCALAPACK_LIBRARY)
  target_compile_definitions(tangram_dependencies INTERFACE TANGRAM_HAVE_SCALAPACK)
  if(ELPA_LIBRARY AND ELPA_INCLUDE_DIR)
    target_compile_definitions(tangram_dependencies INTERFACE TANGRAM_HAVE_ELPA)
    target_include_directories(tangram_dependencies SYSTEM INTERFACE ${ELPA_INCLUDE_DIR})
    target_link_libraries(tangram_dependencies INTERFACE ${ELPA_LIBRARY})
  endif()
  target_link_libraries(tangram_dependencies INTERFACE ${SCALAPACK_LIBRARY})
endif()

# For networks from ONNX files: protobuf, and the classes that it made of onnx.proto. Nothing else of ONNX is used. Without, such
# files are refused.
find_path(ONNX_INCLUDE_DIR onnx/onnx_pb.h)
find_library(ONNX_PROTO_LIBRARY onnx_proto)
find_path(PROTOBUF_INCLUDE_DIR google/protobuf/message.h)
find_library(PROTOBUF_LIBRARY protobuf)
set(TANGRAM_HAVE_ONNX OFF)
if(ONNX_INCLUDE_DIR AND ONNX_PROTO_LIBRARY AND PROTOBUF_INCLUDE_DIR AND PROTOBUF_LIBRARY)
  set(TANGRAM_HAVE_ONNX ON)
  target_compile_definitions(tangram_dependencies INTERFACE ONNX_ML=1 ONNX_NAMESPACE=onnx)
  target_include_directories(tangram_dependencies SYSTEM INTERFACE ${ONNX_INCLUDE_DIR} ${PROTOBUF_INCLUDE_DIR})
  target_link_libraries(tangram_dependencies INTERFACE ${ONNX_PROTO_LIBRARY} ${PROTOBUF_LIBRARY})
endif()

# For spectra and solutions without matrices: SLEPc and PETSc, of real numbers. Without, these are refused.
find_package(PkgConfig QUIET)
set(TANGRAM_HAVE_SLEPC OFF)
if(PKG_CONFIG_FOUND)
  pkg_check_modules(PETSC QUIET IMPORTED_TARGET petsc)
  pkg_check_modules(SLEPC QUIET IMPORTED_TARGET slepc)
  if(PETSC_FOUND AND SLEPC_FOUND)
    set(TANGRAM_HAVE_SLEPC ON)
  endif()
endif()

find_package(Threads REQUIRED)

target_include_directories(tangram_dependencies SYSTEM INTERFACE
  ${HDF5_C_INCLUDE_DIRS} ${OPENBLAS_INCLUDE_DIR} ${XXHASH_INCLUDE_DIR})
target_compile_definitions(tangram_dependencies INTERFACE OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)
target_link_libraries(tangram_dependencies INTERFACE
  MPI::MPI_C ${HDF5_C_HL_LIBRARIES} ${HDF5_C_LIBRARIES} ${OPENBLAS_LIBRARY} OpenMP::OpenMP_CXX OpenSSL::Crypto ZLIB::ZLIB ${XXHASH_LIBRARY}
  CLI11::CLI11 nlohmann_json::nlohmann_json fmt::fmt spdlog::spdlog Threads::Threads)
