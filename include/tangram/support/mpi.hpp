#pragma once
// Thin RAII over Open MPI. MPI's own error handler stays fatal, so no call here returns an error.
// A Communicator is freed by its owner unless an exception is in flight: freeing is collective, and the other
// ranks may not be there.

#include "tangram/support/matrix.hpp"

#include <mpi.h>

#include <span>
#include <string>
#include <vector>

namespace tangram::mpi {

/// MPI_Init_thread(FUNNELED): only the thread that constructs this makes MPI calls.
/// MPI_Finalize is called by finalize() alone, never by a destructor: one rank in MPI_Finalize hangs the
/// others.
class Environment {
public:
    Environment();
    /// Throws Error(no_resources) if this MPI cannot live beside threads.
    void require_threads() const;
    void finalize();
    Environment(const Environment&) = delete;
    Environment& operator=(const Environment&) = delete;

private:
    int provided_ = 0;
};

class Communicator {
public:
    /// MPI_COMM_WORLD, which nobody owns.
    static Communicator world();
    /// Collective. The ranks of one `color` (< 0: none) form a communicator, ordered by `key`; null() for the
    /// others.
    [[nodiscard]] Communicator split(int color, int key) const;
    /// Collective. The ranks that share this rank's node.
    [[nodiscard]] Communicator split_by_node() const;

    ~Communicator();
    Communicator(Communicator&& other) noexcept;
    Communicator& operator=(Communicator&&) = delete;

    [[nodiscard]] MPI_Comm get() const { return comm_; }
    [[nodiscard]] int rank() const { return rank_; }
    [[nodiscard]] int size() const { return size_; }
    [[nodiscard]] bool is_root() const { return rank_ == 0; }

private:
    Communicator(MPI_Comm comm, bool owned);
    MPI_Comm comm_;
    bool owned_;
    int exceptions_;
    int rank_ = 0;
    int size_ = 0;
};

/// So many bytes as one MPI element, so that counts stay small: a multiple of 64.
class Block {
public:
    explicit Block(Index bytes);
    ~Block();
    Block(const Block&) = delete;
    Block& operator=(const Block&) = delete;
    [[nodiscard]] MPI_Datatype get() const { return type_; }

private:
    MPI_Datatype type_ = MPI_DATATYPE_NULL;
};

/// Collective. Every rank leaves with the bytes of rank `from`; any size (sent in slices of at most 1 GiB).
void broadcast_bytes(const Communicator& comm, void* data, Index bytes, int from = 0);

/// Collective. Every rank leaves with root's value or text or vector.
Index broadcast(const Communicator& comm, Index value);
std::string broadcast(const Communicator& comm, std::string text);
template <class T>
std::vector<T> broadcast(const Communicator& comm, std::vector<T> values) {
    values.resize(static_cast<std::size_t>(broadcast(comm, static_cast<Index>(values.size()))));
    broadcast_bytes(comm, values.data(), static_cast<Index>(values.size() * sizeof(T)));
    return values;
}

/// Collective. In place, every rank leaves with the entrywise sum, maximum or bitwise or; any size.
void sum(const Communicator& comm, std::span<double> values);
void maximum(const Communicator& comm, std::span<double> values);
void bitwise_or(const Communicator& comm, std::span<std::uint64_t> values);
Index sum(const Communicator& comm, Index value);
double maximum(const Communicator& comm, double value);
double minimum(const Communicator& comm, double value);

/// Collective. Root leaves with every rank's text, in rank order; the others with nothing.
std::vector<std::string> gather(const Communicator& comm, const std::string& text);
/// Collective. Root leaves with the values of all ranks, rank after rank (each rank gives as many); the
/// others with none.
std::vector<double> gather(const Communicator& comm, std::span<const double> values);

/// Collective.
void barrier(const Communicator& comm);

/// Of the machine that this rank runs on.
std::string host_name();

/// The name and version of the MPI library.
std::string library_version();

}  // namespace tangram::mpi
