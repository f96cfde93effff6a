#pragma once
// A graph as a table for people: one line a node of the file that computes with samples. Private to input/onnx/.

#include "tangram/network/network.hpp"

#include <string>
#include <vector>

namespace tangram::onnx_file {

struct TableRow {
    std::string name, op_type;
    std::vector<Index> shape;          ///< of its first output, as the file has it; empty: a constant
    std::vector<std::string> tensors;  ///< that come in here
};

std::string to_table(const std::vector<TableRow>& rows, const Network& network);

}  // namespace tangram::onnx_file
