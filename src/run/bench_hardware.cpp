#include "tangram/run/bench_hardware.hpp"

#include "tangram/run/bench_clock.hpp"
#include "tangram/support/file_descriptor.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace tangram {

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
