#pragma once
// The checks of a finished product, whichever it is:
//
//   explicit           stored entries between a few samples against J_ref J_ref^T (product/comparison.hpp), per tensor
//   differences        J_ref itself against central differences
//   probe              every stored entry: A v against J (J^T v), and of a rectangular matrix A^T u too, v and u fixed random
//                      +-1 vectors (product/action.hpp)
//   symmetry           tile (I, J) against the transpose of tile (J, I), where the matrices are symmetric
//   diagonal           none is negative: squared norms; of test samples, recorded against J_ref
//   sum of components  the total against the sum of its components, where there are any
//   trace              where the product brings another way to it
//
// What the probe can see: a wrong entry shifts its row's product by its error, which is held against the sum
// of that row's absolute values. In float32 at N = 100 000 an error of one entry of its own size is at the
// tolerance. Work: O(N P R) for the reference, and one reading of the file.

#include "tangram/checks/check_report.hpp"
#include "tangram/product/product.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tangram {

/// Entry `row` of the probe vector: +1 or -1, a hash of seed and row, the same everywhere.
double probe_sign(std::uint64_t seed, Index row);

/// A finished file of a product, and what is needed to make it once more.
struct ProductFile {
    const mpi::Communicator& world;
    const Product& product;
    const Problem& problem;
    const Shape& shape;
    const std::string& path;
    ActionResources resources;
};

/// What is read of the check samples of a file, the same on every rank. All are collective.
struct CheckInputs {
    /// X (M, d_0) of samples of a set.
    std::function<Matrix<double>(SetOfSamples set, const std::vector<std::int64_t>& samples)> read;
    /// The recorded kernels of test samples with themselves, (M, R' R'); empty where there are none.
    std::function<Matrix<double>(const std::vector<std::int64_t>& samples)> diagonal{};
};

/// Collective. Fills the report for the samples that it names, report.samples and, where the product has test samples,
/// report.test_samples. Samples whose derivatives take different branches in features and reference are counted and left out;
/// where these are more than half, others are drawn in their place, and named.
void check_product(const ProductFile& file, const CheckInputs& inputs, CheckReport& report);

/// Collective. The part of it that reads every entry once.
void check_all_entries(const ProductFile& file, CheckReport& report);

}  // namespace tangram
