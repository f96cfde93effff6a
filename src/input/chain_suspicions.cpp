// What names, widths and values make suspicious about a chain of layers.

#include "chain_modules.hpp"
#include "tangram/network/other_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/hash.hpp"
#include "tangram/support/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace tangram {

namespace {

/// A name cut at its first number that another name has otherwise: "blocks." 2 ".fc".
struct Counted {
    std::string before, after;
    Index number = 0;
};

/// `name` cut at number `which` (from 0), if it has so many.
std::optional<Counted> cut_at_number(const std::string& name, std::size_t which) {
    std::size_t place = 0;
    for (std::size_t seen = 0;; ++seen) {
        place = name.find_first_of("0123456789", place);
        if (place == std::string::npos) return std::nullopt;
        const std::size_t end = std::min(name.find_first_not_of("0123456789", place), name.size());
        if (seen == which) {
            Counted cut{name.substr(0, place), name.substr(end), 0};
            const auto [last, error] = std::from_chars(name.data() + place, name.data() + end, cut.number);
            if (error != std::errc{} || last != name.data() + end) return std::nullopt;
            return cut;
        }
        place = end;
    }
}

/// Whether `cut` is cut within the name of a container, "blocks." 2 ".fc", and not at the end of a layer's own, "fc" 2.
bool is_container(const Counted& cut) {
    return cut.after.find('.') != std::string::npos;
}

/// Whether the layers of two blocks have the same widths, and names that differ in the number of their container only.
bool is_same_block(const std::vector<Module>& modules, std::size_t a, std::size_t b, std::size_t length) {
    for (std::size_t k = 0; k < length; ++k) {
        const Module& first = modules[a + k];
        const Module& second = modules[b + k];
        if (first.weight->shape != second.weight->shape) return false;
        bool alike = false;
        for (std::size_t which = 0; !alike; ++which) {
            const auto cut_first = cut_at_number(first.name, which);
            const auto cut_second = cut_at_number(second.name, which);
            if (!cut_first || !cut_second) break;
            alike = cut_first->before == cut_second->before && cut_first->after == cut_second->after &&
                    is_container(*cut_first) && cut_first->number != cut_second->number;
        }
        if (!alike) return false;
    }
    return true;
}

/// The part that the names of a block's layers have in common, up to a dot: "nets.0".
std::string block_name(const std::vector<Module>& modules, std::size_t first, std::size_t length) {
    std::string common = modules[first].name;
    for (std::size_t k = 1; k < length; ++k) {
        const std::string& name = modules[first + k].name;
        const auto end = std::mismatch(common.begin(), common.end(), name.begin(), name.end()).first;
        common.erase(end, common.end());
    }
    const std::size_t dot = common.rfind('.');
    return common.substr(0, dot == std::string::npos ? 0 : dot);
}

/// A run of blocks of `length` layers that give as many values as they take.
struct BlockRun {
    std::size_t first = 0, length = 0, count = 0;
};

/// The longest run of at least two such blocks.
BlockRun find_blocks(const std::vector<Module>& modules) {
    BlockRun best;
    for (std::size_t length = 1; 2 * length <= modules.size(); ++length) {
        for (std::size_t first = 0; first + 2 * length <= modules.size(); ++first) {
            const bool is_square =
                modules[first].weight->shape[1] == modules[first + length - 1].weight->shape[0];
            if (!is_square) continue;
            std::size_t count = 1;
            while (first + (count + 1) * length <= modules.size() &&
                   is_same_block(modules, first, first + count * length, length)) {
                ++count;
            }
            if (count >= 2 && count * length > best.count * best.length) best = {first, length, count};
        }
    }
    return best;
}

std::string names_of_blocks(const std::vector<Module>& modules, const BlockRun& run) {
    std::vector<std::string> names;
    for (std::size_t k = 0; k < run.count; ++k)
        names.push_back(block_name(modules, run.first + k * run.length, run.length));
    return name_some(names);
}

/// Neighbours in one torch.nn.Sequential, "net.0" and "net.3", and how far apart.
std::optional<Index> steps_between(const Module& a, const Module& b) {
    const std::string last_a = kind_of(a.name), last_b = kind_of(b.name);
    const auto cut_a = cut_at_number(last_a, 0), cut_b = cut_at_number(last_b, 0);
    const bool are_numbers =
        cut_a && cut_b && (cut_a->before + cut_a->after + cut_b->before + cut_b->after).empty();
    if (!are_numbers || module_of(a.name) != module_of(b.name)) return std::nullopt;
    return cut_b->number - cut_a->number;
}

/// Modules without tensors between two layers: an activation is one, anything more may change the network.
void note_gaps(const std::vector<Module>& modules, std::vector<std::string>& notes) {
    std::set<Index> steps;
    std::size_t wide = 0, direct = 0;
    for (std::size_t l = 1; l < modules.size(); ++l) {
        const std::optional<Index> step = steps_between(modules[l - 1], modules[l]);
        if (!step) continue;
        steps.insert(*step);
        if (*step > 2 && wide == 0) wide = l;
        if (*step == 1 && direct == 0) direct = l;
    }
    if (wide > 0) {
        notes.push_back(fmt::format(
            "model: between {} and {} there are {} modules without tensors: one activation is assumed; a Dropout changes nothing, but a normalization or a second activation would make it another network",
            modules[wide - 1].name, modules[wide].name,
            *steps_between(modules[wide - 1], modules[wide]) - 1));
    }
    if (direct > 0 && steps.size() > 1) {
        notes.push_back(fmt::format(
            "model: {} and {} follow each other, with no room for an activation between: give --activation one name a layer, identity there, if there is none",
            modules[direct - 1].name, modules[direct].name));
    }
}

bool is_constant(const std::vector<double>& values) {
    return std::adjacent_find(values.begin(), values.end(), std::not_equal_to<>()) == values.end();
}

void note_equal_tensors(const std::vector<Module>& modules, std::vector<std::string>& notes) {
    std::map<std::pair<std::vector<Index>, std::uint64_t>, std::vector<std::string>> by_values;
    for (const Module& module : modules) {
        for (const Tensor* tensor : {module.weight, module.bias}) {
            if (tensor == nullptr || is_constant(tensor->values)) continue;
            const std::string_view bytes(reinterpret_cast<const char*>(tensor->values.data()),
                                         tensor->values.size() * sizeof(double));
            by_values[{tensor->shape, checksum(bytes)}].push_back(tensor->name);
        }
    }
    for (const auto& [values, names] : by_values) {
        if (names.size() < 2) continue;
        notes.push_back(fmt::format(
            "model: {} hold the same values and count as parameters of their own: if they are one tensor used several times (tied weights), its kernel is another: a state_dict does not tell; {}",
            name_some(names), a_graph_tells));
    }
}

/// Metadata `tangram.shared`: a JSON list of lists of names.
std::vector<std::vector<std::string>> shared_groups(const ModelFile& model) {
    const auto entry = model.metadata.find("tangram.shared");
    if (entry == model.metadata.end()) return {};
    try {
        return nlohmann::json::parse(entry->second).get<std::vector<std::vector<std::string>>>();
    } catch (const nlohmann::json::exception&) {
        fail(
            ExitCode::bad_input,
            "the model's metadata cannot be used ({}:__metadata__.tangram.shared): it is no list of lists of names: convert the checkpoint again",
            model.path);
    }
}

}  // namespace

void refuse_repetition(const std::string& path, const std::vector<Module>& ordered) {
    for (std::size_t length = ordered.size() / 2; length >= 2; --length) {
        const std::size_t count = ordered.size() / length;
        bool repeats = ordered.size() % length == 0;
        for (std::size_t k = 1; repeats && k < count; ++k)
            repeats = is_same_block(ordered, 0, k * length, length);
        if (!repeats) continue;
        const BlockRun run{0, length, count};
        const std::string first = block_name(ordered, 0, length);
        std::vector<std::string> layers;
        for (const Module& module : ordered) layers.push_back(module.name);
        std::string all;
        for (const std::string& name : layers) all += (all.empty() ? "" : ",") + printable(name);
        if (first.empty()) {
            fail(
                ExitCode::bad_input,
                "the model has the same {} layers {} times ({}: {}): are these several networks? Name the layers of one with --layers, or all of them, in order, if they are one network",
                length, count, path, name_some(layers));
        }
        fail(
            ExitCode::bad_input,
            "the model has the same layers {} times ({}: {}): are these several networks? Name one of them as {}:{}, or if they are one network its layers, in order: --layers {}",
            count, path, names_of_blocks(ordered, run), path, printable(first), all);
    }
}

std::vector<std::string> suspicions(const std::vector<Module>& ordered) {
    std::vector<std::string> notes;
    const BlockRun blocks = find_blocks(ordered);
    if (blocks.count > 0) {
        notes.push_back(fmt::format(
            "model: {} give as many values as they take and are read as plain layers: if they add their input to it (residual blocks), this is another network: a state_dict does not tell; {}",
            names_of_blocks(ordered, blocks), a_graph_tells));
    }
    note_gaps(ordered, notes);
    note_equal_tensors(ordered, notes);
    return notes;
}

void refuse_shared_tensors(const ModelFile& model, const std::vector<Module>& ordered, bool all_layers) {
    std::set<std::string> used;
    for (const Module& module : ordered) {
        used.insert(module.weight->name);
        if (module.bias != nullptr) used.insert(module.bias->name);
    }
    for (const std::vector<std::string>& group : shared_groups(model)) {
        const auto count = std::count_if(group.begin(), group.end(),
                                         [&](const std::string& name) { return used.contains(name); });
        if (count < (all_layers && group.size() > 1 ? 1 : 2)) continue;
        fail(
            ExitCode::bad_input,
            "{} are one tensor in the checkpoint ({}): the gradient of tied weights is the sum over their uses, which a state_dict does not tell; {}",
            name_some(group), model.path, a_graph_tells);
    }
}

}  // namespace tangram
