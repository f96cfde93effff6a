// doctest under MPI: every rank runs every test. Rank 0 reports as usual; the others keep their report and
// print it only if something failed there. All ranks return the same code.

#define DOCTEST_CONFIG_IMPLEMENT
#include "tangram/support/blas.hpp"
#include "tangram/support/hdf5.hpp"
#include "tangram/support/mpi.hpp"

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

int main(int argc, char** argv) {
    tangram::mpi::Environment environment;
    tangram::h5::initialize();
    tangram::blas::set_blas_threads(1);
    const auto world = tangram::mpi::Communicator::world();

    std::ostringstream report;
    doctest::Context context(argc, argv);
    if (!world.is_root()) context.setCout(&report);
    const int failed = context.run();
    if (!world.is_root() && failed != 0)
        std::cout << "on rank " << world.rank() << ":\n" << report.str() << std::flush;

    const double failed_anywhere = tangram::mpi::maximum(world, static_cast<double>(failed));
    environment.finalize();
    return failed_anywhere > 0 ? 1 : 0;
}
