#include "tangram/support/mpi.hpp"

#include "tangram/support/error.hpp"
#include "tangram/support/narrow.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <exception>

namespace tangram::mpi {

namespace {

constexpr Index slice_bytes = Index{1} << 30;

/// In-place allreduce of any length, in slices that MPI's int counts hold.
template <class T>
void allreduce(const Communicator& comm, std::span<T> values, MPI_Datatype type, MPI_Op op) {
    const std::size_t slice = slice_bytes / sizeof(T);
    for (std::size_t first = 0; first < values.size(); first += slice) {
        const int count = static_cast<int>(std::min(slice, values.size() - first));
        MPI_Allreduce(MPI_IN_PLACE, values.data() + first, count, type, op, comm.get());
    }
}

}  // namespace

Environment::Environment() {
    MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided_);
}

void Environment::require_threads() const {
    if (provided_ < MPI_THREAD_FUNNELED) {
        fail(ExitCode::no_resources,
             "this MPI gives no MPI_THREAD_FUNNELED: use one that was built with thread support");
    }
}

void Environment::finalize() {
    MPI_Finalize();
}

Communicator::Communicator(MPI_Comm comm, bool owned)
    : comm_(comm), owned_(owned), exceptions_(std::uncaught_exceptions()) {
    if (comm_ != MPI_COMM_NULL) {
        MPI_Comm_rank(comm_, &rank_);
        MPI_Comm_size(comm_, &size_);
    }
}

Communicator Communicator::world() {
    return {MPI_COMM_WORLD, false};
}

Communicator Communicator::split(int color, int key) const {
    MPI_Comm part = MPI_COMM_NULL;
    MPI_Comm_split(comm_, color < 0 ? MPI_UNDEFINED : color, key, &part);
    return {part, true};
}

Communicator Communicator::split_by_node() const {
    MPI_Comm part = MPI_COMM_NULL;
    MPI_Comm_split_type(comm_, MPI_COMM_TYPE_SHARED, rank_, MPI_INFO_NULL, &part);
    return {part, true};
}

Communicator::~Communicator() {
    if (owned_ && comm_ != MPI_COMM_NULL && std::uncaught_exceptions() <= exceptions_) MPI_Comm_free(&comm_);
}

Communicator::Communicator(Communicator&& other) noexcept
    : comm_(other.comm_),
      owned_(other.owned_),
      exceptions_(other.exceptions_),
      rank_(other.rank_),
      size_(other.size_) {
    other.owned_ = false;
}

Block::Block(Index bytes) {
    MPI_Datatype line = MPI_DATATYPE_NULL;
    MPI_Type_contiguous(64, MPI_BYTE, &line);
    MPI_Type_contiguous(narrow(bytes / 64, "cache lines in a block"), line, &type_);
    MPI_Type_commit(&type_);
    MPI_Type_free(&line);
}

Block::~Block() {
    MPI_Type_free(&type_);
}

void broadcast_bytes(const Communicator& comm, void* data, Index bytes, int from) {
    char* next = static_cast<char*>(data);
    for (Index left = bytes; left > 0;) {
        const Index count = std::min(left, slice_bytes);
        MPI_Bcast(next, narrow(count, "bytes"), MPI_BYTE, from, comm.get());
        next += count;
        left -= count;
    }
}

Index broadcast(const Communicator& comm, Index value) {
    broadcast_bytes(comm, &value, sizeof value);
    return value;
}

std::string broadcast(const Communicator& comm, std::string text) {
    text.resize(static_cast<std::size_t>(broadcast(comm, static_cast<Index>(text.size()))));
    broadcast_bytes(comm, text.data(), static_cast<Index>(text.size()));
    return text;
}

void sum(const Communicator& comm, std::span<double> values) {
    allreduce(comm, values, MPI_DOUBLE, MPI_SUM);
}

void maximum(const Communicator& comm, std::span<double> values) {
    allreduce(comm, values, MPI_DOUBLE, MPI_MAX);
}

void bitwise_or(const Communicator& comm, std::span<std::uint64_t> values) {
    allreduce(comm, values, MPI_UINT64_T, MPI_BOR);
}

Index sum(const Communicator& comm, Index value) {
    MPI_Allreduce(MPI_IN_PLACE, &value, 1, MPI_INT64_T, MPI_SUM, comm.get());
    return value;
}

double maximum(const Communicator& comm, double value) {
    maximum(comm, std::span<double>(&value, 1));
    return value;
}

double minimum(const Communicator& comm, double value) {
    return -maximum(comm, -value);
}

std::vector<std::string> gather(const Communicator& comm, const std::string& text) {
    const auto ranks = static_cast<std::size_t>(comm.size());
    const int length = narrow(static_cast<Index>(text.size()), "length of a text");
    std::vector<int> lengths(ranks);
    std::vector<int> starts(ranks);
    MPI_Gather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, 0, comm.get());
    int total = 0;
    for (std::size_t r = 0; r < ranks; ++r) {
        starts[r] = total;
        total += lengths[r];
    }
    std::string all(static_cast<std::size_t>(total), '\0');
    MPI_Gatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(), starts.data(), MPI_CHAR, 0,
                comm.get());
    std::vector<std::string> texts;
    for (std::size_t r = 0; comm.is_root() && r < ranks; ++r) {
        texts.push_back(
            all.substr(static_cast<std::size_t>(starts[r]), static_cast<std::size_t>(lengths[r])));
    }
    return texts;
}

std::vector<double> gather(const Communicator& comm, std::span<const double> values) {
    const int count = narrow(static_cast<Index>(values.size()), "values a rank");
    std::vector<double> all(comm.is_root() ? values.size() * static_cast<std::size_t>(comm.size()) : 0);
    MPI_Gather(values.data(), count, MPI_DOUBLE, all.data(), count, MPI_DOUBLE, 0, comm.get());
    return all;
}

void barrier(const Communicator& comm) {
    MPI_Barrier(comm.get());
}

std::string host_name() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return host.data();
}

std::string library_version() {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    MPI_Get_library_version(text.data(), &length);
    const std::string version(text.data(), static_cast<std::size_t>(length));
    return version.substr(0, version.find(','));
}

}  // namespace tangram::mpi
