#include "more_models.hpp"

#include "read_network.hpp"
#include "tangram/network/joined.hpp"
#include "tangram/run/model_names.hpp"
#include "tangram/support/agreement.hpp"
#include "tangram/support/crash_guard.hpp"
#include "tangram/support/text.hpp"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace tangram {

namespace {

void require_same_architecture(const KernelOptions& first, const std::string& other, const Network& network,
                               const Network& others) {
    const std::optional<std::string> difference = difference_of_architecture(network, others);
    if (!difference) return;
    fail(
        ExitCode::bad_input,
        "{} is of another architecture than {}: {}: compare the totals of their kernel files, tangram drift A.h5 B.h5",
        printable(other), printable(first.model), *difference);
}

/// Collective. The network of one more model, on every rank.
Network read_model_like(const KernelOptions& options, const std::string& path, const mpi::Communicator& world,
                        const std::function<void()>& may_stop, Inputs& inputs) {
    KernelOptions its = options;
    its.model = path;
    AnyModel model;
    agree_on_root(world, [&] {
        const CrashGuard guard(
            ExitCode::bad_input,
            fmt::format("cannot read {}: it is so damaged that libhdf5 crashes: restore it from a copy",
                        printable(path)));
        model = read_any_model(its);
        const ReadNetwork read = make_any_network(model, its);
        require_same_architecture(options, path, inputs.network, read.network);
        if (model.kind == ModelKind::graph) require_samples_apart(model.graph, its.graph, read.network);
        if (!writes_digests(options)) return;
        for (const std::string& file : other_files_of(model, its))
            inputs.linked_digests.push_back(digest_file(file, may_stop));
    });
    model = broadcast_any_model(world, std::move(model));
    return make_any_network(std::move(model), its).network;
}

}  // namespace

void join_more_models(const KernelOptions& options, const mpi::Communicator& world,
                      const std::function<void()>& may_stop, Inputs& inputs) {
    if (!options.drift || options.drift->more_models.empty()) return;
    std::vector<Network> networks;
    std::vector<std::string> names{short_name(options.model)};
    for (const std::string& path : options.drift->more_models) {
        networks.push_back(read_model_like(options, path, world, may_stop, inputs));
        names.push_back(short_name(path));
    }
    networks.insert(networks.begin(), std::move(inputs.network));
    inputs.models = static_cast<Index>(networks.size());
    inputs.network = join(std::move(networks), names);
    inputs.reduction = join(inputs.reduction, inputs.models);
    inputs.test_reduction = inputs.reduction;
    inputs.description += fmt::format("\n{} models of this architecture\n", inputs.models);
}

}  // namespace tangram
