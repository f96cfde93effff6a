#include "tangram/support/agreement.hpp"

#include "tangram/support/narrow.hpp"

#include <new>
#include <optional>
#include <string>

namespace tangram {

namespace {

/// What `work` threw, with its exit code: what is not an Error is a failure of memory or of the program.
std::optional<Error> caught(const std::function<void()>& work) {
    try {
        work();
        return std::nullopt;
    } catch (const Error& error) {
        return error;
    } catch (const std::bad_alloc&) {
        return Error(ExitCode::no_resources, out_of_memory);
    } catch (const std::exception& error) {
        return Error(ExitCode::failed, error.what());
    }
}

/// Collective. Throws on every rank what `mine` of the lowest failing rank says; returns if there is none.
void settle(const mpi::Communicator& comm, const std::optional<Error>& mine) {
    const double lowest = mpi::minimum(comm, mine ? comm.rank() : comm.size());
    const int speaker = static_cast<int>(lowest);
    if (speaker == comm.size()) return;
    int code = mine ? static_cast<int>(mine->code()) : 0;
    std::string message = mine ? mine->what() : "";
    auto length = static_cast<Index>(message.size());
    MPI_Bcast(&code, 1, MPI_INT, speaker, comm.get());
    MPI_Bcast(&length, 1, MPI_INT64_T, speaker, comm.get());
    message.resize(static_cast<std::size_t>(length));
    MPI_Bcast(message.data(), narrow(length, "length of a message"), MPI_CHAR, speaker, comm.get());
    throw AgreedError(static_cast<ExitCode>(code), message);
}

}  // namespace

void agree(const mpi::Communicator& comm, const std::function<void()>& work) {
    settle(comm, caught(work));
}

void agree_on_root(const mpi::Communicator& comm, const std::function<void()>& work) {
    settle(comm, comm.is_root() ? caught(work) : std::nullopt);
}

}  // namespace tangram
