#pragma once
// Gradients of factors that are read a part at a time. Private to input/.

#include "tangram/input/factors.hpp"
#include "tangram/network/stored_rows.hpp"

#include <memory>
#include <mutex>

namespace tangram {

/// Of one tensor: samples of `train` by their rows in its file, those of `test`, where there is one, numbered on from there.
/// `reading`: shared by all that read, for HDF5 is not thread-safe.
std::shared_ptr<const StoredRows> stored_rows(const FactorTensor& tensor, const FactorFile& train,
                                              const FactorTensor* test_tensor,
                                              std::shared_ptr<std::mutex> reading);

}  // namespace tangram
