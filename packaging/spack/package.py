# Spack recipe of Tangram: see docs/install.md. The source tarball (cmake's package preset makes it) lies in the folder that spack is
# called from.

import os

from spack.package import *


class Tangram(CMakePackage):
    """Layerwise empirical neural tangent kernels on CPU clusters, verified against explicit Jacobians."""

    manual_download = True
    url = f"file://{os.getcwd()}/tangram-1.0.0.tar.gz"
    license("BSD-3-Clause")

    version("1.0.0")

    variant("onnx", default=True, description="Read networks from ONNX files")
    variant("elpa", default=True, description="Eigenvalues by ELPA; without, by ScaLAPACK")
    variant("slepc", default=True, description="Spectra and regression without a matrix, by SLEPc and PETSc")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("pkgconfig", type="build")
    depends_on("gzip", type="build")

    depends_on("mpi")
    depends_on("hdf5@1.10.5: +mpi +hl")
    depends_on("openblas threads=pthreads")
    depends_on("scalapack")
    depends_on("openssl")
    depends_on("zlib-api")
    depends_on("xxhash")
    depends_on("cli11@2.1.2:")
    depends_on("nlohmann-json")
    depends_on("fmt@9:")
    depends_on("spdlog +fmt_external")
    depends_on("onnx", when="+onnx")
    depends_on("protobuf", when="+onnx")
    depends_on("elpa +mpi ~openmp", when="+elpa")
    depends_on("slepc", when="+slepc")
    depends_on("petsc +mpi ~complex +double", when="+slepc")

    conflicts("%gcc@:11", msg="C++20 as GCC 12 has it is needed")

    def cmake_args(self):
        args = [
            self.define("TANGRAM_BUILD_TESTS", False),
            # Spack's own flags say which processors are meant.
            self.define("TANGRAM_NATIVE", False),
            self.define("OPENBLAS_INCLUDE_DIR", self.spec["openblas"].prefix.include),
            self.define("OPENBLAS_LIBRARY", self.spec["openblas"].libs[0]),
            self.define("SCALAPACK_LIBRARY", self.spec["scalapack"].libs[0]),
            self.define("CMAKE_DISABLE_FIND_PACKAGE_PkgConfig", self.spec.satisfies("~slepc")),
        ]
        # What is not wanted is not looked for, in case the system has it.
        if self.spec.satisfies("+elpa"):
            args.append(self.define("ELPA_INCLUDE_DIR", self.spec["elpa"].headers.directories[0]))
            args.append(self.define("ELPA_LIBRARY", self.spec["elpa"].libs[0]))
        else:
            args.append(self.define("ELPA_LIBRARY", ""))
        if self.spec.satisfies("~onnx"):
            args.append(self.define("ONNX_PROTO_LIBRARY", ""))
        return args
