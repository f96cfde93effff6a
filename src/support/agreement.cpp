#include "tangram/support/agreement.hpp"

#include "tangram/support/narrow.hpp"

#include <new>
#include <optional>
#include <string>
#include <system_error>

namespace tangram {

namespace {

std::optional<Error> caught(const std::function<void()>& work) {
    try {
        work();
        return std::nullopt;
    } catch (const std::exception& error) {
        return as_error(error);
    }
}

/// Collective. Throws on every rank what `mine` of the lowest failing rank says; returns if there is none.
void settle(const mpi::Communicator& comm, const std::optional<Error>& mine) {
    const double lowest = mpi::minimum(comm, mine ? comm.rank() : comm.size());
    const int teller = static_cast<int>(lowest);  // whose error is told
    if (teller == comm.size()) return;
    int code = mine ? static_cast<int>(mine->code()) : 0;
    std::string message = mine ? mine->what() : "";
    auto length = static_cast<Index>(message.size());
    MPI_Bcast(&code, 1, MPI_INT, teller, comm.get());
    MPI_Bcast(&length, 1, MPI_INT64_T, teller, comm.get());
    message.resize(static_cast<std::size_t>(length));
    MPI_Bcast(message.data(), narrow(length, "length of a message"), MPI_CHAR, teller, comm.get());
    throw AgreedError(static_cast<ExitCode>(code), message);
}

}  // namespace

Error as_error(const std::exception& error) {
    if (const auto* known = dynamic_cast<const Error*>(&error)) return {known->code(), known->what()};
    if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr)
        return {ExitCode::no_resources, out_of_memory};
    const auto* of_system = dynamic_cast<const std::system_error*>(&error);
    if (of_system != nullptr && of_system->code() == std::errc::resource_unavailable_try_again) {
        return {
            ExitCode::no_resources,
            "no thread could be started: raise the limits on address space and processes (ulimit -v, ulimit -u), or give fewer --threads"};
    }
    return {ExitCode::failed, error.what()};
}

void agree(const mpi::Communicator& comm, const std::function<void()>& work) {
    settle(comm, caught(work));
}

void agree_on_root(const mpi::Communicator& comm, const std::function<void()>& work) {
    settle(comm, comm.is_root() ? caught(work) : std::nullopt);
}

}  // namespace tangram
