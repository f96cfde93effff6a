#include "tangram/support/krylov.hpp"

#include "krylov/interface.hpp"
#include "tangram/support/error.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <exception>
#include <filesystem>
#include <string>

namespace tangram {

namespace {

constexpr const char* library_name = "libtangram_krylov.so";

struct Library {
    decltype(&tangram_krylov_largest) largest = nullptr;
    decltype(&tangram_krylov_solve) solve = nullptr;
    decltype(&tangram_krylov_finish) finish = nullptr;
};

/// Beside the program, where it was built, and where it was installed.
void* open_library() {
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& candidate : {folder, folder / "..", folder / TANGRAM_LIBRARY_FOLDER}) {
        // Its symbols stay its own; it is never closed: MPI may still call what PETSc left with it.
        if (void* handle = dlopen((candidate / library_name).c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE))
            return handle;
    }
    return nullptr;
}

template <class Function>
void find(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    if (function == nullptr)
        fail(ExitCode::failed, "{} has no {}: build and install both together", library_name, name);
}

Library load() {
    void* const handle = open_library();
    if (handle == nullptr) {
        const char* const why = dlerror();
        fail(
            ExitCode::usage,
            "there is no {} here, which brings SLEPc and PETSc ({}): install the Debian package slepc-dev and build the program again",
            library_name, why == nullptr ? "no file" : why);
    }
    Library library;
    find(handle, "tangram_krylov_largest", library.largest);
    find(handle, "tangram_krylov_solve", library.solve);
    find(handle, "tangram_krylov_finish", library.finish);
    return library;
}

/// What the callbacks need, and what one of them threw.
struct Callbacks {
    const DistributedOperator& A;
    const LargestRequest* eigen = nullptr;
    const SolveRequest* solve = nullptr;
    std::exception_ptr thrown{};
};

/// Runs `work` for C: 0, or 1 with the exception kept.
template <class Work>
int guarded(void* self, Work work) {
    auto& callbacks = *static_cast<Callbacks*>(self);
    try {
        work(callbacks);
        return 0;
    } catch (...) {
        callbacks.thrown = std::current_exception();
        return 1;
    }
}

int act(void* self, const double* v, double* y) {
    return guarded(self, [&](Callbacks& c) { c.A.act({v, at(c.A.local)}, {y, at(c.A.local)}); });
}

int precondition(void* self, const double* r, double* z) {
    return guarded(self, [&](Callbacks& c) {
        c.solve->precondition({r, at(c.A.local)}, {z, at(c.A.local)});
    });
}

int after_step(void* self, std::int64_t step, double residual) {
    return guarded(self, [&](Callbacks& c) { c.solve->after_step(step, residual); });
}

int after_restart(void* self, std::int64_t converged, const double* const* columns) {
    return guarded(self, [&](Callbacks& c) {
        Matrix<double> shown(c.A.local, converged + 1);
        for (Index j = 0; j <= converged; ++j) {
            for (Index i = 0; i < c.A.local; ++i) shown(i, j) = columns[j][i];
        }
        c.eigen->after_restart(converged, std::as_const(shown).view());
    });
}

Matrix<double> transposed(ConstMatrixView<double> A) {
    Matrix<double> B(A.cols, A.rows);
    for (Index i = 0; i < A.rows; ++i) {
        for (Index j = 0; j < A.cols; ++j) B(j, i) = A(i, j);
    }
    return B;
}

void require_done(int outcome, const Callbacks& callbacks, const char* message) {
    if (callbacks.thrown) std::rethrow_exception(callbacks.thrown);
    if (outcome != krylov_done) fail(ExitCode::failed, "{}", message);
}

}  // namespace

void require_krylov() {
    load();
}

LargestPairs largest_eigenpairs(const mpi::Communicator& comm, const DistributedOperator& A,
                                const LargestRequest& request) {
    const Library library = load();
    Callbacks callbacks{A, &request, nullptr};
    const KrylovOperator shell{&callbacks, act, A.local, A.extent};
    const Matrix<double> start = transposed(request.start.view());
    const Matrix<double> known = transposed(request.deflation.view());
    const KrylovEigenRequest its{request.count,
                                 request.tolerance,
                                 request.most_restarts,
                                 start.data(),
                                 known.data(),
                                 known.rows(),
                                 &callbacks,
                                 request.after_restart ? after_restart : nullptr};
    LargestPairs pairs;
    pairs.values.resize(at(request.count));
    Matrix<double> vectors(request.count, A.local);
    KrylovEigenResult result{0, pairs.values.data(), vectors.data(), 0, 0};
    std::array<char, 512> message{};
    require_done(library.largest(comm.get(), &shell, &its, &result, message.data()), callbacks,
                 message.data());
    pairs.values.resize(at(result.found));
    pairs.vectors = transposed(std::as_const(vectors).view().row_block(0, result.found));
    pairs.restarts = result.restarts;
    pairs.converged = result.converged != 0;
    return pairs;
}

Solution conjugate_gradients(const mpi::Communicator& comm, const DistributedOperator& A,
                             std::span<const double> b, std::span<double> x, const SolveRequest& request) {
    const Library library = load();
    Callbacks callbacks{A, nullptr, &request};
    const KrylovOperator shell{&callbacks, act, A.local, A.extent};
    const KrylovSolveRequest its{request.tolerance,
                                 request.most_steps,
                                 b.data(),
                                 x.data(),
                                 &callbacks,
                                 request.precondition ? precondition : nullptr,
                                 request.after_step ? after_step : nullptr};
    KrylovSolveResult result{};
    std::array<char, 512> message{};
    require_done(library.solve(comm.get(), &shell, &its, &result, message.data()), callbacks, message.data());
    return {result.steps, result.converged != 0};
}

void finish_krylov() {
    load().finish();
}

}  // namespace tangram
