#include "tangram/commands/bench_hardware.hpp"

#include "tangram/commands/bench_clock.hpp"
#include "tangram/support/blas.hpp"
#include "tangram/support/file_descriptor.hpp"

#include <fcntl.h>
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>

namespace tangram {

namespace {

/// One thread's product C = A B^T, (m, k) times (n, k), rows padded against cache aliasing as in a tile.
template <class T>
class Product {
public:
    static constexpr Index m = 2048;
    static constexpr Index n = 2048;
    static constexpr Index k = 1024;
    static constexpr double operations = 2.0 * m * n * k;

    Product() : a_(m * ld_k), b_(n * ld_k), c_(m * ld_n) {}
    /// By the thread that multiplies, so that the memory is near it.
    void fill() const {
        for (Index i = 0; i < a_.size(); ++i) a_.data()[i] = T{1} / static_cast<T>(1 + i % 7);
        for (Index i = 0; i < b_.size(); ++i) b_.data()[i] = T{1} / static_cast<T>(1 + i % 11);
    }
    void multiply() const {
        blas::gemm(blas::Op::none, blas::Op::transpose, T{1}, ConstMatrixView<T>{a_.data(), m, k, ld_k},
                   ConstMatrixView<T>{b_.data(), n, k, ld_k}, T{0}, MatrixView<T>{c_.data(), m, n, ld_n});
    }

private:
    static constexpr Index padding = 64 / static_cast<Index>(sizeof(T));
    static constexpr Index ld_k = k + padding;
    static constexpr Index ld_n = n + padding;
    AlignedBuffer<T> a_, b_, c_;
};

/// Runs work(thread) on exactly `threads` threads. `work` does not throw.
template <class Work>
void on_threads(int threads, Work work) {
    std::atomic<bool> short_of_threads{false};
#pragma omp parallel num_threads(threads) default(shared)
    {
        if (omp_get_num_threads() == threads) {
            work(at(omp_get_thread_num()));
        } else {
            short_of_threads = true;
        }
    }
    if (short_of_threads) {
        fail(ExitCode::no_resources,
             "OpenMP gives fewer than {} threads: lower --threads or raise OMP_THREAD_LIMIT", threads);
    }
}

}  // namespace

template <class T>
double gemm_peak(const mpi::Communicator& world, int threads) {
    constexpr int repetitions = 3;
    std::vector<Product<T>> products;
    agree(world, [&] {
        products = std::vector<Product<T>>(at(threads));
        on_threads(threads, [&](std::size_t thread) {
            products[thread].fill();
            products[thread].multiply();  // warms up
        });
    });
    const double seconds = time_of_slowest(world, [&] {
        on_threads(threads, [&](std::size_t thread) {
            for (int k = 0; k < repetitions; ++k) products[thread].multiply();
        });
    });
    const auto all_threads = static_cast<double>(mpi::sum(world, Index{threads}));
    return all_threads * repetitions * Product<T>::operations / seconds;
}

template double gemm_peak<float>(const mpi::Communicator&, int);
template double gemm_peak<double>(const mpi::Communicator&, int);

double plain_write_seconds(const mpi::Communicator& world, const std::string& path, Index bytes) {
    constexpr Index block_bytes = Index{1} << 24;
    const RemovedAtEnd removed(world.is_root() ? path : "");
    AlignedBuffer<char> block;
    agree_on_root(world, [&] {
        block = AlignedBuffer<char>(block_bytes);
        std::memset(block.data(), 1, at(block_bytes));
    });
    return time_of_slowest(world, [&] {
        if (!world.is_root()) return;
        const FileDescriptor file = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
        for (Index done = 0; done < bytes; done += block_bytes) {
            file.write_at(block.data(), std::min(block_bytes, bytes - done), done);
        }
        file.sync();
    });
}

RemovedAtEnd::~RemovedAtEnd() {
    if (!path_.empty()) std::remove(path_.c_str());
}

}  // namespace tangram
