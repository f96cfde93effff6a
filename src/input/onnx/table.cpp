#include "table.hpp"

#include "tangram/support/text.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace tangram::onnx_file {

namespace {

constexpr std::size_t columns = 5;
using Cells = std::array<std::string, columns>;

}  // namespace

std::string to_table(const std::vector<TableRow>& rows, const Network& network) {
    std::vector<Cells> lines{{"node", "operator", "name", "output", "parameters"}};
    for (const TableRow& row : rows) {
        if (row.shape.empty()) continue;
        lines.push_back({fmt::format("{}", lines.size()), row.op_type, printable(row.name),
                         fmt::format("({})", fmt::join(row.shape, ", ")),
                         printable(fmt::format("{}", fmt::join(row.tensors, "; ")))});
    }
    std::array<std::size_t, columns> widths{};
    for (const Cells& cells : lines) {
        for (std::size_t k = 0; k < columns; ++k) widths[k] = std::max(widths[k], cells[k].size());
    }
    std::string table;
    for (const Cells& cells : lines) {
        std::string line = fmt::format("{:>{}}", cells[0], widths[0]);
        for (std::size_t k = 1; k < columns; ++k) line += fmt::format("  {:<{}}", cells[k], widths[k]);
        line.erase(line.find_last_not_of(' ') + 1);
        table += line + "\n";
    }
    return table + fmt::format("{} nodes, {} inputs, {} outputs, {} parameters in {} tensors\n",
                               lines.size() - 1, network.inputs(), network.outputs(), network.parameters(),
                               network.tensors.size());
}

}  // namespace tangram::onnx_file
