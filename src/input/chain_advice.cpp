// What to do about layers that make no chain: only what would help, tried before it is said.

#include "chain_modules.hpp"
#include "tangram/network/other_networks.hpp"
#include "tangram/support/error.hpp"
#include "tangram/support/text.hpp"

#include <algorithm>

namespace tangram {

namespace {

/// The modules that make one chain of two layers or more, in its order, as --layers takes them; "" where they do not.
std::string as_chain(ModelFile part) {
    const bool are_parameters =
        std::all_of(part.tensors.begin(), part.tensors.end(),
                    [](const Tensor& tensor) { return is_parameter_name(tensor.name); });
    if (!are_parameters) return "";
    try {
        refuse_other_modules(part);
        const std::vector<Module> modules = pair_tensors(part);
        std::vector<ModuleWidths> widths;
        for (const Module& module : modules) {
            check_module(part.path, module);
            widths.push_back(module.widths());
        }
        const OrderSearch search = find_orders(widths);
        return widths.size() >= 2 && search.orders.size() == 1 ? as_list(modules, search.orders[0]) : "";
    } catch (const Error&) {
        return "";
    }
}

/// Whether what FILE:`group` keeps makes one chain.
bool group_chains(const ModelFile& model, const std::string& group) {
    ModelFile part{model.path, {}, {}};
    for (const Tensor& tensor : model.tensors) {
        if (tensor.name.starts_with(group + "."))
            part.tensors.push_back({tensor.name.substr(group.size() + 1), tensor.shape, {}});
    }
    return !as_chain(std::move(part)).empty();
}

/// Every "a", "a.b" that names of more than one tensor begin with, shortest first; not more than can be tried.
std::vector<std::string> prefixes(const ModelFile& model) {
    constexpr std::size_t most = 200;
    std::vector<std::string> all;
    for (const Tensor& tensor : model.tensors) {
        for (std::size_t dot = tensor.name.find('.'); dot != std::string::npos;
             dot = tensor.name.find('.', dot + 1))
            all.push_back(tensor.name.substr(0, dot));
        if (all.size() > 100 * most) break;
    }
    std::sort(all.begin(), all.end(), [](const std::string& a, const std::string& b) {
        return a.size() != b.size() ? a.size() < b.size() : a < b;
    });
    all.erase(std::unique(all.begin(), all.end()), all.end());
    if (all.size() > most) all.resize(most);
    return all;
}

/// The outermost groups that make a chain each, but for one that all tensors are in.
std::vector<std::string> groups_that_chain(const ModelFile& model) {
    std::vector<std::string> groups;
    for (const std::string& group : prefixes(model)) {
        const bool is_all =
            std::all_of(model.tensors.begin(), model.tensors.end(),
                        [&](const Tensor& tensor) { return tensor.name.starts_with(group + "."); });
        const bool is_inside = std::any_of(groups.begin(), groups.end(), [&](const std::string& outer) {
            return group.starts_with(outer + ".");
        });
        if (!is_all && !is_inside && group_chains(model, group)) groups.push_back(group);
    }
    return groups;
}

/// What lies in none of the groups, as --layers takes it, where that makes a chain.
std::string outside(const ModelFile& model, const std::vector<std::string>& groups) {
    ModelFile part{model.path, {}, {}};
    for (const Tensor& tensor : model.tensors) {
        const bool is_inside = std::any_of(groups.begin(), groups.end(), [&](const std::string& group) {
            return tensor.name.starts_with(group + ".");
        });
        if (!is_inside && is_parameter_name(tensor.name))
            part.tensors.push_back({tensor.name, tensor.shape, {}});
    }
    return as_chain(std::move(part));
}

std::string name_groups(const ModelFile& model, const std::vector<std::string>& groups) {
    std::vector<std::string> places;
    for (std::string group : groups) {
        std::replace(group.begin(), group.end(), '.', model.separator);
        const std::string outer = model.group.empty() ? "" : model.group + model.separator;
        places.push_back(fmt::format("{}:{}{}", model.path, outer, group));
    }
    return name_some(places);
}

}  // namespace

std::string as_list(const std::vector<Module>& modules, const std::vector<std::size_t>& order) {
    std::string list;
    for (const std::size_t i : order) list += (list.empty() ? "" : ",") + printable(modules[i].name);
    return list;
}

std::string how_to_choose(const ModelFile& model) {
    const std::vector<std::string> groups = groups_that_chain(model);
    const std::string rest = groups.empty() ? "" : outside(model, groups);
    if (!rest.empty())
        return fmt::format("parts that chain by themselves are --layers {}, and {}", rest,
                           name_groups(model, groups));
    if (!groups.empty()) return "a part that chains by itself is " + name_groups(model, groups);
    return fmt::format("a state_dict does not tell how layers are connected; {}", a_graph_tells);
}

std::string and_groups(const ModelFile& model) {
    const std::vector<std::string> groups = groups_that_chain(model);
    const bool holds_all = std::all_of(model.tensors.begin(), model.tensors.end(), [&](const Tensor& tensor) {
        return std::any_of(groups.begin(), groups.end(),
                           [&](const std::string& group) { return tensor.name.starts_with(group + "."); });
    });
    return groups.empty() || !holds_all
               ? ""
               : "; or, if these are several networks, name one: " + name_groups(model, groups);
}

std::string joined_inputs(const std::vector<Module>& modules) {
    std::vector<const Module*> unfed;  // no other layer gives what they take
    for (const Module& module : modules) {
        const bool is_fed = std::any_of(modules.begin(), modules.end(), [&](const Module& other) {
            return &other != &module && other.widths().out == module.widths().in;
        });
        if (!is_fed) unfed.push_back(&module);
    }
    for (const Module* wide : unfed) {
        for (const Module* first : unfed) {
            for (const Module& before : modules) {
                const Index in = wide->widths().in, own = first->widths().in, given = before.widths().out;
                if (wide == first || &before == wide || in != given + own) continue;
                return fmt::format(
                    "{} takes {} = {} + {} values, as if what {} takes were joined again there (a concatenation): a state_dict does not tell; {}",
                    printable(wide->name), in, given, own, printable(first->name), a_graph_tells);
            }
        }
    }
    return "";
}

std::string heads(const std::vector<Module>& modules, const std::vector<std::size_t>& chain,
                  const std::vector<std::size_t>& rest) {
    if (chain.size() < 2 || rest.empty()) return "";
    const auto is_head = [&](std::size_t i) {  // beside one of the chain's layers, not after all of them
        return std::any_of(chain.begin(), chain.end() - 1,
                           [&](std::size_t k) { return modules[k].widths().out == modules[i].widths().in; });
    };
    if (!std::all_of(rest.begin(), rest.end(), is_head)) return "";
    return fmt::format(
        "are there several outputs? --layers names the layers of one, in order, and leaves out the rest: --layers {}, for example",
        as_list(modules, chain));
}

}  // namespace tangram
