#pragma once
// A network that its file describes itself, operators, shapes and all: ONNX. One rank reads the bytes, every rank makes the
// network of them.

#include "tangram/input/samples.hpp"
#include "tangram/network/network.hpp"

#include <string>
#include <vector>

namespace tangram {

/// Whether the file at `path` is one, by its name or its first bytes.
bool is_graph_file(const std::string& path);

struct GraphFile {
    std::string path;
    std::string bytes;                        ///< with all weights inside
    std::vector<std::string> external_files;  ///< where those lay that were not
};

/// Throws Error(bad_input) naming file and tensor.
GraphFile read_graph_file(const std::string& path);

/// What of it counts.
struct GraphOptions {
    std::string value{};  ///< the output, or inner value, whose kernel it is; "": its only output
    std::vector<std::string>
        wrt{};  ///< shell patterns of names: the tensors that are parameters; none: all that can be
    std::vector<std::string> frozen{};  ///< and those that are not
    bool operator==(const GraphOptions&) const = default;
};

/// An input of the graph, in its order: together they are the network's input, one after the other.
struct GraphInput {
    std::string name;
    std::vector<Index> shape;               ///< of one sample, with its batch axis of 1
    SampleKind kind = SampleKind::numbers;  ///< ids are integers, masks may be truth values
};

struct Graph {
    Network network;
    std::vector<GraphInput> inputs;
    std::string description;         ///< a table for people
    std::vector<std::string> notes;  ///< what the user should be told
};

/// The network for batches of `batch` samples, which is then its one sample. Throws Error(bad_input) naming file and node of
/// what cannot be done, Error(usage) on options that do not fit.
Graph make_graph(const GraphFile& file, const GraphOptions& options, Index batch = 1);

}  // namespace tangram
