#include "forms_table.hpp"

#include "tangram/support/text.hpp"
#include "tangram/tangent/forms.hpp"
#include "tangram/tangent/steps.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tangram {

namespace {

using Cells = std::array<std::string, 4>;

std::string names_of(const Network& network, const Step& step) {
    std::vector<std::string> names;
    for (const StepTensor& its : step.tensors) names.push_back(network.tensors[at(its.tensor)].name);
    return printable(fmt::format("{}", fmt::join(names, ", ")));
}

}  // namespace

std::string forms_table(const Network& network, const Reduction& reduction) {
    const double all = operations_of_pair(network, reduction);
    std::vector<Cells> lines{{"tensor", "shape", "form", "share of a tile"}};
    for (const Step& step : steps_of(network, reduction)) {
        const ParameterTensor& first = network.tensors[at(step.tensors.front().tensor)];
        const double share = operations_of_pair(network, reduction, step) / std::max(all, 1.0);
        lines.push_back({names_of(network, step), fmt::format("({})", fmt::join(first.shape, ", ")),
                         facts_of(step.form).name, fmt::format("{:.1f} %", 100 * share)});
    }
    std::array<std::size_t, 4> widths{};
    for (const Cells& cells : lines) {
        for (std::size_t k = 0; k < cells.size(); ++k) widths[k] = std::max(widths[k], cells[k].size());
    }
    std::string table;
    for (const Cells& cells : lines)
        table += fmt::format("{:<{}}  {:<{}}  {:<{}}  {:>{}}\n", cells[0], widths[0], cells[1], widths[1],
                             cells[2], widths[2], cells[3], widths[3]);
    return table;
}

}  // namespace tangram
