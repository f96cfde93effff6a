#pragma once
// Gradients that other programs made (JAX, adapters, residuals of PINNs, random projections), of N samples with R rows each:
//
//   of a tensor   in its file                                 gradient of (sample i, row r)          form
//   x and s       x (N, d_in), s (N, R, d_out)                s_ir x_i^T  (d_out, d_in)              outer
//                 x (N, T, d_in), s (N, R, T, d_out)          sum over p of s_irp x_ip^T             that of a weight on T positions
//   s, or g       (N, R, P); g also (N, R, out, in), ..       itself                                 rows, or stored
//
//   R = 1 may be left out: s (N, d_out), g (N, P).
//
//   HDF5          FILE[:GROUP], a group a tensor with the datasets above; in the order of the attribute `tensors` of FILE or GROUP,
//                 where there is one, else of their names
//   a text        a line a tensor: NAME x=FILE[:DATASET] s=FILE[:DATASET], or NAME g=FILE[:DATASET]; .npy, .npz, HDF5; paths from the
//                 folder of the text; # begins a comment
//
// They become a network that is linear in its parameters, at zero, whose gradients these are: whatever is made of a network
// is made of it by the same code.
//
//   f_r = sum over tensors of  s_r . (W x)  or  s_r . theta

#include "tangram/input/graph.hpp"

#include <string>
#include <vector>

namespace tangram {

struct FactorTensor {
    std::string name;
    std::string x, s;          ///< FILE[:DATASET]; x is "" where s is the gradient
    std::vector<Index> shape;  ///< (d_out, d_in); (P)
    Index positions = 1;       ///< T
    std::string storage;       ///< of s: tensors with the same read it once; "" where that is not known
    [[nodiscard]] bool is_product() const { return !x.empty(); }
    [[nodiscard]] Index size() const;  ///< P
};

struct FactorFile {
    std::string location;
    Index samples = 0;  ///< N
    Index rows = 1;     ///< R
    std::vector<FactorTensor> tensors;
    std::vector<std::string> other_files;  ///< that a text names
    std::vector<std::string> notes;        ///< what was left out
};

/// One rank. Those tensors that --wrt and --frozen leave. Throws Error(bad_input) naming file, dataset and shape.
FactorFile read_factors(const std::string& location, const GraphOptions& chosen);

/// Throws Error(bad_input) unless the two have the same tensors and rows: `test` against `train`.
void require_same_tensors(const FactorFile& train, const FactorFile& test);

/// Gradients themselves are held as they are where those of a sample are no more than so many numbers; beyond that, those of
/// tensors with more than `most_held_of_tensor` stay in their file (form `stored`). By shapes alone: so the bits are.
inline constexpr Index most_held_of_sample = Index{1} << 16;
inline constexpr Index most_held_of_tensor = Index{1} << 10;

/// What a sample of the network below is: columns of datasets, joined, or a row's number.
struct FactorColumns {
    std::vector<std::string> locations;
    std::vector<SampleKind> kinds;
};
FactorColumns columns_of(const FactorFile& factors);

/// Its outputs are the R rows, its input the columns. `test`: of the test samples, whose numbers follow those of the others; or
/// none. What stays in files is read from there whenever it is asked for.
Network network_of(const FactorFile& factors, const FactorFile* test = nullptr);

/// A table for people.
std::string describe(const FactorFile& factors);

}  // namespace tangram
