#include "tangram/input/other_readings.hpp"

#include "other_readings_of_model.hpp"
#include "tangram/support/error.hpp"

#include <array>

namespace tangram {

namespace {

using namespace onnx_file;

/// Changes a reading into another one; false where there is nothing to change.
struct Change {
    const char* words;
    bool (*make)(Reading&);
};

/// A new one is a function and a line here.
constexpr std::array changes{
    Change{
        "BatchNorm fused: it is of the network whose BatchNorm was folded into the convolution before it, and of the "
        "weights and biases that this leaves",
        fuse_into_convolutions},
    Change{
        "BatchNorm fused: it is of the network whose BatchNorm was folded into the convolution or dense layer before it, "
        "and of the weights and biases that this leaves",
        fuse_into_any_layer},
    Change{
        "statistics counted as parameters: running_mean and running_var of each BatchNorm have components, too",
        count_statistics},
    Change{
        "one weight, not shared: each use of a tensor that is used several times counts as a tensor of its own, without "
        "the products of different uses",
        unshare},
};

}  // namespace

std::size_t other_readings() {
    return changes.size();
}

std::optional<OtherReading> read_otherwise(const GraphFile& file, const GraphOptions& options,
                                           std::size_t which) {
    Reading reading = read_model_file(file, options);
    if (!changes[which].make(reading)) return std::nullopt;
    try {
        return OtherReading{changes[which].words, make_graph_of(reading).network};
    } catch (const Error&) {  // ShapeError, too
        return std::nullopt;
    }
}

}  // namespace tangram
