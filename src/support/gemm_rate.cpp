#include "tangram/support/gemm_rate.hpp"

#include "tangram/support/agreement.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/stopwatch.hpp"

#include <omp.h>

#include <array>
#include <vector>

namespace tangram {

namespace {

constexpr Index m = 1024;
constexpr Index k = 1024;

/// Three matrices of one thread, rows padded against cache aliasing.
template <class T>
struct Operands {
    static constexpr Index padding = 64 / static_cast<Index>(sizeof(T));
    AlignedBuffer<T> a{m * (k + padding)}, b{m * (k + padding)}, c{m * (m + padding)};
    /// By the thread that multiplies, so that the memory is near it.
    void fill() const {
        for (Index i = 0; i < a.size(); ++i) a.data()[i] = b.data()[i] = static_cast<T>(i % 7) - T{3};
    }
    void multiply() const {
        blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, ConstMatrixView<T>{a.data(), m, k, k + padding},
                   ConstMatrixView<T>{b.data(), m, k, k + padding}, T{0},
                   MatrixView<T>{c.data(), m, m, m + padding});
    }
};

}  // namespace

template <class T>
double gemm_rate(int threads, double seconds) {
    const double operations = 2.0 * static_cast<double>(m * m * k);
    const std::vector<Operands<T>> operands(at(threads));
    double rate = 0;
#pragma omp parallel num_threads(threads) default(shared) reduction(+ : rate)
    {
        const Operands<T>& mine = operands[at(omp_get_thread_num())];
        mine.fill();
        mine.multiply();
#pragma omp barrier
        const Stopwatch watch;
        int calls = 0;
        do {
            mine.multiply();
            ++calls;
        } while (watch.seconds() < seconds);
        rate += calls * operations / watch.seconds();
    }
    return rate;
}

template <class T>
double gemm_rate_of_all(const mpi::Communicator& world, int threads, double seconds) {
    std::array<double, 1> rate{};
    mpi::barrier(world);
    agree(world, [&] { rate[0] = gemm_rate<T>(threads, seconds); });
    mpi::sum(world, rate);
    return rate[0];
}

template double gemm_rate<float>(int, double);
template double gemm_rate<double>(int, double);
template double gemm_rate_of_all<float>(const mpi::Communicator&, int, double);
template double gemm_rate_of_all<double>(const mpi::Communicator&, int, double);

}  // namespace tangram
